clock    2025-03-01
entity   DE currency=EUR
refuse   invalid clock 2025-02-28
refuse   invalid advance 2025-02-28
refuse   invalid clock 1999-01-01
clock    2025-03-01
clock    2025-03-02
