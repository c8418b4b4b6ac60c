clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
customer acme currency=USD
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
adhoc    acme; Chair 100
issued   DE-INV-2 2025-01-01 100
refuse   payment.bad pay p1 bolt 119 USD for=DE-INV-1:119
refuse   payment.bad pay p1 acme 119 EUR for=DE-INV-1
refuse   payment.bad pay p1 bolt 119 XXY
# it is taken in its own currency, and settles nothing
pay      p1 bolt 119 USD oldest
unapplied p1 119
open     DE-INV-1 119
refuse   allocation.bad allocate p1 DE-INV-1 119
refuse   allocation.bad allocate p1 DE-INV-2 100
refund   p1 119
open     DE-INV-1 119
