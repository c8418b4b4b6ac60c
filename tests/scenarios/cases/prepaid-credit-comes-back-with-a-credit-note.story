# A credit note takes off first what is asked for, then gives prepaid credit back, and it pays the next document.
clock 2025-01-01
entity DE currency=EUR zone=UTC
customer bolt tax=0
wallet w1 bolt
grant w1 60
adhoc bolt; Consulting 100
issued DE-INV-1 2025-01-01 40; Consulting 100; credits 60
credit DE-INV-1 1=30
issued DE-CN-1 2025-01-01 30 of=DE-INV-1
holds w1 0
credit DE-INV-1 1=25
issued DE-CN-2 2025-01-01 10 of=DE-INV-1; Consulting 25; credits 15
holds w1 15
adhoc bolt; Consulting 10
issued DE-INV-2 2025-01-01 0; Consulting 10; credits 10
credit DE-INV-1 all
issued DE-CN-3 2025-01-01 0 of=DE-INV-1; Consulting 45; credits 45
is DE-INV-1 cancelled
holds w1 50
