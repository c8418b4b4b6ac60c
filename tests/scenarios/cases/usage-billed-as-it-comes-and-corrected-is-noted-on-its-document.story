# What was billed as it came and is corrected gets notes on the documents it is on; what is taken back goes off the latest.
clock 2025-01-01
entity DE currency=EUR
customer bolt
meter calls signed_by=way
price used EUR; Calls usage=calls graduated 100@1 *@0.5
contract k1 bolt; used from=2025-01-01 to=2025-12-31 billed=as-it-comes
clock 2025-01-03
usage e1 bolt calls 80
advance 2025-01-03
issued DE-INV-1 2025-01-03 80; Calls 80
clock 2025-01-05
usage e2 bolt calls 60
advance 2025-01-05
issued DE-INV-2 2025-01-05 40; Calls 40
# upwards: a debit note on the document it is on (160 in all come to 130)
correct e1 100
advance 2025-01-06
issued DE-DN-1 2025-01-06 10 of=DE-INV-1; Calls 10
# downwards: a credit note
correct e2 40
advance 2025-01-07
issued DE-CN-1 2025-01-07 10 of=DE-INV-2; Calls 10
# deleted: 60 is left, of which the first document billed 90 of its 100 so far
delete e1
advance 2025-01-08
issued DE-CN-2 2025-01-08 80 of=DE-INV-1; Calls 80
# a report that takes back goes off what was billed last
usage e3 bolt calls 10 way=debit
advance 2025-01-09
issued DE-CN-3 2025-01-09 10 of=DE-INV-2; Calls 10
# nothing is left to bill at the end
advance 2025-02-01
# an event of the closed period is noted on nothing but a document of its own
usage e4 bolt calls 5 at=2025-01-20
advance 2025-02-02
issued DE-INV-3 2025-02-02 5; Calls 5
