clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
adhoc    bolt; Desk 200
issued   DE-INV-2 2025-01-01 238
# charges that the bank states are certain, those that it does not are for a person
bank     l1 111.50 EUR DE-INV-1 charges=7.50
line     l1 matched
bank     l2 230 EUR DE-INV-2
line     l2 open short_fee
accept   l2
open     DE-INV-2 0
books    payment_fee 15.50 EUR
# the bank takes one of them back: the document is open again
bank     l3 -230 EUR RETOURE
returnline l3 l2
books    bank 111.50 EUR
open     DE-INV-2 230
refuse   bank_line.returned undoline l3
