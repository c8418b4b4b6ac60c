clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-20
usage    e1 bolt calls 500
usage    e2 bolt calls 700
advance  2025-02-01
issued   DE-INV-1 2025-02-01 11.60
delete   e2
refuse   usage.deleted delete e2
refuse   usage.deleted correct e2 5
advance  2025-02-02
issued   DE-CN-1 2025-02-02 6.60 of=DE-INV-1
delete   e1
advance  2025-02-03
issued   DE-CN-2 2025-02-03 5 of=DE-INV-1
# the key stays taken: the report cannot come back by itself
again    e1 bolt calls 500 at=2025-01-20
advance  2025-02-04
books    receivable:bolt 0
