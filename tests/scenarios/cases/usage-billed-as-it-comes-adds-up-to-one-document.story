# Usage that is due upon usage: each run bills what came, and the period's end closes it. Tiers count on over the documents.
clock 2025-01-01
entity DE currency=EUR
customer bolt tax=19 net=30
meter calls
price used EUR; Licence recurring 100; Calls usage=calls graduated 1000@0.10+5 *@0.05
contract k1 bolt; used from=2025-01-01 to=2025-12-31 billed=as-it-comes
advance 2025-01-01
issued DE-INV-1 2025-01-01 119; Licence 100; tax 19

clock 2025-01-03
usage e1 bolt calls 800 at=2025-01-03
advance 2025-01-03
issued DE-INV-2 2025-01-03 101.15 due=2025-01-03; Calls 85; tax 16.15

# the second document goes over the tier, and does not charge the fee of the first one again
clock 2025-01-12
usage e2 bolt calls 300 at=2025-01-10
usage e3 bolt calls 100 at=2025-01-11
advance 2025-01-12
issued DE-INV-3 2025-01-12 35.70 due=2025-01-12; Calls 30; tax 5.70

# the same again changes nothing
again e2 bolt calls 300 at=2025-01-10
advance 2025-01-13

# the next period counts from zero
clock 2025-02-01
usage e4 bolt calls 10 at=2025-02-01
advance 2025-02-02
issued DE-INV-4 2025-02-02 7.14; Calls 6; tax 1.14
issued DE-INV-5 2025-02-01 119; Calls 0; Licence 100; tax 19
