clock    2025-01-01
entity   JP currency=JPY zone=Asia/Tokyo
entity   KW currency=KWD zone=Asia/Kuwait
customer yama entity=JP currency=JPY tax=10
customer noor entity=KW currency=KWD tax=5
price    yen JPY; Licence recurring 1000
price    dinar KWD; Licence recurring 10; Fee recurring 0.0005
contract k1 yama; yen from=2025-01-10 to=2025-02-28
contract k2 noor; dinar from=2025-01-10 to=2025-02-28
# 22 of 31 days: 709.68 yen are 710; 7.09677 dinars are 7.097, and 0.00035 are nothing
advance  2025-01-10
issued   2 invoices 788.452
# half a fils is rounded away from zero
advance  2025-02-01
issued   2 invoices 1110.501
books    receivable:yama 1881 JPY
books    receivable:noor 17.953 KWD
books    tax_payable:S:10 -171 JPY JP
books    tax_payable:S:5 -0.855 KWD KW
