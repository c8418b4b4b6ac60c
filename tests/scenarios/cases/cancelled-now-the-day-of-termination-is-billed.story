clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
customer cord
meter    calls
price    std EUR; Licence recurring 31
price    used EUR; Licence recurring 31; Calls usage=calls each 1
contract k1 bolt; std from=2025-01-01 to=2025-12-31
contract k2 cord; used from=2025-01-01 to=2025-12-31 pay=after
advance  2025-01-01
issued   DE-INV-1 2025-01-01 36.89; Licence 31; tax 5.89
clock    2025-01-10T20:00
usage    e1 cord calls 5
# in advance: 11 to 31 January go back
cancel   k1 now
issued   DE-CN-1 2025-01-10 24.99 of=DE-INV-1; Licence 21; tax 3.99
# in arrears: ten days are billed on the day after
cancel   k2 now
clock    2025-01-11T08:00
usage    e2 cord calls 7 at=2025-01-10T23:59
refuse   usage.outside_contract usage e3 cord calls 9
advance  2025-01-11
issued   DE-INV-2 2025-01-11 22 partial; Licence 10; Calls 12
refuse   contract.not_active cancel k1 now
refuse   contract.not_active amend k2 now; used from=2025-01-01
advance  2025-06-01
