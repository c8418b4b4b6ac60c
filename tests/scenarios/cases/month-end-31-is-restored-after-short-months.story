# Boundary k is anchor + k months, clipped to short months and restored after: never computed from the one before.
clock    2025-01-31
entity   DE currency=EUR
customer bolt
price    std EUR; Licence recurring 31
contract k1 bolt; std from=2025-01-31
advance  2025-06-01
issued   DE-INV-1 2025-01-31 31
issued   DE-INV-2 2025-02-28 31
issued   DE-INV-3 2025-03-31 31
issued   DE-INV-4 2025-04-30 31
issued   DE-INV-5 2025-05-31 31
# A stub up to a clipped boundary is a share of the month that ends there: 18 of the 31 days from 28 January.
contract k2 bolt; std from=2025-02-10 to=2025-04-29 issue-day=2025-01-31
advance  2025-06-01
issued   DE-INV-6 2025-02-10 18 partial
issued   DE-INV-7 2025-02-28 31
# 30 days (31 March to 29 April) are the whole period up to the clipped boundary of 30 April
issued   DE-INV-8 2025-03-31 31
