clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
adhoc    bolt; Lamp 10
issued   DE-INV-2 2025-01-01 11.90
clock    2025-01-10
adhoc    bolt; Desk 200
issued   DE-INV-3 2025-01-10 238
# the oldest first: two whole, and part of the third
pay      p1 bolt 200 EUR oldest named=stripe:pi_1 fee=2.90
open     DE-INV-1 0
open     DE-INV-2 0
open     DE-INV-3 168.90
unapplied p1 0
receipt  p1 Payment of DE-INV-000001, DE-INV-000002, DE-INV-000003
books    clearing 197.10
books    payment_fee 2.90
# told again, in whatever words: nothing twice
pay      p1 bolt 200 EUR oldest named=stripe:pi_1 fee=2.90
pay      p1 bolt 999 EUR oldest named=stripe:pi_1
open     DE-INV-3 168.90
# somebody meant the third invoice
takeback p1 DE-INV-1
open     DE-INV-1 119
is       DE-INV-1 unpaid
unapplied p1 119
refuse   allocation.too_much takeback p1 DE-INV-1 1
refuse   document.not_open allocate p1 DE-INV-2 1
allocate p1 DE-INV-3 119
open     DE-INV-3 49.90
unapplied p1 0
receipt  p1 Payment of DE-INV-000002, DE-INV-000003
payout   197.10 EUR po_1
payout   197.10 EUR po_1
books    clearing 0
books    bank 197.10
