clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-20
usage    e1 bolt calls 1000
advance  2025-02-01
issued   DE-INV-1 2025-02-01 10
correct  e1 1500
advance  2025-02-02
issued   DE-DN-1 2025-02-02 4 of=DE-INV-1
correct  e1 800
advance  2025-02-03
issued   DE-CN-1 2025-02-03 6 of=DE-INV-1
correct  e1 1000
advance  2025-02-04
issued   DE-DN-2 2025-02-04 2 of=DE-INV-1
# there and back before anybody looks: nothing
correct  e1 2000
correct  e1 1000
advance  2025-02-05
books    receivable:bolt 10
