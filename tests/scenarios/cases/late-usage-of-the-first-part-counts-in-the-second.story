# Billed during use: fees and ten days of usage on the 11th, the rest with tiers and minimum on the next document.
clock    2025-04-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Licence recurring 30; Calls usage=calls graduated 100@1 *@0.5
contract k1 bolt; std from=2025-04-01 to=2025-05-31 pay=during issue-day=2025-04-11 min=200
clock    2025-04-05
usage    e1 bolt calls 40
advance  2025-04-11
issued   DE-INV-1 2025-04-11 70; Licence 30; Calls 40
usage    e2 bolt calls 80
# 60 more at 1, 20 at 0.50; 140 in all, 60 short of the minimum
advance  2025-05-11
issued   DE-INV-2 2025-05-11 160; Calls 70; Minimum commitment 60; Licence 30; Calls 0
# 50 late ones on the 6th: the first part rises by 50; of the second's 80 only 10 are still in the first tier (10 + 35)
usage    e3 bolt calls 50 at=2025-04-06
advance  2025-05-12
issued   DE-DN-1 2025-05-12 50 of=DE-INV-1; Calls 50
issued   DE-CN-1 2025-05-12 50 of=DE-INV-2; Calls 25; Minimum commitment 25
