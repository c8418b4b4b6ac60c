"""ISO 20022 camt.052 (reports), camt.053 (statements) and camt.054 (notifications), of every version.

The direction stands in `CdtDbtInd`: a reversal (`RvslInd`) is marked and does not turn the sign again. A line that sums up
several payments is one line, with its payments as parts. Lines that are only announced (PDNG, INFO, FUTR) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from counterfoil.adapters.bank.words import account_of, amount_of, day_of, plain
from counterfoil.adapters.bank.xml_tree import Node, read_xml
from counterfoil.flows.bank_port import Statement, StatementLine, Transfer, unreadable

_KINDS = {
    "BkToCstmrStmt": ("Stmt", "camt.053", False),
    "BkToCstmrAcctRpt": ("Rpt", "camt.052", True),
    "BkToCstmrDbtCdtNtfctn": ("Ntfctn", "camt.054", True),
}
_NOTHING = frozenset(("NOTPROVIDED", "NONREF", "NOT PROVIDED"))
_VERSION = re.compile(r"V\d+$")
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def read_camt(data: bytes) -> list[Statement]:
    """The statements, reports or notifications of a file, in its order."""
    root = read_xml(data)
    found = next((n for n in root.children if _VERSION.sub("", n.name) in _KINDS), None)
    if root.name != "Document" or found is None:
        raise unreadable(root.line, f"<{root.name[:40]}> is not a camt.052, camt.053 or camt.054")
    inner, kind, overlaps = _KINDS[_VERSION.sub("", found.name)]
    format = root.namespace.rpartition(":")[2] or kind
    made_on = _day_of(found.said("GrpHdr/CreDtTm"), found.line)
    statements = [_statement(node, format, overlaps, made_on) for node in found.all(inner)]
    if not statements:
        raise unreadable(found.line, f"<{found.name}> holds no <{inner}>")
    return statements


def _statement(node: Node, format: str, overlaps: bool, made_on: date | None) -> Statement:
    made_on = _day_of(node.said("CreDtTm"), node.line) or made_on
    balances: dict[str, tuple[Decimal, date | None, str]] = {}
    for balance in node.all("Bal"):
        code = balance.said("Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")
        amount, currency = _signed(balance)
        if code not in balances:
            balances[code] = amount, _day(balance.first("Dt")), currency
    currency = node.said("Acct/Ccy")
    opening = next((balances[c] for c in ("OPBD", "PRCD") if c in balances), None)
    closing = balances.get("CLBD")
    lines, left_out = [], 0
    for entry in node.all("Ntry"):
        if entry.said("Sts/Cd", "Sts") in ("PDNG", "INFO", "FUTR"):
            left_out += 1
            continue
        lines.append(_line(entry, currency, made_on))
    currency = currency or (opening[2] if opening else "") or (lines[0].currency if lines else "")
    page = node.said("StmtPgntn/PgNb", "RptPgntn/PgNb", "NtfctnPgntn/PgNb")
    return Statement(
        format=format, at_line=node.line, account=account_of(node.said("Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/BBAN",
                                                                       "Acct/Id/PrtryAcct/Id")),
        currency=currency, number=plain(" ".join(filter(None, (node.said("Id"), node.said("ElctrncSeqNb"), page)))),
        lines=tuple(lines), overlaps=overlaps, opening=opening[0] if opening else None,
        closing=closing[0] if closing else None, opened_on=opening[1] if opening else None,
        closed_on=closing[1] if closing else None,
        notes=(f"{left_out} announced lines are left out until they are booked",) if left_out else (),
    )


def _signed(node: Node) -> tuple[Decimal, str]:
    amount = node.first("Amt")
    if amount is None:
        raise unreadable(node.line, f"<{node.name}> has no <Amt>")
    value = amount_of(amount.text, amount.line, decimal=".")
    return (-value if node.said("CdtDbtInd") == "DBIT" else value), amount.attributes.get("Ccy", "")


def _day(node: Node | None) -> date | None:
    if node is None:
        return None
    return _day_of(node.said("Dt", "DtTm") or node.text.strip(), node.line)


def _day_of(text: str, line: int) -> date | None:
    found = _DAY.match(text)
    return day_of(int(found[1]), int(found[2]), int(found[3]), line)[0] if found else None


def _line(node: Node, account_currency: str, made_on: date | None) -> StatementLine:
    amount, currency = _signed(node)
    value_on = _day(node.first("ValDt"))
    booked_on = _day(node.first("BookgDt")) or value_on or made_on
    if booked_on is None:
        raise unreadable(node.line, "a line has no day, and neither has its statement")
    came_in = node.said("CdtDbtInd") != "DBIT"
    parts = [_transfer(t, came_in) for t in node.all("NtryDtls/TxDtls")] or [
        _transfer(t, came_in) for t in node.all("TxDtls")
    ]
    only = parts[0] if len(parts) == 1 else Transfer()
    bank_ref = plain(node.said("AcctSvcrRef"))
    return StatementLine(
        at_line=node.line, booked_on=booked_on, value_on=value_on or booked_on, amount=amount,
        currency=currency or account_currency, reversal=node.said("RvslInd") == "true", party_name=only.party_name,
        party_account=only.party_account, end_to_end=only.end_to_end, mandate=only.mandate,
        bank_ref="" if bank_ref in _NOTHING else bank_ref or (only.bank_ref if len(parts) == 1 else ""),
        references=only.references, text=plain(" ".join(filter(None, (only.text, node.said("AddtlNtryInf"))))),
        code=node.said("BkTxCd/Domn/Fmly/SubFmlyCd", "BkTxCd/Prtry/Cd"), charges=_charges(node),
        parts=tuple(parts) if len(parts) > 1 else (),
    )


def _charges(node: Node) -> Decimal:
    """What the bank kept of the money before it was booked: charges that are inside the amount."""
    kept = Decimal(0)
    records = [*node.all("Chrgs/Rcrd"), *node.all("NtryDtls/TxDtls/Chrgs/Rcrd")]
    for record in records:
        if record.said("ChrgInclInd") == "true":
            kept += abs(_signed(record)[0])
    return kept


def _transfer(node: Node, came_in: bool) -> Transfer:
    amount, currency = None, ""
    said = node.first("Amt") or node.first("AmtDtls/TxAmt/Amt")
    if said is not None and said.text.strip():
        amount, currency = amount_of(said.text, said.line, decimal="."), said.attributes.get("Ccy", "")
        amount = -amount if (node.said("CdtDbtInd") == "DBIT" if node.first("CdtDbtInd") else not came_in) else amount
    who, whose = ("Dbtr", "DbtrAcct") if came_in else ("Cdtr", "CdtrAcct")
    name = node.said(f"RltdPties/{who}/Nm", f"RltdPties/{who}/Pty/Nm", f"RltdPties/Ultmt{who}/Nm", f"RltdPties/Ultmt{who}/Pty/Nm")
    end_to_end = plain(node.said("Refs/EndToEndId"))
    bank_ref = plain(node.said("Refs/AcctSvcrRef"))
    return Transfer(
        amount=amount, currency=currency, party_name=plain(name),
        party_account=account_of(node.said(f"RltdPties/{whose}/Id/IBAN", f"RltdPties/{whose}/Id/Othr/Id")),
        end_to_end="" if end_to_end in _NOTHING else end_to_end, mandate=plain(node.said("Refs/MndtId")),
        bank_ref="" if bank_ref in _NOTHING else bank_ref,
        references=tuple(plain(n.text) for n in node.all("RmtInf/Strd/CdtrRefInf/Ref") if n.text.strip()),
        text=plain(" ".join(filter(None, _texts(node)))),
    )


def _texts(node: Node) -> Iterator[str]:
    for path in ("RmtInf/Ustrd", "RmtInf/Strd/RfrdDocInf/Nb", "RmtInf/Strd/AddtlRmtInf", "AddtlTxInf"):
        for found in node.all(path):
            yield found.text.strip()
