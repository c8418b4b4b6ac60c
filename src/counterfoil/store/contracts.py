"""SQL of contracts, their versions, and the periods that were billed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Window
from counterfoil.core.contracts.charges import BilledPart, ChargeKey
from counterfoil.core.contracts.terms import Contract, Segment
from counterfoil.flows.ports import VersionRow
from counterfoil.store.rows import Rows, decoder, encode

_SEGMENTS = tuple[Segment, ...]
_CONTRACT = (
    "SELECT c.contract_ref::text, c.number, c.customer_ref::text, c.state, c.kind, c.version, c.po_number, c.collective, "
    "v.terms::text FROM contract c JOIN contract_version v "
    "ON v.tenant = c.tenant AND v.contract_ref = c.contract_ref AND v.version = {version} WHERE c.tenant = %s "
)
_LATEST = _CONTRACT.format(version="c.version")


def _contract(row: Any) -> Contract:
    return Contract(
        Ref(row[0]), row[1], Ref(row[2]), row[3], row[4], row[5], row[6], row[7], decoder(_SEGMENTS).decode(row[8])
    )


class ContractRows(Rows):
    """Contracts as they were agreed, version by version, and what of them was billed."""

    def next_contract_number(self) -> int:
        """The serial of the tenant's next contract."""
        self.lock_contract_numbers()
        number: int = self.one("SELECT coalesce(max(number), 0) + 1 FROM contract WHERE tenant = %s", self.tenant)[0]
        return number

    def lock_contract_numbers(self) -> None:
        """Let one transaction at a time number contracts."""
        self.conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext('contract numbers'))", [self.tenant])

    def add_contracts(self, contracts: Sequence[Contract], *, next_issue_at: Sequence[datetime | None]) -> None:
        """Store new contracts with their first version."""
        self.insert(
            "contract",
            "contract_ref number customer_ref kind state po_number collective version next_issue_at created_at",
            "uuid integer uuid text text text boolean integer timestamptz timestamptz",
            [
                (c.ref, c.number, c.customer_ref, c.kind, c.state, c.po_number, c.collective, c.version, at, self.now)
                for c, at in zip(contracts, next_issue_at, strict=True)
            ],
        )
        self._add_versions([(c, min(s.since for s in c.segments), False, "") for c in contracts])

    def save_contract(self, c: Contract, *, next_issue_at: datetime | None) -> None:
        """Store the contract's state and version pointer."""
        self.save_contracts([(c, next_issue_at)])

    def save_contracts(self, rows: Sequence[tuple[Contract, datetime | None]]) -> None:
        """Store the state and version pointer of many contracts, with when their next documents fall due."""
        self.conn.execute(
            "UPDATE contract c SET state = n.state, version = n.version, po_number = n.po_number, "
            "collective = n.collective, next_issue_at = n.at FROM unnest(%s::uuid[], %s::text[], %s::integer[], "
            "%s::text[], %s::boolean[], %s::timestamptz[]) AS n(ref, state, version, po_number, collective, at) "
            "WHERE c.tenant = %s AND c.contract_ref = n.ref",
            [
                [c.ref for c, _at in rows],
                [c.state for c, _at in rows],
                [c.version for c, _at in rows],
                [c.po_number for c, _at in rows],
                [c.collective for c, _at in rows],
                [at for _c, at in rows],
                self.tenant,
            ],
        )

    def add_contract_version(self, c: Contract, effective_on: date, *, include_current: bool, why: str) -> None:
        """Store the version that an amendment, a cancellation or an edit of the draft made."""
        self._add_versions([(c, effective_on, include_current, why)])

    def _add_versions(self, rows: Iterable[tuple[Contract, date, bool, str]]) -> None:
        self.insert(
            "contract_version",
            "contract_ref version effective_on terms include_current created_at actor why",
            "uuid integer date jsonb boolean timestamptz text text",
            [
                (c.ref, c.version, on, encode(c.segments), current, self.now, self.actor, why)
                for c, on, current, why in rows
            ],
        )

    def contract(self, ref: str, *, lock: bool = False) -> Contract | None:
        """A contract as of its latest version; `lock` keeps others from changing it until the transaction ends."""
        row = self.one(_LATEST + "AND c.contract_ref = %s" + (" FOR UPDATE OF c" if lock else ""), self.tenant, ref)
        return None if row is None else _contract(row)

    def contract_as_of(self, ref: str, at: datetime) -> Contract | None:
        """A contract as it was known at an instant."""
        row = self.one(
            _CONTRACT.format(
                version="(SELECT max(x.version) FROM contract_version x WHERE x.tenant = c.tenant "
                "AND x.contract_ref = c.contract_ref AND x.created_at <= %s)"
            )
            + "AND c.contract_ref = %s",
            at,
            self.tenant,
            ref,
        )
        if row is None:
            return None
        found = _contract(row)
        version: int = self.one(
            "SELECT max(version) FROM contract_version WHERE tenant = %s AND contract_ref = %s AND created_at <= %s",
            self.tenant,
            ref,
            at,
        )[0]
        return Contract(
            found.ref,
            found.number,
            found.customer_ref,
            found.state,
            found.kind,
            version,
            found.po_number,
            found.collective,
            found.segments,
        )

    def contract_versions(self, ref: str) -> list[VersionRow]:
        """Every version of a contract, oldest first."""
        rows = self.all(
            "SELECT version, effective_on, include_current, created_at, actor, why, terms::text FROM contract_version "
            "WHERE tenant = %s AND contract_ref = %s ORDER BY version",
            self.tenant,
            ref,
        )
        return [VersionRow(r[0], r[1], r[2], r[3], r[4], r[5], decoder(_SEGMENTS).decode(r[6])) for r in rows]

    def contract_page(
        self, after: int | None, limit: int, *, customer_ref: str | None = None, state: str | None = None
    ) -> list[Contract]:
        """Contracts by number, after a given one."""
        where, params = "", list[Any]([self.tenant])
        for clause, value in (
            ("AND c.number > %s ", after),
            ("AND c.customer_ref = %s ", customer_ref),
            ("AND c.state = %s ", state),
        ):
            if value is not None:
                where += clause
                params.append(value)
        rows = self.all(_LATEST + where + "ORDER BY c.number LIMIT %s", *params, limit)
        return [_contract(r) for r in rows]

    def first_due(self, until: datetime) -> datetime | None:
        """The earliest instant, not after `until`, at which a document falls due."""
        row = self.one(
            "SELECT next_issue_at FROM contract WHERE tenant = %s AND next_issue_at <= %s ORDER BY next_issue_at LIMIT 1",
            self.tenant,
            until,
        )
        return None if row is None else row[0]

    def due_contracts(self, at: datetime, limit: int) -> list[Contract]:
        """Contracts whose next document is due at exactly this instant, held for this transaction; those that another
        transaction holds are left to it."""
        rows = self.all(
            _LATEST + "AND c.next_issue_at = %s ORDER BY c.number LIMIT %s FOR UPDATE OF c SKIP LOCKED",
            self.tenant,
            at,
            limit,
        )
        return [_contract(r) for r in rows]

    def contracts(self, refs: Sequence[str], *, lock: bool = False) -> dict[Ref, Contract]:
        """Contracts as of their latest versions, by number: those asked for that exist. `lock` as for `contract`."""
        held = " FOR UPDATE OF c" if lock else ""
        rows = self.all(
            _LATEST + "AND c.contract_ref = ANY(%s::uuid[]) ORDER BY c.number" + held, self.tenant, list(refs)
        )
        return {c.ref: c for c in (_contract(r) for r in rows)}

    def next_issue_of(self, ref: str) -> datetime | None:
        """When the contract's next document falls due."""
        row = self.one("SELECT next_issue_at FROM contract WHERE tenant = %s AND contract_ref = %s", self.tenant, ref)
        return None if row is None else row[0]

    def set_next_issue(self, rows: Sequence[tuple[Ref, datetime | None, int]]) -> None:
        """(contract, when its next document is due, how many documents it got now)."""
        self.conn.execute(
            "UPDATE contract c SET next_issue_at = n.at, documents = c.documents + n.more "
            "FROM unnest(%s::uuid[], %s::timestamptz[], %s::integer[]) AS n(ref, at, more) "
            "WHERE c.tenant = %s AND c.contract_ref = n.ref",
            [[r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], self.tenant],
        )

    def documents_so_far(self, refs: Sequence[Ref]) -> dict[Ref, int]:
        """How many documents each contract has got."""
        rows = self.all(
            "SELECT contract_ref::text, documents FROM contract WHERE tenant = %s AND contract_ref = ANY(%s::uuid[])",
            self.tenant,
            list(refs),
        )
        return {Ref(r[0]): r[1] for r in rows}

    def billed_parts(self, contracts: Sequence[Ref], *, since: date | None = None) -> list[BilledPart]:
        """What was billed of these contracts (from periods that end after `since`), by product and start."""
        rows = self.all(
            "SELECT contract_ref::text, product_ref::text, starts, ends, part, document_ref::text, issued_on, "
            "version FROM billing_period "
            "WHERE tenant = %s AND contract_ref = ANY(%s::uuid[]) AND ends >= %s ORDER BY product_ref, starts, part",
            self.tenant,
            list(contracts),
            since or date.min,
        )
        return [BilledPart(*r) for r in rows]

    def billed_parts_of(self, keys: Sequence[ChargeKey]) -> list[BilledPart]:
        """The billed parts with these keys."""
        rows = self.all(
            "SELECT b.contract_ref::text, b.product_ref::text, b.starts, b.ends, b.part, b.document_ref::text, "
            "b.issued_on, b.version FROM unnest(%s::uuid[], %s::date[], %s::smallint[], %s::integer[]) "
            "AS k(product_ref, starts, part, version) JOIN billing_period b ON b.tenant = %s "
            "AND b.product_ref = k.product_ref AND b.starts = k.starts AND b.part = k.part AND b.version = k.version",
            *([k[i] for k in keys] for i in range(4)),
            self.tenant,
        )
        return [BilledPart(*r) for r in rows]

    def add_billed(self, rows: Sequence[tuple[BilledPart, Window | None]]) -> None:
        """Note what is being billed, with the window of its usage; the primary key refuses what was billed already."""
        self.insert(
            "billing_period",
            "contract_ref product_ref starts ends part document_ref issued_on version opens_at closes_at",
            "uuid uuid date date smallint uuid date integer timestamptz timestamptz",
            [
                (
                    b.contract_ref,
                    b.product_ref,
                    b.starts,
                    b.ends,
                    b.part,
                    b.document_ref,
                    b.issued_on,
                    b.version,
                    w and w.start,
                    w and w.end,
                )
                for b, w in rows
            ],
        )

    def set_billed_document(self, keys: Sequence[ChargeKey], document: Ref) -> None:
        """Parts that had nothing to bill are on a document now."""
        self.conn.execute(
            "UPDATE billing_period b SET document_ref = %s FROM unnest(%s::uuid[], %s::date[], %s::smallint[], %s::integer[]) "
            "AS k(product_ref, starts, part, version) WHERE b.tenant = %s AND b.product_ref = k.product_ref "
            "AND b.starts = k.starts AND b.part = k.part AND b.version = k.version",
            [document, *([k[i] for k in keys] for i in range(4)), self.tenant],
        )
