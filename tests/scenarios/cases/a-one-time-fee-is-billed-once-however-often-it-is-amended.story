clock    2025-01-01
entity   DE currency=EUR
customer bolt
price    std EUR; Licence recurring 62; Setup once 50
contract k1 bolt; std from=2025-01-01 to=2025-12-31
advance  2025-01-16
issued   DE-INV-1 2025-01-01 112; Licence 62; Setup 50
reprice  std EUR; Licence recurring 93; Setup once 60
# 16 days at 2 a day go back, 16 days at 3 a day are billed; the day of the change belongs to the new version
amend    k1 on=2025-01-16 now; std from=2025-01-01 to=2025-12-31
issued   DE-CN-1 2025-01-16 32 of=DE-INV-1; Licence 32
advance  2025-01-16
issued   DE-INV-2 2025-01-16 48 partial; Licence 48
amend    k1 on=2025-02-10 next; std from=2025-01-01 to=2025-12-31 discount=10%
advance  2025-03-01
issued   DE-INV-3 2025-02-01 93; Licence 93
issued   DE-INV-4 2025-03-01 83.70; Licence 93; discount 9.30
advance  2026-01-31
issued   9 invoices 753.30
