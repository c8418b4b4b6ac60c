clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
pay      p1 bolt 119 EUR for=DE-INV-1 named=stripe:pi_1 fee=3
payout   116 EUR po_1
books    clearing 0
clock    2025-02-20
dispute  p1 119 fee=15 named=dp_1
dispute  p1 119 fee=15 named=dp_1
is       DE-INV-1 paid
books    disputed 119
books    clearing -134
refuse   refund.too_much refund p1 119 from=DE-INV-1:119
refuse   dispute.too_much dispute p1 1 named=dp_2
# lost: the customer owes it again, and the invoice is late
lost     p1
lost     p1
refuse   dispute.closed won p1
open     DE-INV-1 119
is       DE-INV-1 unpaid
unapplied p1 0
receipt  p1 Payment on account; 119.00 EUR charged back
books    receivable:bolt 119
books    disputed 0
payout   -134 EUR po_2
books    clearing 0
books    bank -18
# it is given up
writeoff DE-INV-1 119
refuse   write_off.nothing_open writeoff DE-INV-1 1
open     DE-INV-1 0
is       DE-INV-1 unpaid
books    bad_debt 119
# and then it is paid after all
writeoff DE-INV-1 -119
pay      p2 bolt 119 EUR oldest bank by=bank_transfer
is       DE-INV-1 paid
books    bad_debt 0
