# A debit note and a credit note at the same time of a test clock: the last one says what stands.
clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls each 0.1
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-20
usage    e1 bolt calls 100
advance  2025-02-01
issued   DE-INV-1 2025-02-01 10
correct  e1 150
advance  2025-02-03
issued   DE-DN-1 2025-02-03 5
correct  e1 120
advance  2025-02-03
issued   DE-CN-1 2025-02-03 3
# written again, so that January is compared once more: nothing has changed
usage    e2 bolt calls 0 at=2025-01-20
advance  2025-02-04
correct  e1 130
advance  2025-02-05
issued   DE-DN-2 2025-02-05 1
