clock    2025-06-01
entity   DE currency=EUR
customer bolt
meter    calls
price    std EUR; Calls usage=calls each 1
refuse   invalid entity de
refuse   invalid entity FR zone=Mars/Olympus
refuse   invalid entity FR currency=XXX
refuse   invalid customer cord tax=101
refuse   invalid customer cord net=-1
refuse   invalid meter ""
refuse   invalid price gap EUR; Calls usage=calls graduated 1000@0.01
refuse   invalid price overlap EUR; Calls usage=calls graduated 1000@0.01 500@0.02 *@0.03
refuse   invalid price nowhere XXX; Licence recurring 1
refuse   invalid contract k bolt; std from=2025-01-01 to=2024-12-30
refuse   invalid contract k bolt; std from=1999-12-31
refuse   invalid contract k bolt; std from=2025-01-01 discount=101%
refuse   invalid contract k bolt; std from=2025-01-01 tax=-1
refuse   invalid contract k bolt; std from=2025-01-01 min=-1
refuse   invalid contract k bolt; std from=2025-01-01 cycle=121month
refuse   invalid contract k bolt; std from=2025-01-01 version=2
price    usd USD; Licence recurring 1
refuse   invalid contract k bolt; std from=2025-01-01; usd from=2025-01-01
contract k1 bolt; std from=2025-01-01 to=2025-12-31 pay=after
refuse   usage.invalid usage e1 nobody calls 1
refuse   usage.invalid usage e1 bolt letters 1
refuse   usage.invalid usage e1 bolt calls 1e20
refuse   usage.invalid usage e1 bolt calls 0.1234567890123
refuse   usage.invalid usage e1 bolt calls 1 at=2025-06-01T12:05:01
refuse   usage.invalid usage e1 bolt calls 1 at=1999-12-31
refuse   usage.outside_contract usage e1 bolt calls 1 at=2024-12-31T23:59:59
usage    e1 bolt calls 1 at=2025-01-01T00:00
refuse   usage.invalid correct e1 1e20
refuse   usage.outside_contract correct e1 at=2024-12-31
advance  2025-06-01
issued   DE-INV-1 2025-02-01 1
