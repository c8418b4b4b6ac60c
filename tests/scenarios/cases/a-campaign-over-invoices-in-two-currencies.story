# Two requests at most in each currency, more than ten days apart, from 150 on; what is paid in between is not asked for.
clock 2025-01-01
entity DE currency=EUR zone=UTC
customer bolt tax=0 net=14
dunning Standard default campaign=2,10,EUR:150,USD:150
adhoc bolt; Consulting 100
issued DE-INV-1 2025-01-01 100
adhoc bolt; Consulting 100
issued DE-INV-2 2025-01-01 100
adhoc bolt currency=USD; Consulting 200
issued DE-INV-3 2025-01-01 200
advance 2025-01-20
asked bolt; 2025-01-16 200 EUR; 2025-01-16 200 USD
paid DE-INV-1 100
advance 2025-12-31
asked bolt; 2025-01-16 200 EUR; 2025-01-16 200 USD; 2025-01-27 200 USD
