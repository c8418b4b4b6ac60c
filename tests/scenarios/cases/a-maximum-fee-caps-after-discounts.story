clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls each 1
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after discount=10% max=90
clock    2025-02-20
usage    e1 bolt calls 80 at=2025-01-20
usage    e2 bolt calls 150
advance  2025-03-01
issued   DE-INV-1 2025-02-01 72; Calls 80; discount 8
# 150 - 15 = 135, capped at 90
issued   DE-INV-2 2025-03-01 90; Calls 150; discount 60
# 130 - 13 = 117, capped at 90: 18 more, whatever was used
usage    e3 bolt calls 50 at=2025-01-21
advance  2025-03-02
issued   DE-DN-1 2025-03-02 18 of=DE-INV-1; Calls 50; discount 32
# 60 - 6 = 54 is below the cap again: 36 go back
correct  e2 60
advance  2025-03-03
issued   DE-CN-1 2025-03-03 36 of=DE-INV-2; Calls 90; discount 54
books    receivable:bolt 144
