clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-02-25
usage    e1 bolt calls 400 at=2025-01-20
usage    e2 bolt calls 700 at=2025-02-10
advance  2025-03-01
issued   DE-INV-1 2025-02-01 4
issued   DE-INV-2 2025-03-01 7
# February: 1,100 calls are 10.80
correct  e1 at=2025-02-20
advance  2025-03-02
issued   DE-CN-1 2025-03-02 4 of=DE-INV-1
issued   DE-DN-1 2025-03-02 3.80 of=DE-INV-2
# and on into a period that is not billed yet
correct  e1 at=2025-03-01
advance  2025-03-03
issued   DE-CN-2 2025-03-03 3.80 of=DE-INV-2
upcoming k1; 2025-04-01 4
advance  2025-04-01
issued   DE-INV-3 2025-04-01 4
