clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls each 1
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after min=100
clock    2025-01-20
usage    e1 bolt calls 40
advance  2025-02-01
issued   DE-INV-1 2025-02-01 100; Calls 40; Minimum commitment 60
# still below: 50 more for calls, 50 less for the commitment
usage    e2 bolt calls 50 at=2025-01-21
advance  2025-02-02
issued   DE-CN-1 2025-02-02 50 of=DE-INV-1; Minimum commitment 50
issued   DE-DN-1 2025-02-02 50 of=DE-INV-1; Calls 50
# reached: 120 calls, no commitment
usage    e3 bolt calls 30 at=2025-01-22
advance  2025-02-03
issued   DE-CN-2 2025-02-03 10 of=DE-INV-1; Minimum commitment 10
issued   DE-DN-2 2025-02-03 30 of=DE-INV-1; Calls 30
# and lost again
delete   e3
delete   e2
delete   e1
advance  2025-02-04
issued   DE-CN-3 2025-02-04 120 of=DE-INV-1; Calls 120
issued   DE-DN-3 2025-02-04 100 of=DE-INV-1; Minimum commitment 100
books    receivable:bolt 100
