clock    2025-01-01
entity   DE currency=EUR
customer bolt tax=17 net=7
adhoc    bolt; Chair 49 ; Cable 12 qty=3; Screw 0.07 qty=38
# 49 + 36 + 2.66 = 87.66; 17 % is 14.9022
issued   DE-INV-1 2025-01-01 102.56 due=2025-01-08; Chair 49; Cable 36; Screw 2.66; tax 14.90
# 10.275 is 10.28, and 2 x 12.345 is 24.69: one rounding, half away from zero
adhoc    bolt; Half 10.275 tax=0; Pair 12.345 qty=2 tax=0
issued   DE-INV-2 2025-01-01 34.97; Half 10.28; Pair 24.69
refuse   invoice.bad_line adhoc bolt; Chair -1
refuse   invoice.bad_line adhoc bolt; Chair 1 tax=101
refuse   invoice.bad_line adhoc bolt; Chair 1 qty=1e20
refuse   invoice.bad_line adhoc bolt
