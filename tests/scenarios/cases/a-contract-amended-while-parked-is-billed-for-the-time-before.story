clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Licence recurring 31; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-20
usage    e1 bolt calls -100
advance  2025-02-01
parked   k1
reprice  std EUR; Licence recurring 62; Calls usage=calls graduated 1000@0.01 *@0.008
amend    k1 on=2025-02-10 next; std from=2025-01-01 to=2025-12-31 pay=after
advance  2025-04-01
issued   DE-INV-1 2025-03-01 31
issued   DE-INV-2 2025-04-01 62
parked   k1
correct  e1 100
retry    k1
advance  2025-04-02
issued   DE-INV-3 2025-02-01 32; Licence 31; Calls 1
parked
advance  2025-05-01
issued   DE-INV-4 2025-05-01 62
