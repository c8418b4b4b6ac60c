clock    2025-01-01
entity   DE currency=EUR
customer bolt
price    std EUR; Licence recurring 31
price    plus EUR; Support recurring 62; Welcome once 9
contract k1 bolt; std from=2025-01-01 to=2025-12-31
advance  2025-01-11
issued   DE-INV-1 2025-01-01 31
# 11 to 31 January are 21 of 31 days
amend    k1 on=2025-01-11 now; std from=2025-01-01 to=2025-12-31; plus from=2025-01-11 to=2025-12-31
advance  2025-02-01
issued   DE-INV-2 2025-01-11 51 partial; Support 42; Welcome 9
issued   DE-INV-3 2025-02-01 93; Licence 31; Support 62
# dropped from 15 February: 14 of 28 days of the licence go back
amend    k1 on=2025-02-15 now; plus from=2025-01-11 to=2025-12-31
issued   DE-CN-1 2025-02-01 15.50 of=DE-INV-3; Licence 15.50
advance  2025-03-01
issued   DE-INV-4 2025-03-01 62; Support 62
