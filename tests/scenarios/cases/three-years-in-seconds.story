clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19
customer cord
meter    calls
price    std EUR; Licence recurring 100
price    used EUR; Calls usage=calls each 0.5
contract k1 bolt; std from=2025-01-01 to=2027-12-31
contract k2 cord; used from=2025-01-01 to=2027-12-31 pay=after min=10 cycle=quarter
advance  2025-01-01
issued   DE-INV-1 2025-01-01 119
clock    2025-02-01
usage    e1 cord calls 30
# 35 months of 119 and twelve quarters: the first 15, eleven times the minimum of 10
advance  2028-01-10
issued   47 invoices 4290
# one report of 2025 that comes three years late
usage    e2 cord calls 1 at=2025-03-31T20:00
advance  2028-01-11
issued   DE-DN-1 2028-01-11 0.50
