clock 2025-01-01
entity DE currency=EUR zone=UTC
customer bolt tax=0 net=14
price std EUR; Licence recurring 100
dunning Standard default; mail:first@3
dunning Patient; mail:first@30
contract k1 bolt; std from=2025-01-01 to=2025-01-31
contract k2 bolt; std from=2025-01-01 to=2025-01-31
contract k3 bolt; std from=2025-01-01 to=2025-01-31
dunned k2 Patient
dunned k3 never
refuse invalid dunned k1 Absent
advance 2025-01-01
issued DE-INV-1 2025-01-01 100
issued DE-INV-2 2025-01-01 100
issued DE-INV-3 2025-01-01 100
chases DE-INV-1; mail:first@3 2025-01-18
chases DE-INV-2; mail:first@30 2025-02-14
chases DE-INV-3
hold DE-INV-1
advance 2025-02-01
chased DE-INV-1
refuse dunning.none hold DE-INV-3
unhold DE-INV-1
chases DE-INV-1; mail:first@3 2025-02-18
