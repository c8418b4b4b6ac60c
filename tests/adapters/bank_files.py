"""Small files of a bank, as banks write them: the same week in every format."""

from __future__ import annotations

ACCOUNT = "DE02120300000000202051"

MT940 = """{1:F01TESTDEFFXXXX0000000000}{2:I940TESTDEFFXXXXN}{4:
:20:STARTUMSE
:25:DE02120300000000202051
:28C:12/1
:60F:C251230EUR1000,00
:61:2512310102CR119,00NTRFNONREF//B100001
:86:166?00GUTSCHRIFT?20EREF+NOTPROVIDED?21SVWZ+Rechnung: JFK-INV-0000?2201 vom 1.12.?30COBADEFFXXX?31DE89370400440532
013000?32Globex GmbH
:61:2601020102DR12,50NMSCNONREF//B100002
:86:805?00ENTGELT?20Kontofuehrung
:61:2601020102RD20,00NRTI123//B100003
:86:109?00RETOURE?20SVWZ+zurueck
:62F:C260102EUR1126,50
-}
"""

CAMT053 = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId>
<CreDtTm>2026-01-02T20:00:00+01:00</CreDtTm></GrpHdr><Stmt><Id>S-12</Id><ElctrncSeqNb>12</ElctrncSeqNb>
<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-01-01</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1119.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-01-02</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">169.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-02</Dt></BookgDt>
<ValDt><Dt>2026-01-02</Dt></ValDt><AcctSvcrRef>A-1</AcctSvcrRef><NtryDtls>
<TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs><Amt Ccy="EUR">119.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<RltdPties><Dbtr><Pty><Nm>Globex GmbH</Nm></Pty></Dbtr>
<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct></RltdPties>
<RmtInf><Ustrd>JFK-INV-000001</Ustrd></RmtInf></TxDtls>
<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><Amt Ccy="EUR">50.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">50.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-01-02</Dt></BookgDt><AcctSvcrRef>A-2</AcctSvcrRef></Ntry>
<Ntry><Amt Ccy="EUR">7.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts><BookgDt><Dt>2026-01-02</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>
"""

OFX = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
CHARSET:1252

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>12030000<ACCTID>DE02120300000000202051<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260101<DTEND>20260102
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260102120000[+1:CET]<TRNAMT>119,00<FITID>F-1<NAME>Globex &amp; Co
<MEMO>JFK-INV-000001</STMTTRN>
<STMTTRN><TRNTYPE>FEE<DTPOSTED>20260102<TRNAMT>-12.50<FITID>F-2<NAME>Bank</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1126.50<DTASOF>20260102</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""

CSV = (
    '"Umsätze Girokonto";"DE02 1203 0000 0000 2020 51"\r\n\r\n'
    "Auftragskonto;Buchungstag;Valutadatum;Beguenstigter/Zahlungspflichtiger;Verwendungszweck;Kontonummer/IBAN;Betrag;Währung\r\n"
    "DE02120300000000202051;02.01.26;02.01.26;Globex GmbH;JFK-INV-000001;DE89370400440532013000;1.119,00;EUR\r\n"
    "DE02120300000000202051;02.01.26;02.01.26;Bank;Entgelt;;-12,50;EUR\r\n"
).encode("cp1252")
