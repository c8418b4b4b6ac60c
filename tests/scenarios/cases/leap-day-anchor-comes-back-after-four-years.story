clock    2024-02-01
entity   DE currency=EUR
customer bolt
price    std EUR; Licence recurring 366
contract k1 bolt; std from=2024-02-29 cycle=year
advance  2028-03-01
issued   DE-INV-1 2024-02-29 366
issued   DE-INV-2 2025-02-28 366
issued   DE-INV-3 2026-02-28 366
issued   DE-INV-4 2027-02-28 366
issued   DE-INV-5 2028-02-29 366
