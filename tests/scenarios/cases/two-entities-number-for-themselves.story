clock    2025-01-01
entity   DE currency=EUR zone=Europe/Berlin
entity   US currency=EUR zone=America/New_York
customer bolt entity=DE
customer cord entity=US
price    std EUR; Licence recurring 10
price    plus EUR; Support recurring 20
contract k1 bolt; std from=2025-01-05 to=2025-03-04
contract k2 cord; std from=2025-01-06 to=2025-03-05
# one contract, two entities: a document of each
contract k3 bolt; std from=2025-01-07 to=2025-02-06; plus from=2025-01-07 to=2025-02-06 entity=US zone=Europe/Berlin
advance  2025-01-06
issued   DE-INV-1 2025-01-05 10
issued   US-INV-1 2025-01-06 10
advance  2025-01-07
issued   DE-INV-2 2025-01-07 10; Licence 10
issued   US-INV-2 2025-01-07 20; Support 20
advance  2025-02-28
issued   DE-INV-3 2025-02-05 10
issued   US-INV-3 2025-02-06 10
credit   US-INV-1 all
issued   US-CN-1 2025-02-28 10 of=US-INV-1
credit   DE-INV-1 all
issued   DE-CN-1 2025-02-28 10 of=DE-INV-1
books    contract_liability -20 DE
books    contract_liability -30 US
