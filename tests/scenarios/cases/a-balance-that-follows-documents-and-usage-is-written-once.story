# Documents raise what is owed, payments and credit notes lower it; a day of usage is one delta, what comes late one more.
clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=19
meter    calls
price    std EUR; Calls usage=calls each 0.01
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
balances invoices payments usage=calls
clock    2025-01-15
usage    e1 bolt calls 900
advance  2025-01-16
balance  bolt -900
usage    e2 bolt calls 100 at=2025-01-15
advance  2025-01-16
balance  bolt -1000
advance  2025-02-01
issued   DE-INV-1 2025-02-01 11.90; Calls 10; tax 1.90
balance  bolt -988.10
credit   DE-INV-1 1=5
issued   DE-CN-1 2025-02-01 5.95 of=DE-INV-1
balance  bolt -994.05
paid     DE-INV-1 5.95
paid     DE-INV-1 0
balance  bolt -1000
seal     bolt 2025-01 2 0 -1000
advance  2025-02-03
balance  bolt -1000
seal     bolt 2025-02 3 -1000 -1000
