clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
credit   DE-INV-1 all
issued   DE-CN-1 2025-01-01 119 of=DE-INV-1; Chair 100; tax 19
is       DE-INV-1 cancelled
refuse   document.cancelled paid DE-INV-1 119
refuse   document.not_payable paid DE-CN-1 119
books    receivable:bolt 0
books    contract_liability 0
books    tax_payable:S:19 0
