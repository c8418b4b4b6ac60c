clock    2025-01-01
entity   DE currency=EUR
customer bolt
price    std EUR; Licence recurring 31
contract k1 bolt; std from=2025-01-01 to=2025-12-31
advance  2025-03-10
issued   3 invoices 93
reprice  std EUR; Licence recurring 62
amend    k1 on=2025-01-16 now; std from=2025-01-01 to=2025-12-31
issued   DE-CN-1 2025-03-10 16 of=DE-INV-1
issued   DE-CN-2 2025-03-10 31 of=DE-INV-2
issued   DE-CN-3 2025-03-10 31 of=DE-INV-3
is       DE-INV-1 unpaid
advance  2025-03-10
issued   DE-INV-4 2025-01-16 32 partial
issued   DE-INV-5 2025-02-01 62
issued   DE-INV-6 2025-03-01 62
books    receivable:bolt 171
