clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
price    std EUR; Licence recurring 31
contract k1 bolt; std from=2025-01-01 to=2025-12-31
advance  2025-03-10
issued   3 invoices 110.67
paid     DE-INV-2 36.89
cancel   k1 on=2025-01-30 now
issued   DE-CN-1 2025-03-10 1.19 of=DE-INV-1; Licence 1; tax 0.19
issued   DE-CN-2 2025-03-10 36.89 of=DE-INV-2
issued   DE-CN-3 2025-03-10 36.89 of=DE-INV-3
books    receivable:bolt -1.19
advance  2025-12-31
