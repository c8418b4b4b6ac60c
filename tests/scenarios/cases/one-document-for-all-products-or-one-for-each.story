clock    2025-01-01
entity   DE currency=EUR
customer bolt
customer cord
price    std EUR; Licence recurring 10
price    plus EUR; Support recurring 20
contract k1 bolt; std from=2025-01-01 to=2025-02-28; plus from=2025-01-01 to=2025-02-28
advance  2025-01-01
issued   DE-INV-1 2025-01-01 30; Licence 10; Support 20
contract k2 cord each; std from=2025-01-01 to=2025-02-28; plus from=2025-01-01 to=2025-02-28
advance  2025-01-01
issued   DE-INV-2 2025-01-01 10; Licence 10
issued   DE-INV-3 2025-01-01 20; Support 20
# different terms of payment never share a document
contract k3 bolt; std from=2025-01-01 to=2025-01-31 net=10; plus from=2025-01-01 to=2025-01-31 net=20
advance  2025-01-01
issued   DE-INV-4 2025-01-01 10 due=2025-01-11; Licence 10
issued   DE-INV-5 2025-01-01 20 due=2025-01-21; Support 20
