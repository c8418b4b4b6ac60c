# 1 May begins in Auckland at 12:00 UTC on 30 April (UTC+12), in Los Angeles at 07:00 UTC on 1 May.
clock    2025-04-01
entity   DE currency=EUR zone=Europe/Berlin
customer kiwi
customer palm
meter    calls
price    std EUR; Calls usage=calls each 1
contract k1 kiwi; std from=2025-04-01 to=2025-05-31 pay=after zone=Pacific/Auckland
contract k2 palm; std from=2025-04-01 to=2025-05-31 pay=after zone=America/Los_Angeles
clock    2025-04-30T11:58
usage    a1 kiwi calls 1
clock    2025-04-30T12:00
usage    a2 kiwi calls 2
advance  2025-04-30T12:00
issued   DE-INV-1 2025-05-01 1
clock    2025-05-01T06:59
usage    b1 palm calls 4
advance  2025-05-01T06:59
clock    2025-05-01T07:00
usage    b2 palm calls 8
advance  2025-05-01T07:00
issued   DE-INV-2 2025-05-01 4
advance  2025-06-01T12:00
issued   DE-INV-3 2025-06-01 2
issued   DE-INV-4 2025-06-01 8
