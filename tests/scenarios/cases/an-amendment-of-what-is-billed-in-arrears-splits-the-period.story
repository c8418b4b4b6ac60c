clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Licence recurring 62; Calls usage=calls each 1
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-16T23:00
usage    e1 bolt calls 5 at=2025-01-15T23:59
usage    e2 bolt calls 7 at=2025-01-16T00:00
reprice  std EUR; Licence recurring 93; Calls usage=calls each 2
amend    k1 on=2025-01-16 now; std from=2025-01-01 to=2025-12-31 pay=after
# 15 days at 2 and 5 calls at 1; then 16 days at 3 and 7 calls at 2
advance  2025-01-17
issued   DE-INV-1 2025-01-16 35 partial; Licence 30; Calls 5
advance  2025-02-01
issued   DE-INV-2 2025-02-01 62 partial; Licence 48; Calls 14
