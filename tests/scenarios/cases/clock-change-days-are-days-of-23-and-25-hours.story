# Europe/Berlin: 30 March 2025 has 23 hours (until 22:00 UTC), 26 October has 25 (until 23:00 UTC).
clock    2025-03-29T00:00
entity   DE currency=EUR zone=Europe/Berlin
customer bolt
meter    calls
price    std EUR; Calls usage=calls each 1
contract k1 bolt; std from=2025-03-29 to=2025-03-31 cycle=day pay=after
clock    2025-04-02
usage    e1 bolt calls 1 at=2025-03-29T22:59:59
usage    e2 bolt calls 2 at=2025-03-29T23:00
usage    e3 bolt calls 4 at=2025-03-30T21:59:59
usage    e4 bolt calls 8 at=2025-03-30T22:00
refuse   usage.outside_contract usage e5 bolt calls 16 at=2025-03-31T22:00
advance  2025-04-02
issued   DE-INV-1 2025-03-30 1; Calls 1
issued   DE-INV-2 2025-03-31 6; Calls 6
issued   DE-INV-3 2025-04-01 8; Calls 8
# Prorated by the second, 30 and 31 March are 47 of March's 743 hours; by the day they are 2 of 31 days.
price    rent EUR; Exact recurring 743 prorate=second; Plain recurring 743
contract k2 bolt; rent from=2025-03-30 to=2025-03-31 issue-day=2025-03-01
advance  2025-04-02
issued   DE-INV-4 2025-03-30 94.94 partial; Exact 47; Plain 47.94
# And 26 October alone is 25 of October's 745 hours.
price    hall EUR; Exact recurring 745 prorate=second
contract k3 bolt; hall from=2025-10-26 to=2025-10-26 issue-day=2025-10-01
advance  2025-10-26
issued   DE-INV-5 2025-10-26 25 partial; Exact 25
