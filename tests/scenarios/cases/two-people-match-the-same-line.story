clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
customer acme tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
adhoc    acme; Lamp 100
issued   DE-INV-2 2025-01-01 119
bank     l1 119 EUR "thank you"
line     l1 open
atonce   bank_line.decided; matchline l1 DE-INV-1 119; matchline l1 DE-INV-2 119
line     l1 matched
books    bank 119 EUR
# what one of them decided, the other takes back and decides again
undoline l1
books    bank 0 EUR
open     DE-INV-1 119
open     DE-INV-2 119
matchline l1 DE-INV-2 119
open     DE-INV-2 0
refuse   bank_line.decided matchline l1 DE-INV-1 119
