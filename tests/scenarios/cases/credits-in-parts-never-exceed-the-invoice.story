clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
price    std EUR; Licence recurring 100; Setup once 50
contract k1 bolt; std from=2025-01-01 to=2025-01-31 discount=10%
advance  2025-01-01
issued   DE-INV-1 2025-01-01 160.65; Licence 100; Setup 50; discount 15; tax 25.65
# 40 of line 1 with its tenth of discount: 36, and 6.84 of tax
credit   DE-INV-1 1=40
issued   DE-CN-1 2025-01-01 42.84 of=DE-INV-1
refuse   document.line_exceeds_remaining credit DE-INV-1 1=60.01
refuse   document.bad_credit credit DE-INV-1 3=1
refuse   document.bad_credit credit DE-INV-1 1=-1
credit   DE-INV-1 1=20 2=50
issued   DE-CN-2 2025-01-01 74.97 of=DE-INV-1
is       DE-INV-1 unpaid
# all that is left
credit   DE-INV-1 all
issued   DE-CN-3 2025-01-01 42.84 of=DE-INV-1
is       DE-INV-1 cancelled
refuse   document.nothing_left_to_credit credit DE-INV-1 all
refuse   document.is_a_note credit DE-CN-1 all
books    receivable:bolt 0
# 10.01 in thirds: the last part takes the tax that is left (0.64 instead of 0.63)
adhoc    bolt; Chair 10.01
issued   DE-INV-2 2025-01-01 11.91; Chair 10.01; tax 1.90
credit   DE-INV-2 1=3.34
issued   DE-CN-4 2025-01-01 3.97
credit   DE-INV-2 1=3.34
issued   DE-CN-5 2025-01-01 3.97
credit   DE-INV-2 1=3.33
issued   DE-CN-6 2025-01-01 3.97
books    receivable:bolt 0
