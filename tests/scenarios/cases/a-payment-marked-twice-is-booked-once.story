clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
adhoc    bolt; Chair 100
issued   DE-INV-1 2025-01-01 119
paid     DE-INV-1 119
paid     DE-INV-1 0
is       DE-INV-1 paid
books    clearing 119
books    receivable:bolt 0
# what was credited before is not paid
adhoc    bolt; Chair 100
issued   DE-INV-2 2025-01-01 119
credit   DE-INV-2 1=10
issued   DE-CN-1 2025-01-01 11.90
paid     DE-INV-2 107.10
paid     DE-INV-2 0
books    clearing 226.10
books    receivable:bolt 0
