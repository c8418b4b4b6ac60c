clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-15
usage    e1 bolt calls 1000
again    e1 bolt calls 1000
# whatever else the second report says: the first one wins
again    e1 bolt calls 999999
usage    e2 bolt calls 500
upcoming k1; 2025-02-01 14
advance  2025-02-01
issued   DE-INV-1 2025-02-01 14; Calls 14
again    e1 bolt calls 1000 at=2025-01-15
again    e2 bolt calls 7
advance  2025-02-02
books    receivable:bolt 14
