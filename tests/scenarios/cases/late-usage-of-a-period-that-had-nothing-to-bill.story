clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls each 0.01
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
# January is over and nothing was used: no document, no number
advance  2025-02-01
clock    2025-02-05
usage    e1 bolt calls 100 at=2025-01-15
advance  2025-02-05
issued   DE-INV-1 2025-02-05 1
usage    e2 bolt calls 200
advance  2025-03-01
issued   DE-INV-2 2025-03-01 2
# from now on January has a document to correct
usage    e3 bolt calls 50 at=2025-01-16
advance  2025-03-02
issued   DE-DN-1 2025-03-02 0.50 of=DE-INV-1
