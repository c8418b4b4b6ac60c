clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
price    std EUR; Licence recurring 80
contract k1 bolt; std from=2025-01-01 to=2025-12-31 min=100 discount=50%
# 80 + 20, then half of it: 50; tax 9.50
advance  2025-01-01
issued   DE-INV-1 2025-01-01 59.50; Licence 80; Minimum commitment 20; discount 50; tax 9.50
