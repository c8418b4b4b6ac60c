clock    2025-01-01
entity   DE currency=EUR
customer bolt
price    year EUR; Licence recurring 365
price    quarter EUR; Support recurring 90
price    week EUR; Watch recurring 7
# a year that ends with 2026: the first stub is 306 of 365 days
contract k1 bolt; year from=2025-03-01 to=2026-12-31 cycle=year
advance  2025-03-01
issued   DE-INV-1 2025-03-01 306 partial
# quarters that end with 2025: 15 February to 31 March are 45 of 90 days; 3 months are the same grid as a quarter
contract k2 bolt; quarter from=2025-02-15 to=2025-12-31 cycle=quarter
contract k3 bolt; quarter from=2025-02-15 to=2025-12-31 cycle=3month pay=after
advance  2026-01-01
issued   DE-INV-2 2025-02-15 45 partial
issued   2 invoices 135
issued   2 invoices 180
issued   2 invoices 180
issued   2 invoices 455
# weeks from the day they start on, billed when they are over
contract k4 bolt; week from=2026-01-05 to=2026-01-20 cycle=week pay=after issue-day=2026-01-05
advance  2026-01-31
issued   DE-INV-11 2026-01-12 7
issued   DE-INV-12 2026-01-19 7
# 19 and 20 January are two days of a week
issued   DE-INV-13 2026-01-21 2 partial
