clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
adhoc    bolt; Lamp 100
issued   DE-INV-2 2025-01-01 119
pay      p1 bolt 119 EUR
pay      p2 bolt 119 EUR
atonce   payment.not_free; allocate p1 DE-INV-1 119; allocate p1 DE-INV-2 119
unapplied p1 0
unapplied p2 119
# and two the same document
adhoc    bolt; Desk 100
issued   DE-INV-3 2025-01-01 119
pay      p3 bolt 119 EUR
atonce   document.not_open; allocate p2 DE-INV-3 119; allocate p3 DE-INV-3 119
open     DE-INV-3 0
