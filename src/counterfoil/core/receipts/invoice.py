"""The sealed record of a document: `invoice/v1`, `credit-note/v1`, `debit-note/v1` (docs/formats/invoice.md)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from counterfoil.core.basis.canonical import Encoded, Json, canonical, encoded, parse_canonical
from counterfoil.core.basis.ids import Ref
from counterfoil.core.basis.period import Period, Window, instant_text, read_instant
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.invoicing.document import (
    Correction,
    Discount,
    Document,
    DocumentKind,
    Line,
    Party,
    TaxTotal,
    UsageProof,
)
from counterfoil.core.pricing.model import Part

RECORD_TYPES: dict[DocumentKind, str] = {"INVOICE": "invoice/v1", "CREDIT": "credit-note/v1", "DEBIT": "debit-note/v1"}
_KINDS: dict[str, DocumentKind] = {record_type: kind for kind, record_type in RECORD_TYPES.items()}


def invoice_record(document: Document) -> bytes:
    """The canonical bytes of a document: what is stored, hashed and handed over."""
    return canonical(
        {
            "type": RECORD_TYPES[document.kind],
            "document_ref": document.ref,
            "number": document.number,
            "currency": document.currency,
            "issued_on": document.issued_on.isoformat(),
            "due_on": document.due_on.isoformat(),
            "net_days": document.net_days,
            "seller": _shared_party(document.seller),
            "buyer": _party(document.buyer),
            "contract_ref": document.contract_ref,
            "contract_number": document.contract_number,
            "contract_version": document.contract_version,
            "number_in_contract": document.number_in_contract,
            "period": _period(document.period),
            "is_partial_period": document.is_partial_period,
            "po_number": document.po_number,
            "note": document.note,
            "corrects": document.corrects,
            "time_zone": document.time_zone,
            "language": document.language,
            "lines": [_line(line) for line in document.lines],
            "discounts": [_discount(d) for d in document.discounts],
            "taxes": [_tax(t) for t in document.taxes],
            "sub_total_minor": document.sub_total_minor,
            "total_discount_minor": document.total_discount_minor,
            "total_tax_minor": document.total_tax_minor,
            "credits_minor": document.credits_minor,
            "total_minor": document.total_minor,
        }
    )


def record_document(record: bytes) -> Document:
    """The inverse of `invoice_record`; ValueError for anything that is not exactly such a record."""
    value = parse_canonical(record)
    try:
        document = _read(value)
        again = invoice_record(document)
    except (KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise ValueError(f"not a document record: {error!r}") from None
    if again != record:
        raise ValueError("not a document record: it has fields or spellings that are not of its format")
    return document


def _read(value: Json) -> Document:
    return Document(
        ref=value["document_ref"],
        kind=_KINDS[value["type"]],
        number=value["number"],
        currency=value["currency"],
        issued_on=date.fromisoformat(value["issued_on"]),
        due_on=date.fromisoformat(value["due_on"]),
        net_days=value["net_days"],
        seller=_read_party(value["seller"]),
        buyer=_read_party(value["buyer"]),
        lines=tuple(_read_line(line) for line in value["lines"]),
        discounts=tuple(_read_discount(d) for d in value["discounts"]),
        taxes=tuple(_read_tax(t) for t in value["taxes"]),
        sub_total_minor=value["sub_total_minor"],
        total_discount_minor=value["total_discount_minor"],
        total_tax_minor=value["total_tax_minor"],
        credits_minor=value["credits_minor"],
        total_minor=value["total_minor"],
        contract_ref=value["contract_ref"],
        contract_number=value["contract_number"],
        contract_version=value["contract_version"],
        number_in_contract=value["number_in_contract"],
        period=_read_period(value["period"]),
        is_partial_period=value["is_partial_period"],
        po_number=value["po_number"],
        note=value["note"],
        corrects=value["corrects"],
        time_zone=value["time_zone"],
        language=value["language"],
    )


def _party(party: Party) -> Json:
    return {
        "ref": party.ref,
        "name": party.name,
        "legal_name": party.legal_name,
        "address": list(party.address),
        "country": party.country,
        "tax_id": party.tax_id,
        "email": party.email,
        "bank": [list(row) for row in party.bank],
    }


@lru_cache(maxsize=256)
def _shared_party(party: Party) -> Encoded:
    return encoded(_party(party))


def _shared(value: Json) -> Json:
    """Terms and meters stand on many lines as the same object: each is encoded once, and held so that it stays itself."""
    if value is None:
        return None
    known = _known.get(id(value))
    if known is not None and known[0] is value:
        return known[1]
    if len(_known) >= _KNOWN_AT_MOST:
        _known.clear()
    text = encoded(value)
    _known[id(value)] = (value, text)
    return text


_known: dict[int, tuple[Json, Encoded]] = {}
_KNOWN_AT_MOST = 4096


def _read_party(value: Json) -> Party:
    return Party(
        ref=Ref(value["ref"]),
        name=value["name"],
        legal_name=value["legal_name"],
        address=tuple(value["address"]),
        country=value["country"],
        tax_id=value["tax_id"],
        email=value["email"],
        bank=tuple((label, text) for label, text in value["bank"]),
    )


def _period(period: Period | None) -> Json:
    return None if period is None else {"start": period.start.isoformat(), "end": period.end.isoformat()}


def _read_period(value: Json) -> Period | None:
    return None if value is None else Period(date.fromisoformat(value["start"]), date.fromisoformat(value["end"]))


def _line(line: Line) -> Json:
    return {
        "n": line.n,
        "item": line.item,
        "product_name": line.product_name,
        "kind": line.kind,
        "period": _period(line.period),
        "quantity": decimal_text(line.quantity),
        "unit": line.unit,
        "amount_minor": line.amount_minor,
        "discount_minor": line.discount_minor,
        "tax_percent": decimal_text(line.tax_percent),
        "tax_category": line.tax_category,
        "parts": [_part(p) for p in line.parts],
        "product_ref": line.product_ref,
        "line_item_ref": line.line_item_ref,
        "terms": _shared(line.terms),
        "inputs": line.inputs,
        "usage": _usage(line.usage),
        "correction": _correction(line.correction),
    }


def _read_line(value: Json) -> Line:
    return Line(
        n=value["n"],
        item=value["item"],
        product_name=value["product_name"],
        kind=value["kind"],
        period=_read_period(value["period"]),
        quantity=Decimal(value["quantity"]),
        unit=value["unit"],
        amount_minor=value["amount_minor"],
        discount_minor=value["discount_minor"],
        tax_percent=Decimal(value["tax_percent"]),
        tax_category=value["tax_category"],
        parts=tuple(_read_part(p) for p in value["parts"]),
        product_ref=value["product_ref"],
        line_item_ref=value["line_item_ref"],
        terms=value["terms"],
        inputs=value["inputs"],
        usage=_read_usage(value["usage"]),
        correction=_read_correction(value["correction"]),
    )


def _part(part: Part) -> Json:
    return {
        "covers": decimal_text(part.covers),
        "unit_price": _optional(part.unit_price),
        "amount": decimal_text(part.amount),
        "why": part.why,
        "note": part.note,
    }


def _read_part(value: Json) -> Part:
    price = _read_optional(value["unit_price"])
    return Part(Decimal(value["covers"]), price, Decimal(value["amount"]), value["why"], value["note"])


def _optional(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


def _read_optional(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _usage(usage: UsageProof | None) -> Json:
    if usage is None:
        return None
    window = {"start": instant_text(usage.window.start), "end": instant_text(usage.window.end)}
    return {"root": usage.root, "count": usage.count, "window": window, "meter": _shared(usage.meter)}


def _read_usage(value: Json) -> UsageProof | None:
    if value is None:
        return None
    window = Window(read_instant(value["window"]["start"]), read_instant(value["window"]["end"]))
    return UsageProof(root=value["root"], count=value["count"], window=window, meter=value["meter"])


def _correction(correction: Correction | None) -> Json:
    if correction is None:
        return None
    return {
        "document_ref": correction.document_ref,
        "line": correction.line,
        "before_minor": correction.before_minor,
        "after_minor": correction.after_minor,
        "reason": correction.reason,
    }


def _read_correction(value: Json) -> Correction | None:
    if value is None:
        return None
    return Correction(
        Ref(value["document_ref"]), value["line"], value["before_minor"], value["after_minor"], value["reason"]
    )


def _discount(discount: Discount) -> Json:
    return {
        "name": discount.name,
        "percent": _optional(discount.percent),
        "fixed": _optional(discount.fixed),
        "lines": None if discount.lines is None else list(discount.lines),
    }


def _read_discount(value: Json) -> Discount:
    lines = None if value["lines"] is None else tuple(value["lines"])
    return Discount(value["name"], _read_optional(value["percent"]), _read_optional(value["fixed"]), lines)


def _tax(tax: TaxTotal) -> Json:
    return {
        "category": tax.category,
        "percent": decimal_text(tax.percent),
        "base_minor": tax.base_minor,
        "tax_minor": tax.tax_minor,
    }


def _read_tax(value: Json) -> TaxTotal:
    return TaxTotal(value["category"], Decimal(value["percent"]), value["base_minor"], value["tax_minor"])
