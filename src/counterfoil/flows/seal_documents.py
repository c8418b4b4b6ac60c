"""Number, store, book and seal documents: what every flow that issues does last."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.core.basis.ids import Ref
from counterfoil.core.invoicing.credit import numbered
from counterfoil.core.invoicing.document import Document, DocumentKind
from counterfoil.core.invoicing.numbering import number_text
from counterfoil.core.invoicing.posting import posting
from counterfoil.core.receipts.invoice import RECORD_TYPES, invoice_record
from counterfoil.flows.announce import announce_invoices
from counterfoil.flows.deliver import promise_documents
from counterfoil.flows.draw_wallets import Plan, plan_draws, tell_paid, write_draws
from counterfoil.flows.keep_dunning import begin_chases
from counterfoil.flows.ports import Tx
from counterfoil.flows.write_off import free_credited
from counterfoil.flows.write_own_deltas import write_documents


def seal_documents(tx: Tx, drawn: Sequence[Document], *, prepaid: bool = True) -> list[Document]:
    """Give numbers without a gap per entity and kind, in the order given; store, book and seal. All or none.

    Prepaid balances of the customers pay first, unless `prepaid` is False. From here on the documents never change: the
    canonical record is stored as the bytes that the log commits to.
    """
    if not drawn:
        return []
    tx.lock_accounts([d.buyer.ref for d in drawn if d.kind == "CREDIT"])
    prefixes = {ref: e.number_prefix for ref, e in tx.entities(list({d.seller.ref for d in drawn})).items()}
    wanted: dict[tuple[Ref, DocumentKind], int] = {}
    for d in drawn:
        key = (d.seller.ref, d.kind)
        wanted[key] = wanted.get(key, 0) + 1
    # counters are taken in one order by everybody, so that two runs never wait for each other in a circle
    serials = {key: tx.take_numbers(*key, wanted[key]) for key in sorted(wanted)}
    # wallets after counters: whoever seals twice in one transaction holds the counters already
    drawn, draws = plan_draws(tx, drawn) if prepaid else (list(drawn), Plan())
    issued: list[tuple[Document, int]] = []
    for d in drawn:
        key = (d.seller.ref, d.kind)
        serial = serials[key]
        serials[key] = serial + 1
        issued.append((numbered(d, number_text(prefixes[d.seller.ref], d.kind, serial)), serial))
    documents = [d for d, _serial in issued]
    tx.add_documents(issued)
    write_draws(tx, draws, documents)
    tx.add_entries([posting(d) for d in documents])
    tx.add_records([(d.ref, RECORD_TYPES[d.kind], invoice_record(d), tx.new_salt()) for d in documents])
    promise_documents(tx, documents)
    announce_invoices(tx, "invoice.issued", documents)
    tell_paid(tx, documents)
    write_documents(tx, documents)
    free_credited(tx, documents)
    begin_chases(tx, documents)
    return documents
