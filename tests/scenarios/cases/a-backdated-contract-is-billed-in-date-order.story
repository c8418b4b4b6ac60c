clock    2025-04-20
entity   DE currency=EUR
customer bolt
customer cord
price    std EUR; Licence recurring 31
contract k1 bolt draft; std from=2025-01-15 issue-day=2025-01-15
contract k2 cord; std from=2025-01-01 issue-day=2025-01-01
# a draft bills nothing
advance  2025-04-20
issued   4 invoices 124
publish  k1
refuse   contract.not_draft publish k1
advance  2025-04-20
issued   DE-INV-5 2025-01-15 31
issued   3 invoices 93
# two contracts that begin in the past interleave by date
contract k3 bolt; std from=2025-02-10 to=2025-04-09
contract k4 cord; std from=2025-02-20 to=2025-04-19
advance  2025-04-20
issued   DE-INV-9 2025-02-10 31
issued   DE-INV-10 2025-02-20 31
issued   DE-INV-11 2025-03-10 31
issued   DE-INV-12 2025-03-20 31
