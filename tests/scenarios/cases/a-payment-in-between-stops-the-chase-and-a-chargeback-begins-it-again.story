# After a chargeback days count from it, from the day that the policy names on.
clock 2025-01-01
entity DE currency=EUR zone=UTC
customer bolt tax=0 net=14
price std EUR; Licence recurring 100
dunning Standard default chargeback=10; mail:first@3 mail:second@10 mail:final@20
contract k1 bolt; std from=2025-01-01 to=2025-01-31
advance 2025-01-01
issued DE-INV-1 2025-01-01 100
advance 2025-01-18
chased DE-INV-1; mail:first@3 2025-01-18
pay p1 bolt 100 EUR for=DE-INV-1 named=stripe:pi_1
chases DE-INV-1
advance 2025-03-01
dispute p1 100 named=dp_1
advance 2025-04-01
chased DE-INV-1; mail:first@3 2025-01-18
lost p1
advance 2025-04-02
chases DE-INV-1; mail:final@20 2025-04-11
advance 2025-12-01
chased DE-INV-1; mail:first@3 2025-01-18; mail:second@10 2025-04-01; mail:final@20 2025-04-11
