clock    2025-01-01
entity   DE currency=EUR
customer bolt
customer cord
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-04-30 pay=after
contract k2 cord; std from=2025-01-01 to=2025-04-30 pay=after
clock    2025-01-20
usage    e1 bolt calls 100
usage    f1 cord calls 100
advance  2025-02-01
issued   2 invoices 2
# below zero there is no price: the one contract waits, the other one gets its note and its next invoice
correct  e1 -50
correct  f1 300
usage    f2 cord calls 500
usage    e2 bolt calls 600
advance  2025-03-01
issued   1 debits 2
issued   2 invoices 11
parked   k1
refuse   pricing.below_first_tier retry k1
correct  e1 50
retry    k1
issued   1 credits 0.50
parked
advance  2025-03-02
books    receivable:bolt 6.50
