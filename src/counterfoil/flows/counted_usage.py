"""The events that a document counted, as they were when it was issued."""

from __future__ import annotations

from counterfoil.core.basis.canonical import parse_canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.refusals import NotFound
from counterfoil.core.usage.event import Event, event_from_json
from counterfoil.flows.prove import ProofTx
from counterfoil.flows.sealed_items import usage_of


def counted_usage(tx: ProofTx, document_ref: str) -> list[Event]:
    """Every event of any line, once, by (instant, reference); NotFound for an unknown document.

    Later corrections do not show: these are the very events that the document's usage roots commit to.
    """
    sealed = tx.record(Ref(document_ref))
    if sealed is None:
        raise NotFound("document.not_found", f"there is no document {document_ref}")
    by_root = usage_of(tx, Ref(document_ref), parse_canonical(sealed.body))
    distinct = {data for events in by_root.values() for data in events}
    return sorted((event_from_json(parse_canonical(data)) for data in distinct), key=lambda e: (e.at, e.ref))
