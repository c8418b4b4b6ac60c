# Paused: nothing is issued. Paid: what fell due in between is issued, and it goes on.
clock 2025-01-01
entity DE currency=EUR zone=Europe/Berlin
customer bolt tax=0 net=14
price std EUR; Licence recurring 100
dunning Standard default; pause@20
contract k1 bolt; std from=2025-01-01 to=2025-06-30
advance 2025-01-01
issued DE-INV-1 2025-01-01 100
advance 2025-02-04
issued DE-INV-2 2025-02-01 100
chased DE-INV-1; pause@20 2025-02-04 done
advance 2025-04-15
parked k1
paid DE-INV-1 100
advance 2025-04-16
# also paused for the second, which was due on the 15th of February
parked k1
paid DE-INV-2 100
advance 2025-04-17
issued DE-INV-3 2025-03-01 100
issued DE-INV-4 2025-04-01 100
