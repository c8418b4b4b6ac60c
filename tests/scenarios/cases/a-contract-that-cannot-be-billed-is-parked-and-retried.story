clock    2025-01-01
entity   DE currency=EUR
customer bolt
customer cord
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
price    flat EUR; Licence recurring 5
contract k1 bolt; std from=2025-01-01 to=2025-04-30 pay=after
contract k2 cord; flat from=2025-01-01 to=2025-04-30 pay=after
clock    2025-01-20
# more taken back than used: there is no price below zero, and nothing is passed over in silence
usage    e1 bolt calls -100
advance  2025-02-01
issued   DE-INV-1 2025-02-01 5
parked   k1
refuse   parked.none retry k2
usage    e2 bolt calls 700
advance  2025-03-01
issued   DE-INV-2 2025-03-01 5
parked   k1
# tried again too early it is parked again
retry    k1
parked
advance  2025-03-01
parked   k1
correct  e1 100
retry    k1
advance  2025-03-02
issued   DE-INV-3 2025-02-01 1
issued   DE-INV-4 2025-03-01 7
parked
