# An amendment of the running period gives back what was billed of its days under the old terms, and bills it anew.
clock 2025-01-01
entity DE currency=EUR
customer bolt
meter calls
price used EUR; Calls usage=calls each 1
price dear EUR; Calls usage=calls each 3
contract k1 bolt; used from=2025-01-01 to=2025-12-31 billed=as-it-comes
clock 2025-01-20
usage e1 bolt calls 10 at=2025-01-05
usage e2 bolt calls 20 at=2025-01-16
advance 2025-01-20
issued DE-INV-1 2025-01-20 30; Calls 30
amend k1 on=2025-01-15 now; dear from=2025-01-01 to=2025-12-31 billed=as-it-comes as=used
issued DE-CN-1 2025-01-20 20 of=DE-INV-1; Calls 20
issued DE-INV-2 2025-01-20 60; Calls 60
# cancelled in the past: the days beyond are given back
cancel k1 on=2025-01-15 now
issued DE-CN-2 2025-01-20 60 of=DE-INV-2; Calls 60
advance 2025-03-01
