clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
bank     l1 119 EUR "Rechnung de inv 1"
line     l1 matched
open     DE-INV-1 0
sentagain l1
books    bank 119 EUR
# paid twice in truth: the second is the customer's, and waits to be told so
bank     l2 119 EUR "de inv 1 once more"
line     l2 open
matchline l2 customer=bolt
books    bank 238 EUR
books    receivable:bolt -119 EUR
