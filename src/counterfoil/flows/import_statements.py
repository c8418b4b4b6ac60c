"""Import bank statements: every line of an account exactly once, however many statements tell of it.

Statements that follow one another (camt.053, MT940) tell of a line once; interim reports, notifications and downloads overlap
with them and with each other. So of lines that look the same, one that an overlapping statement tells of is the one that is
there; one that another following statement told of is another line.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from counterfoil.core.basis.ids import Ref, derived_ref
from counterfoil.core.basis.money import MAX_MINOR, exponent, to_major
from counterfoil.core.basis.refusals import Conflict, Invalid, NotFound
from counterfoil.core.payments.remittance import key_of, runs_of
from counterfoil.flows.bank_port import Statement, StatementLine, Transfer, unreadable
from counterfoil.flows.bank_rows import BankTx, Imported, LineRow, PartRow, StatementRow, Told

MAX_LINES = 200_000
MAX_NOTES = 50


def import_statements(
    tx: BankTx, statements: Sequence[Statement], *, file_name: str, sha256: bytes, entity_ref: str | None = None
) -> Imported:
    """Store the statements of a file with the lines that are new; all of it or nothing.

    `entity_ref`: whose accounts they are, where nothing tells: an account belongs to the entity that it was first imported
    for, or that prints it on its documents, or to the only one. Invalid names the line of the file for an amount with more
    decimals than its currency has. A statement that does not add up is imported, with the difference.
    """
    if sum(len(s.lines) for s in statements) > MAX_LINES:
        raise Invalid.field("file", f"has more than {MAX_LINES:,} lines: send it in parts")
    rows, new, known = [], 0, 0
    for n, statement in enumerate(statements):
        owner = _owner(tx, statement, entity_ref)
        tx.lock(f"bank account {statement.account}")
        row, added = _import_one(tx, statement, owner, file_name, f"{sha256.hex()} {n}")
        rows.append(row)
        new += added
        known += len(statement.lines) - added
    tx.audit_all("import", "bank_statement", [
        (r.ref, {"file_name": r.file_name, "account": r.account, "number": r.number, "lines": r.lines, "new": r.new_lines})
        for r in rows
    ])
    return Imported(tuple(rows), new, known)


def _owner(tx: BankTx, s: Statement, given: str | None) -> Ref:
    """The entity whose account it is."""
    if not s.account:
        raise unreadable(s.at_line, "the statement does not say whose account it is")
    entities = tx.entities()
    if given is not None and given not in entities:
        raise NotFound("entity.not_found", f"there is no entity {given[:100]}")
    known = tx.bank_account(s.account)
    if known is not None:
        if given not in (None, known):
            raise Conflict("bank_account.other_entity", f"the account {s.account} is {entities[known].name}'s")
        return known
    printed = [e.ref for e in entities.values() if any(_plain(value) == s.account for _label, value in e.bank)]
    candidates = [Ref(given)] if given else printed or list(entities)
    if len(candidates) != 1:
        raise Invalid.field("entity_ref", f"is required: nothing tells which entity's the account {s.account} is")
    tx.lock("bank accounts")
    if tx.bank_account(s.account) is None:
        tx.add_bank_account(s.account, candidates[0])
    return candidates[0]


def _plain(account: str) -> str:
    return "".join(c for c in account.upper() if c.isalnum() or c == "/")


def _import_one(tx: BankTx, s: Statement, owner: Ref, file_name: str, source: str) -> tuple[StatementRow, int]:
    currency = s.currency or next((x.currency for x in s.lines if x.currency), "")
    if len(currency) != 3:
        raise unreadable(s.at_line, "the statement does not say its currency")
    opening, closing = (None if b is None else _minor(b, currency, s.at_line) for b in (s.opening, s.closing))
    if s.overlaps:
        ref = derived_ref("bank_statement", s.account, source)
    else:
        balances = map(str, (s.opened_on, opening, s.closed_on, closing))
        ref = derived_ref("bank_statement", s.account, currency, s.number, *balances)
    marks = _marks(s)
    there = tx.lines_like(sorted({m for m, _sure in marks}), ref)
    rows: list[LineRow] = []
    seen: list[Ref] = []
    taken: dict[str, int] = {}
    for line, (same_as, sure) in zip(s.lines, marks, strict=True):
        nth = taken.get(same_as, 0)
        taken[same_as] = nth + 1
        like = there.get(same_as, [])
        usable = [x for x in like if sure or s.overlaps or not x.elsewhere]
        if nth < len(usable):
            seen.append(usable[nth].ref)
            continue
        ordinal = (like[-1].ordinal + 1 if like else 0) + nth - len(usable)
        rows.append(_row(tx, s, line, ref, owner, currency, same_as, ordinal))
    found = tx.bank_statement(ref)
    if found is None:
        found = _statement_row(tx, s, ref, owner, currency, opening, closing, file_name, len(rows))
        tx.add_bank_statement(found)
    tx.add_bank_lines(rows)
    tx.add_sightings(ref, [*seen, *(r.ref for r in rows)])
    return found, len(rows)


def _statement_row(
    tx: BankTx, s: Statement, ref: Ref, owner: Ref, currency: str, opening: int | None, closing: int | None, file_name: str,
    new: int,
) -> StatementRow:
    difference = None
    notes = list(s.notes[:MAX_NOTES])
    if opening is not None and closing is not None and all((x.currency or currency) == currency for x in s.lines):
        difference = closing - opening - sum(_minor(x.amount, currency, x.at_line) for x in s.lines)
        if difference:
            notes.insert(0, f"does not add up: {to_major(difference, currency):f} {currency} of the closing balance are not in "
                            "its lines")
    return StatementRow(
        ref=ref, account=s.account, entity_ref=owner, currency=currency, format=s.format, number=s.number[:500],
        file_name=file_name[:500], overlaps=s.overlaps, opened_on=s.opened_on, closed_on=s.closed_on, opening_minor=opening,
        closing_minor=closing, lines=len(s.lines), new_lines=new, difference_minor=difference, notes=tuple(notes),
        imported_at=tx.now, actor=tx.actor,
    )


def _marks(s: Statement) -> list[tuple[str, bool]]:
    """What makes each line look like another, and whether that is sure: the bank's own reference, where it names one line."""
    by_ref = [_digest(s.account, x.currency, "ref", x.bank_ref, str(x.amount.normalize()), x.booked_on.isoformat())
              if x.bank_ref else "" for x in s.lines]
    counts = Counter(by_ref)
    marks = []
    for line, mark in zip(s.lines, by_ref, strict=True):
        if mark and counts[mark] == 1:
            marks.append((mark, True))
        else:
            marks.append((_digest(
                s.account, line.currency, "line", mark, str(line.amount.normalize()), line.booked_on.isoformat(), line.end_to_end,
                line.mandate, line.party_account, key_of(runs_of(f"{line.party_name} {line.text}")),
            ), False))
    return marks


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _row(
    tx: BankTx, s: Statement, x: StatementLine, ref: Ref, owner: Ref, currency: str, same_as: str, ordinal: int
) -> LineRow:
    own = x.currency or currency
    amount = _minor(x.amount, own, x.at_line)
    told = Told(
        end_to_end=x.end_to_end, mandate=x.mandate, bank_ref=x.bank_ref, references=x.references, code=x.code,
        parts=tuple(_part(p, own, x.at_line) for p in x.parts),
    )
    return LineRow(
        ref=derived_ref("bank_line", same_as, ordinal), statement_ref=ref, entity_ref=owner, account=s.account, same_as=same_as,
        ordinal=ordinal, booked_on=x.booked_on, value_on=x.value_on, currency=own, amount_minor=amount,
        charges_minor=_minor(x.charges, own, x.at_line), is_reversal=x.reversal, party_name=x.party_name,
        party_account=x.party_account, text=x.text, told=told, state="open" if amount else "ignored", rounds=0, payout="",
        created_at=tx.now,
    )


def _part(p: Transfer, currency: str, at_line: int) -> PartRow:
    minor = _minor(p.amount, currency, at_line) if p.amount is not None and p.currency in ("", currency) else None
    return PartRow(minor, p.party_name, p.party_account, p.end_to_end, p.references, p.text)


def _minor(amount: Decimal, currency: str, at_line: int) -> int:
    """Minor units, exactly; Invalid for an amount that has none."""
    minor = amount.scaleb(exponent(currency))
    if minor != minor.to_integral_value():
        raise unreadable(at_line, f"{amount} has more decimals than {currency} has")
    if abs(minor) >= MAX_MINOR:
        raise unreadable(at_line, f"{amount} is beyond what money is counted to")
    return int(minor)
