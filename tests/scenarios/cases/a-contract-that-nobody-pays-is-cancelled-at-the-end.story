# In date order: what falls due before the contract is cancelled is still issued, what falls due after it is not.
clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
customer bolt tax=0 net=14
price std EUR; Licence recurring 100
dunning Standard default; mail:first@3 cancel@45
contract k1 bolt; std from=2025-01-01
advance 2025-01-01
issued DE-INV-1 2025-01-01 100
chases DE-INV-1; mail:first@3 2025-01-18; cancel@45 2025-03-01
advance 2025-12-31
issued DE-INV-2 2025-02-01 100
issued DE-INV-3 2025-03-01 100
chased DE-INV-1; mail:first@3 2025-01-18; cancel@45 2025-03-01 done
chased DE-INV-2; mail:first@3 2025-02-18; cancel@45 2025-04-01
