clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
customer bolt tax=19 net=14
price std EUR; Licence recurring 100
dunning Standard default; mail:first@3 mail:second@10 state:WARNED@20
contract k1 bolt; std from=2025-01-10 to=2025-02-09
advance 2025-01-10
issued DE-INV-1 2025-01-10 119
chases DE-INV-1; mail:first@3 2025-01-27; mail:second@10 2025-02-03; state:WARNED@20 2025-02-13
advance 2025-01-27
chased DE-INV-1; mail:first@3 2025-01-27
advance 2025-06-01
chased DE-INV-1; mail:first@3 2025-01-27; mail:second@10 2025-02-03; state:WARNED@20 2025-02-13 done
chases DE-INV-1
