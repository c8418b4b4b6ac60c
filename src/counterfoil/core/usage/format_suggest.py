"""A first guess at a format, from the names of columns and some of their values; a person confirms or mends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from counterfoil.core.usage.format_values import number_reader, time_reader
from counterfoil.core.usage.formats import Format, Numbers, Source, TimeForm, Times

_NAMES: Mapping[str, tuple[str, ...]] = {
    "customer": (
        "customerref", "customerid", "customer", "customername", "customernumber", "externalcustomerid", "accountid",
        "account", "accountname", "clientid", "client", "clientname", "companyid", "company", "tenantid", "tenant",
        "organizationid", "organisationid", "orgid", "org", "organization", "organisation", "subscriberid",
        "subscriber", "kundennummer", "kundennr", "kunde", "cliente", "klant", "userid", "user",
    ),
    "usage_product": (
        "usageproductref", "usageproduct", "usageproductname", "productid", "product", "productname", "metric", "meter",
        "metername", "billablemetric", "eventname", "eventtype", "event", "service", "servicename", "sku", "activity",
        "type", "item", "produkt", "artikel", "produit", "producto",
    ),
    "at": (
        "timestamp", "at", "time", "datetime", "eventtime", "occurredat", "eventtimestamp", "usagetime", "createdat",
        "created", "recordedat", "startedat", "starttime", "endtime", "date", "usagedate", "eventdate", "day",
        "zeitpunkt", "zeitstempel", "datum", "fecha",
    ),
    "quantity": (
        "quantity", "qty", "usage", "usagequantity", "units", "count", "value", "amount", "volume", "consumption",
        "total", "number", "menge", "anzahl", "verbrauch", "cantidad", "quantite", "aantal",
    ),
    "key": (
        "externaleventid", "eventid", "idempotencykey", "key", "transactionid", "requestid", "eventuuid", "uuid", "id",
        "recordid", "rowid", "guid",
    ),
}
"""Names of columns as people write them, without case and punctuation, the likelier ones first."""

_PATTERNS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%d-%b-%Y",
                "%b %d, %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", " %H:%M:%S.%f")
)
_COUNTED: tuple[tuple[TimeForm, int], ...] = (
    ("seconds", 10), ("milliseconds", 13), ("microseconds", 16), ("nanoseconds", 19)
)
"""Forms of epoch time and the digits that they have from 2001 to 2286."""

Row = Mapping[str, str]
_EITHER = "could be "
"""Begins a note on values that may be read in two ways."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A guess. `unsettled`: fields that a person must decide on, since no column was found for them or its values could
    mean different amounts or days; `notes`: what was assumed. The format may only be used when nothing is unsettled."""

    format: Format
    unsettled: tuple[str, ...]
    notes: tuple[str, ...]


def suggest_mapping(header: Sequence[str], samples: Sequence[Row], *, time_zone: str = "UTC") -> Suggestion:
    """The likeliest format for rows with these columns. `time_zone` is taken for times without an offset.

    Every column that is no field of ours is kept as a property.
    """
    columns = _columns(header)
    notes: list[str] = []
    unsettled = [name for name in ("customer", "usage_product", "at") if name not in columns]
    times = Times()
    if "at" in columns:
        guessed = guess_times(_values(samples, columns["at"]), time_zone, notes)
        if guessed is None or any(note.startswith(_EITHER) for note in notes):
            unsettled.append("at")
        times = guessed or Times()
    number = Numbers()
    if "quantity" in columns:
        counted: list[str] = []
        read = guess_numbers(_values(samples, columns["quantity"]), counted)
        if read is None or any(note.startswith(_EITHER) for note in counted):
            unsettled.append("quantity")
        notes += counted
        number = read or Numbers()
    else:
        notes.append("no column looks like a quantity: each row counts 1")
    sources = {name: Source((column,)) for name, column in columns.items()}
    quantity = sources.get("quantity", Source(constant="1"))
    format = Format(
        name="Suggested",
        customer=sources.get("customer", Source()),
        usage_product=sources.get("usage_product", Source()),
        at=sources.get("at", Source()),
        quantity=quantity,
        time=times,
        number=number,
        key=sources.get("key", Source()),
    )
    return Suggestion(format, tuple(unsettled), tuple(notes))


def _columns(header: Sequence[str]) -> dict[str, str]:
    """Which column each field is read from: the likeliest name wins, and no column serves twice."""
    plain = [(re.sub(r"[\W_]", "", name.casefold()), name) for name in header]
    taken: set[str] = set()
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        for wanted in names:
            column = next((name for flat, name in plain if flat == wanted and name not in taken), None)
            if column is not None:
                found[field] = column
                taken.add(column)
                break
    return found


def _values(samples: Sequence[Row], column: str) -> list[str]:
    return [text for row in samples if (text := row.get(column, "").strip())]


def guess_times(texts: Sequence[str], time_zone: str, notes: list[str]) -> Times | None:
    """How all these texts spell instants, None when in no way known. Notes say what could be meant otherwise."""
    if not texts:
        return Times(time_zone=time_zone)
    if all(re.fullmatch(r"\d+(\.\d+)?", t, re.ASCII) for t in texts) and (counted := _guess_count(texts, time_zone)):
        return counted
    if _reads(time_reader(Times()), texts):
        return Times()
    local = Times(time_zone=time_zone)
    if _reads(time_reader(local), texts):
        notes.append(f"times have no offset and are taken to be in {time_zone}")
        return local
    fitting = [p for p in _PATTERNS if _reads(time_reader(Times("pattern", p, time_zone)), texts)]
    if not fitting:
        return None
    if len(fitting) > 1:
        notes.append(f"{_EITHER}times of the form {' or '.join(fitting)}")
    notes.append(f"times have no offset and are taken to be in {time_zone}")
    return Times("pattern", fitting[0], time_zone)


def _guess_count(texts: Sequence[str], time_zone: str) -> Times | None:
    digits = {len(t.partition(".")[0]) for t in texts}
    for form, wanted in _COUNTED:
        if digits == {wanted}:
            return Times(form)
    if digits == {8} and _reads(time_reader(Times(time_zone=time_zone)), texts):
        return Times(time_zone=time_zone)  # 20260131
    if digits == {5}:
        return Times("excel", time_zone=time_zone)
    return None


def guess_numbers(texts: Sequence[str], notes: list[str]) -> Numbers | None:
    """How all these texts spell numbers, None when in no way known. Notes say what could be meant otherwise."""
    ways = [
        Numbers(),
        Numbers(decimal=","),
        Numbers(thousands=","),
        *(Numbers(thousands=t) for t in (" ", "'")),
        Numbers(decimal=",", thousands="."),
        Numbers(decimal=",", thousands=" "),
    ]
    fitting = [way for way in ways if _reads(number_reader(way), texts)]
    if not fitting:
        return None
    first = fitting[0]
    other = next((way for way in fitting[1:] if _differ(first, way, texts)), None)
    if other is not None:
        if first.decimal == ".":
            notes.append("numbers have a decimal point; if it separates thousands, say so")
        else:
            notes.append(f"{_EITHER}numbers with a decimal {first.decimal!r} or with thousands {other.thousands!r}")
    return first


def _differ(one: Numbers, other: Numbers, texts: Sequence[str]) -> bool:
    first, second = number_reader(one), number_reader(other)
    return any(first(text) != second(text) for text in texts)


def _reads(reader: Callable[[str], object], texts: Sequence[str]) -> bool:
    try:
        for text in texts:
            reader(text)
    except ValueError:
        return False
    return True

