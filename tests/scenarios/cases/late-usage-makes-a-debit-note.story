clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=10
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-31
usage    e1 bolt calls 900
advance  2025-02-01
issued   DE-INV-1 2025-02-01 10.71; Calls 9; tax 1.71
clock    2025-02-03
usage    e2 bolt calls 300 at=2025-01-20
upcoming k1; 2025-03-01 0
# 1,200 calls are 10.00 + 1.60; 2.60 more, with 0.494 of tax
advance  2025-02-03
issued   DE-DN-1 2025-02-03 3.09 of=DE-INV-1 due=2025-02-13; Calls 2.60; tax 0.49
advance  2025-02-04
books    receivable:bolt 13.80
