clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
price    std EUR; Licence recurring 100
contract k1 bolt; std from=2025-01-01 to=2025-12-31 off=5 discount=10%
# 100 - 10 - 5 = 85, not (100 - 5) - 9.50; tax 16.15
advance  2025-01-01
issued   DE-INV-1 2025-01-01 101.15; Licence 100; discount 15; tax 16.15
# never below zero
contract k2 bolt; std from=2025-01-01 to=2025-01-31 discount=90% off=50
advance  2025-01-01
issued   DE-INV-2 2025-01-01 0; Licence 100; discount 100
