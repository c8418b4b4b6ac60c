# The issue day lies after the first stub, so that one document bills two periods.
clock    2025-01-01
entity   DE currency=EUR
customer bolt
price    std EUR; Licence recurring 31; Setup once 9
contract k1 bolt; std from=2025-01-19 to=2025-12-31 issue-day=2025-02-01
# 13 of 31 days before February
advance  2025-02-10
issued   DE-INV-1 2025-02-01 53; Licence 13; Setup 9; Licence 31
# only the 19th to the 22nd are left, and the set-up fee
cancel   k1 on=2025-01-22 now
issued   DE-CN-1 2025-02-10 40 of=DE-INV-1; Licence 9; Licence 31
# cancelled before it began, another contract gives everything back, its set-up fee once
contract k2 bolt; std from=2025-01-19 to=2025-12-31 issue-day=2025-02-01
advance  2025-02-10
issued   DE-INV-2 2025-02-01 53
cancel   k2 on=2025-01-10 now
issued   DE-CN-2 2025-02-10 53 of=DE-INV-2; Licence 13; Setup 9; Licence 31
