clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100; Lamp 100
issued   DE-INV-1 2025-01-01 238
pay      p1 bolt 200 EUR for=DE-INV-1:200
pay      p2 bolt 38 EUR for=DE-INV-1
is       DE-INV-1 paid
# credited in part: the last money in is free first
credit   DE-INV-1 1=50
issued   DE-CN-1 2025-01-01 59.50 of=DE-INV-1
unapplied p2 38
unapplied p1 21.50
open     DE-INV-1 0
is       DE-INV-1 paid
books    receivable:bolt -59.50
receipt  p2 Payment on account
receipt  p1 Payment of DE-INV-000001; 21.50 EUR not applied yet
# a refund never gives back more than the credit note freed, unless it names the invoice
refuse   refund.too_much refund p1 21.51
refund   p1 21.50
refund   p1 78.50 from=DE-INV-1:78.50
open     DE-INV-1 78.50
is       DE-INV-1 unpaid
allocate p2
open     DE-INV-1 40.50
# the rest of the invoice is credited: all that is paid on it is free
credit   DE-INV-1 all
issued   DE-CN-2 2025-01-01 178.50 of=DE-INV-1
is       DE-INV-1 cancelled
unapplied p1 100
unapplied p2 38
refuse   document.not_open allocate p1 DE-INV-1 1
refund   p1 100
refund   p2 38
books    receivable:bolt 0
books    clearing 0
