# The issue day lies after the first two periods: fees and usage of each stand on one document.
clock    2025-01-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Licence recurring 31; Calls usage=calls each 1
contract k1 bolt; std from=2025-01-05 to=2025-12-31 issue-day=2025-02-05 min=62
clock    2025-01-10
usage    e1 bolt calls 7
# the period up to the issue day is whole: 5 January to 4 February
advance  2025-02-05
issued   DE-INV-1 2025-02-05 93; Licence 31; Calls 7; Minimum commitment 24; Licence 31
# cancelled on 9 January: five of 31 days; nothing was used in them
cancel   k1 on=2025-01-09 now
issued   DE-CN-1 2025-02-05 83 of=DE-INV-1; Licence 26; Calls 7; Minimum commitment 19; Licence 31
advance  2025-06-01
