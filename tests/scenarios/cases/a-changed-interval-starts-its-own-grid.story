clock    2025-01-01
entity   DE currency=EUR
customer bolt
price    month EUR; Licence recurring 31
price    year EUR; Licence recurring 365
contract k1 bolt; month from=2025-01-01 issue-day=2025-01-01
advance  2025-01-15
issued   DE-INV-1 2025-01-01 31
# 17 days go back; the year is charged in full, from the day of the change
amend    k1 on=2025-01-15 now; year from=2025-01-01 cycle=year as=month
issued   DE-CN-1 2025-01-15 17 of=DE-INV-1
upcoming k1; 2025-01-15 365; 2026-01-15 365
advance  2026-01-20
issued   DE-INV-2 2025-01-15 365
issued   DE-INV-3 2026-01-15 365
