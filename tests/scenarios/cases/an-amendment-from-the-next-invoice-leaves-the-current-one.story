clock    2025-01-01
entity   DE currency=EUR
customer bolt
price    std EUR; Licence recurring 62
contract k1 bolt; std from=2025-01-01 to=2025-12-31
advance  2025-01-16
issued   DE-INV-1 2025-01-01 62
reprice  std EUR; Licence recurring 93
amend    k1 on=2025-01-16 next; std from=2025-01-01 to=2025-12-31
upcoming k1; 2025-02-01 93; 2025-03-01 93
advance  2025-02-01
issued   DE-INV-2 2025-02-01 93
# on the first day of a period "next" is that day; its document is out already, so it is put right
amend    k1 on=2025-02-01 next; std from=2025-01-01 to=2025-12-31 version=1
issued   DE-CN-1 2025-02-01 93 of=DE-INV-2
advance  2025-02-01
issued   DE-INV-3 2025-02-01 62
advance  2025-03-01
issued   DE-INV-4 2025-03-01 62
