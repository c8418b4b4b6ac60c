clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
meter    peak aggregation=max
meter    users aggregation=unique_count field=user
price    std EUR; Calls usage=calls package 100@3; Peak usage=peak volume 10@5 *@4; Users usage=users each 2 included=1
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-31
usage    a1 bolt calls 100
usage    a2 bolt calls 1
usage    b1 bolt peak 7
usage    b2 bolt peak 12
usage    b3 bolt peak 11
usage    c1 bolt users 1 user=ada
usage    c2 bolt users 1 user=bob
usage    c3 bolt users 1 user=ada
# two packages, 12 at the price of the second tier, two users of whom one is included
advance  2025-02-01
issued   DE-INV-1 2025-02-01 56; Calls 6; Peak 48; Users 2
