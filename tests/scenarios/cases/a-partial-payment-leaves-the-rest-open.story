clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
pay      p1 bolt 50 EUR for=DE-INV-1
open     DE-INV-1 69
unapplied p1 0
is       DE-INV-1 unpaid
receipt  p1 Payment of DE-INV-000001
books    receivable:bolt 69
# the rest, and 11 too much
pay      p2 bolt 80 EUR oldest
open     DE-INV-1 0
is       DE-INV-1 paid
unapplied p2 11
receipt  p2 Payment of DE-INV-000001; 11.00 EUR not applied yet
books    receivable:bolt -11
# what was too much goes back; no more than that
refuse   refund.too_much refund p2 11.01
refund   p2 11
refuse   refund.too_much refund p2 0.01
books    receivable:bolt 0
books    clearing 119
# nothing of it can be used again
adhoc    bolt; Lamp 10
issued   DE-INV-2 2025-01-01 11.90
refuse   payment.not_free allocate p2 DE-INV-2 1
refuse   payment.not_free allocate p1 DE-INV-2 1
paid     DE-INV-2 11.90
