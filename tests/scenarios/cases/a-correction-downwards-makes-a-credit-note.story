clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19
meter    calls
price    std EUR; Calls usage=calls graduated 1000@0.01 *@0.008
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
clock    2025-01-20
usage    e1 bolt calls 1200
advance  2025-02-01
issued   DE-INV-1 2025-02-01 13.80; Calls 11.60; tax 2.20
paid     DE-INV-1 13.80
correct  e1 900
advance  2025-02-05
issued   DE-CN-1 2025-02-05 3.09 of=DE-INV-1; Calls 2.60; tax 0.49
# it was paid before: now we owe the difference
books    receivable:bolt -3.09
is       DE-INV-1 paid
