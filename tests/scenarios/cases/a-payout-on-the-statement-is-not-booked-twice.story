clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
pay      p1 bolt 119 EUR for=DE-INV-1 fee=4 named=stripe:pi_1
bank     l1 110 EUR "STRIPE PAYOUT"
line     l1 open
payoutline l1 po_1 5
books    clearing 0 EUR
books    bank 110 EUR
books    payment_fee 9 EUR
bank     l2 110 EUR "STRIPE PAYOUT again"
refuse   payout.other_line payoutline l2 po_1
ignoreline l2 our own transfer
line     l2 ignored
