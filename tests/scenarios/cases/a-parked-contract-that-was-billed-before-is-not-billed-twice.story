clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Licence recurring 31; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31
advance  2025-01-15
issued   DE-INV-1 2025-01-01 31
usage    e1 bolt calls 100
advance  2025-02-01
issued   DE-INV-2 2025-02-01 32; Calls 1; Licence 31
usage    e2 bolt calls -100
advance  2025-03-01
parked   k1
# amended while it waits: March is billed on new terms when its time comes, February still waits to be priced
reprice  std EUR; Licence recurring 62; Calls usage=calls graduated 1000@0.01 *@0.008
amend    k1 on=2025-03-01 next; std from=2025-01-01 to=2025-12-31
delete   e2
retry    k1
advance  2025-04-01
issued   DE-INV-3 2025-03-01 62; Calls 0; Licence 62
issued   DE-INV-4 2025-04-01 62; Calls 0; Licence 62
parked
