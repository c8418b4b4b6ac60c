clock    2025-01-01
entity   DE currency=EUR
customer bolt
customer cord
meter    calls
price    std EUR; Licence recurring 31; Calls usage=calls each 1
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=before
contract k2 cord; std from=2025-01-01 to=2025-12-31 pay=after
advance  2025-01-10
issued   DE-INV-1 2025-01-01 31
cancel   k1 end
cancel   k2 end
clock    2025-01-31
usage    e1 bolt calls 3
usage    e2 cord calls 4
upcoming k1; 2025-02-01 3
upcoming k2; 2025-02-01 35
advance  2025-02-01
issued   2 invoices 38
refuse   usage.outside_contract usage e3 bolt calls 1
advance  2025-06-01
