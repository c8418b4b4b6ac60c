clock    2025-04-01
entity   DE currency=EUR
customer early
customer late
customer amid
meter    calls
price    std EUR; Licence recurring 30; Calls usage=calls each 1
contract k1 early; std from=2025-04-01 to=2025-05-31 pay=before
contract k2 late; std from=2025-04-01 to=2025-05-31 pay=after
contract k3 amid; std from=2025-04-01 to=2025-05-31 pay=during issue-day=2025-04-11
advance  2025-04-01
issued   DE-INV-1 2025-04-01 30; Licence 30
clock    2025-04-10
usage    a1 early calls 1
usage    b1 late calls 1
usage    c1 amid calls 1
# on its day: fixed items in full, and the usage of the ten days before
advance  2025-04-11
issued   DE-INV-2 2025-04-11 31; Licence 30; Calls 1
usage    a2 early calls 2
usage    b2 late calls 2
usage    c2 amid calls 2
advance  2025-04-30
upcoming k1; 2025-05-01 33
upcoming k2; 2025-05-01 33
# the rest of April comes with May's document
upcoming k3; 2025-05-11 32
