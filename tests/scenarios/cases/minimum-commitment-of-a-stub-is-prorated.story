clock    2025-01-22
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls each 1
contract k1 bolt; std from=2025-01-22 to=2025-12-31 pay=after min=310
usage    e1 bolt calls 40
# 10 of 31 days: 100, of which 40 were used
advance  2025-02-01
issued   DE-INV-1 2025-02-01 100 partial; Calls 40; Minimum commitment 60
usage    e2 bolt calls 400
advance  2025-03-01
issued   DE-INV-2 2025-03-01 400; Calls 400; Minimum commitment 0
# nothing used: the commitment alone
advance  2025-04-01
issued   DE-INV-3 2025-04-01 310; Calls 0; Minimum commitment 310
