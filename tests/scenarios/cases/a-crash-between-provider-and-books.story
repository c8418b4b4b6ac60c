clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
crash    pay p1 bolt 119 EUR for=DE-INV-1 named=stripe:pi_1 fee=3
open     DE-INV-1 119
pay      p1 bolt 119 EUR for=DE-INV-1 named=stripe:pi_1 fee=3
pay      p1 bolt 119 EUR for=DE-INV-1:119 named=stripe:pi_1 fee=3
atonce   nothing; pay p1 bolt 119 EUR named=stripe:pi_1
open     DE-INV-1 0
books    clearing 116
# a refund that the provider made by itself, told twice
refund   p1 119 named=re_1 given
refund   p1 119 named=re_1 given
open     DE-INV-1 119
books    clearing -3
# a refund that was asked for and did not go
pay      p2 bolt 119 EUR for=DE-INV-1
refund   p2 119 from=DE-INV-1:119 failed
open     DE-INV-1 0
unapplied p2 0
refund   p2 19 from=DE-INV-1:19 asked
open     DE-INV-1 19
refuse   payment.not_free allocate p2 DE-INV-1 1
