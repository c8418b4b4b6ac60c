# A wallet is not paid from itself; what was sold is there once it is paid, once; a credited purchase is taken back.
clock 2025-01-01
entity DE currency=EUR zone=UTC
customer bolt tax=19
wallet w1 bolt below=50 top-up=100
grant w1 50
sell w1 200
issued DE-INV-1 2025-01-01 200; "Prepaid credit: w1" 200
holds w1 50
paid DE-INV-1 200
paid DE-INV-1 0
holds w1 250
books contract_liability 0
adhoc bolt; Consulting 200
issued DE-INV-2 2025-01-01 0; Consulting 200; tax 38; credits 238
holds w1 12
refuse wallet.used credit DE-INV-1 all
advance 2025-01-02
issued DE-INV-3 2025-01-02 100; "Prepaid credit: w1" 100
advance 2025-01-03
paid DE-INV-3 100
holds w1 112
credit DE-INV-3 1=40
issued DE-CN-1 2025-01-03 40 of=DE-INV-3
holds w1 72
