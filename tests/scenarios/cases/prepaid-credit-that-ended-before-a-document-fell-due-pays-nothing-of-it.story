# Three months at once: what ends in February pays January and February, and never March.
clock 2025-01-01
entity DE currency=EUR zone=UTC
customer bolt tax=0
price std EUR; Licence recurring 100
contract k1 bolt; std from=2025-01-01 to=2025-12-31 issue-day=2025-01-01
wallet w1 bolt
grant w1 250 until=2025-02-20
advance 2025-03-02
issued DE-INV-1 2025-01-01 0; Licence 100; credits 100
issued DE-INV-2 2025-02-01 0; Licence 100; credits 100
issued DE-INV-3 2025-03-01 100; Licence 100
is DE-INV-1 paid
holds w1 0
books credit_granted 200
books customer_credit:bolt 0
