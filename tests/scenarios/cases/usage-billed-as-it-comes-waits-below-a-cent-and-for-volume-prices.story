# What comes to less than half a cent waits for more; a volume price, a minimum and what waits are billed with the period.
clock 2025-01-01
entity DE currency=EUR
customer bolt
meter calls
meter bytes
price used EUR; Calls usage=calls each 0.001; Bytes usage=bytes volume 100@2 *@1
contract k1 bolt; used from=2025-01-01 to=2025-03-31 pay=after min=300 billed=as-it-comes
clock 2025-01-03
usage e1 bolt calls 4
usage e2 bolt bytes 60
advance 2025-01-03
clock 2025-01-04
usage e3 bolt calls 6
advance 2025-01-04
issued DE-INV-1 2025-01-04 0.01; Calls 0.01; Bytes 0
clock 2025-01-05
usage e4 bolt bytes 50
usage e5 bolt calls 2
advance 2025-01-05
# 110 bytes at 1, less the cent, less what waited, up to 300
advance 2025-02-01
issued DE-INV-2 2025-02-01 299.99; Calls 0; Bytes 110; "Minimum commitment" 189.99
# late: the minimum gives way to it
usage e6 bolt bytes 40 at=2025-01-31
usage e7 bolt calls 1000 at=2025-01-31
advance 2025-02-02
issued DE-CN-1 2025-02-02 41 of=DE-INV-2; "Minimum commitment" 41
issued DE-DN-1 2025-02-02 41 of=DE-INV-2; Calls 1; Bytes 40
