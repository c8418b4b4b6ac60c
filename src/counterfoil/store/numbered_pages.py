"""SQL of lists whose pages are counted, for doors that ask for page n of so many rows; and of projected documents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from counterfoil.core.basis.ids import Ref
from counterfoil.store.rows import Rows


class NumberedPages(Rows):
    """References in order, cut into pages by their number, with how many there are in all."""

    def customer_names(
        self, name: str = "", *, descending: bool = False, limit: int | None = None, offset: int = 0
    ) -> tuple[list[tuple[Ref, str, str]], int]:
        """((reference, name, legal name) by name, of how many): customers whose name or legal name has `name` in it."""
        where, params = "WHERE tenant = %s AND deleted_at IS NULL ", list[Any]([self.tenant])
        if name:
            where += (
                "AND (position(lower(%s) in lower(name)) > 0 "
                "OR position(lower(%s) in lower(coalesce(profile->>'legal_name', ''))) > 0) "
            )
            params += [name, name]
        total: int = self.one(f"SELECT count(*) FROM customer {where}", *params)[0]
        order = "ORDER BY lower(name) DESC, customer_ref DESC" if descending else "ORDER BY lower(name), customer_ref"
        rows = self.all(
            f"SELECT customer_ref::text, name, coalesce(profile->>'legal_name', '') FROM customer {where}{order} "
            "LIMIT %s OFFSET %s",
            *params,
            limit,
            offset,
        )
        return [(Ref(r[0]), r[1], r[2]) for r in rows], total

    def numbered_contracts(
        self, customer_refs: Sequence[str], *, limit: int, offset: int
    ) -> tuple[list[Ref], int]:
        """(references of contracts by number, of how many): of these customers, or of all."""
        where, params = "WHERE tenant = %s ", list[Any]([self.tenant])
        if customer_refs:
            where += "AND customer_ref = ANY(%s::uuid[]) "
            params.append(list(customer_refs))
        total: int = self.one(f"SELECT count(*) FROM contract {where}", *params)[0]
        rows = self.all(
            f"SELECT contract_ref::text FROM contract {where} ORDER BY number LIMIT %s OFFSET %s", *params, limit, offset
        )
        return [Ref(r[0]) for r in rows], total

    def numbered_documents(
        self, customer_refs: Sequence[str], contract_refs: Sequence[str], *, limit: int, offset: int
    ) -> tuple[list[Ref], int]:
        """(references of documents by issue date, of how many): of these customers and contracts, or of all."""
        where, params = "WHERE tenant = %s ", list[Any]([self.tenant])
        for column, refs in (("customer_ref", customer_refs), ("contract_ref", contract_refs)):
            if refs:
                where += f"AND {column} = ANY(%s::uuid[]) "
                params.append(list(refs))
        total: int = self.one(f"SELECT count(*) FROM document {where}", *params)[0]
        rows = self.all(
            f"SELECT document_ref::text FROM document {where} ORDER BY issued_on, document_ref LIMIT %s OFFSET %s",
            *params,
            limit,
            offset,
        )
        return [Ref(r[0]) for r in rows], total

    def issued_at(self, refs: Collection[str]) -> dict[Ref, datetime]:
        """When these documents were made."""
        rows = self.all(
            "SELECT document_ref::text, created_at FROM document WHERE tenant = %s AND document_ref = ANY(%s::uuid[])",
            self.tenant,
            list(refs),
        )
        return {Ref(r[0]): r[1] for r in rows}

    def agreed_at(self, refs: Collection[str]) -> dict[Ref, datetime]:
        """When the latest versions of these contracts were agreed."""
        rows = self.all(
            "SELECT contract_ref::text, max(created_at) FROM contract_version "
            "WHERE tenant = %s AND contract_ref = ANY(%s::uuid[]) GROUP BY 1",
            self.tenant,
            list(refs),
        )
        return {Ref(r[0]): r[1] for r in rows}

    def invoiced_minor(self, contract_refs: Collection[str]) -> dict[Ref, int]:
        """What the documents of these contracts ask for in all, credit notes taken off."""
        rows = self.all(
            "SELECT contract_ref::text, sum(CASE kind WHEN 'CREDIT' THEN -total_minor ELSE total_minor END)::bigint "
            "FROM document WHERE tenant = %s AND contract_ref = ANY(%s::uuid[]) GROUP BY 1",
            self.tenant,
            list(contract_refs),
        )
        return {Ref(r[0]): r[1] for r in rows}

    def remember_upcoming(self, rows: Collection[tuple[str, str, date]]) -> None:
        """(document, contract, issue date) of projected documents that somebody is told of."""
        self.insert(
            "upcoming_document",
            "document_ref contract_ref issue_on",
            "uuid uuid date",
            list(rows),
            "ON CONFLICT DO NOTHING",
        )

    def remembered_upcoming(self, ref: str) -> tuple[Ref, date] | None:
        """The contract and issue date of a projected document."""
        row = self.one(
            "SELECT contract_ref::text, issue_on FROM upcoming_document WHERE tenant = %s AND document_ref = %s",
            self.tenant,
            ref,
        )
        return None if row is None else (Ref(row[0]), row[1])

    def contracts_to_come(self, after: str | None, limit: int) -> list[tuple[Ref, datetime]]:
        """(contract, when its next document is due) of those that will get documents, by reference, after a given one."""
        rows = self.all(
            "SELECT contract_ref::text, next_issue_at FROM contract WHERE tenant = %s AND next_issue_at IS NOT NULL "
            "AND (%s::uuid IS NULL OR contract_ref > %s::uuid) ORDER BY contract_ref LIMIT %s",
            self.tenant,
            after,
            after,
            limit,
        )
        return [(Ref(r[0]), r[1]) for r in rows]
