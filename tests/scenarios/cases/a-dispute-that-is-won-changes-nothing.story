clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
pay      p1 bolt 150 EUR for=DE-INV-1
dispute  p1 100 fee=15
unapplied p1 31
# what is disputed cannot be used
adhoc    bolt; Lamp 10
issued   DE-INV-2 2025-01-01 11.90
refuse   payment.not_free allocate p1 DE-INV-2 1
won      p1
allocate p1
open     DE-INV-2 0
unapplied p1 19.10
books    disputed 0
books    clearing 135
# a part is disputed and lost: the unapplied money goes first
dispute  p1 30
lost     p1
