clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
pay      p1 bolt 100 EUR for=DE-INV-1
refuse   write_off.amount writeoff DE-INV-1 19.01
refuse   write_off.too_much writeoff DE-INV-1 -1
writeoff DE-INV-1 19
is       DE-INV-1 paid
books    bad_debt 19
credit   DE-INV-1 1=10
issued   DE-CN-1 2025-01-01 11.90
books    bad_debt 7.10
unapplied p1 0
credit   DE-INV-1 all
issued   DE-CN-2 2025-01-01 107.10
books    bad_debt 0
unapplied p1 100
