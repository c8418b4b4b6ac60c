# Without an issue day the grid hangs on the end: the last period is whole, the first may be a stub.
clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
price    std EUR; Licence recurring 100; Setup once 50
contract k1 bolt; std from=2025-01-10 to=2025-12-31
# 22 of 31 days: 70.9677; the set-up fee is whole; 19 % of 120.97 is 22.9843
upcoming k1; 2025-01-10 143.95; 2025-02-01 119
advance  2025-01-09
advance  2025-01-10
issued   DE-INV-1 2025-01-10 143.95 due=2025-01-24 partial; Licence 70.97; Setup 50; tax 22.98
upcoming k1; 2025-02-01 119; 2025-03-01 119
books    receivable:bolt 143.95
books    contract_liability -120.97
books    tax_payable:S:19 -22.98
advance  2026-03-01
issued   11 invoices 1309
