# A wallet pays first, in the order of its lots; what it pays is off the total, and the tax stays what it is.
clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
customer bolt tax=19
price std EUR; Licence recurring 100
contract k1 bolt; std from=2025-01-01 to=2025-12-31 issue-day=2025-01-01
wallet w1 bolt
grant w1 50 until=2025-01-20
grant w1 30
advance 2025-01-01
issued DE-INV-1 2025-01-01 39; Licence 100; tax 19; credits 80
holds w1 0
books customer_credit:bolt 0
books receivable:bolt 39
advance 2025-02-01
issued DE-INV-2 2025-02-01 119
paid DE-INV-1 39
is DE-INV-1 paid
