clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
price    std EUR; Licence recurring 0.33; Seat recurring 0.33; Support recurring 0.33
price    book EUR; Handbook recurring 10.10
contract k1 bolt; std from=2025-01-01 to=2025-12-31; book from=2025-01-01 to=2025-12-31 tax=7
# 19 % of 0.99 is 0.1881 (by line it would be 0.18); 7 % of 10.10 is 0.707
advance  2025-01-01
issued   DE-INV-1 2025-01-01 11.99; Licence 0.33; Seat 0.33; Support 0.33; Handbook 10.10; tax 0.90
books    tax_payable:S:19 -0.19
books    tax_payable:S:7 -0.71
