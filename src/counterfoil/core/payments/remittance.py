"""References in what payers write: our document numbers in any spelling, and structured creditor references (ISO 11649).

A number is compared by its runs of letters and digits: "JFK-INV-000122", "jfk inv 122" and "JFKINV000122" are one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from counterfoil.core.payments.creditor_reference import found_in

_RUNS = re.compile(r"[A-Z]+|[0-9]+")
_MAX_RUNS = 6
_MAX_TEXT = 2000
_DIGITS = 6
_LONG = 27
"""From so many characters on a text may have been cut off: 27 is the shortest field of banks."""
_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "AE", "đ": "d", "Đ": "D"})
_FORMS = frozenset(
    "GMBH MBH AG KG OHG UG SE EV EK CO INC INCORPORATED CORP CORPORATION LLC LLP LP LTD LIMITED PLC COMPANY SA SAS SARL SRL SL "
    "SPA BV NV VOF AB AS ASA APS OY OYJ SP ZOO Z O SRO DOO KFT PTY PTE BHD THE AND UND ET Y DE OF FOR GROUP HOLDING "
    "INTERNATIONAL".split()
)
"""Words of names that tell nobody apart."""


def plain_letters(text: str) -> str:
    """The text in capital letters without accents."""
    return unicodedata.normalize("NFKD", text[:_MAX_TEXT].translate(_LETTERS)).encode("ascii", "ignore").decode().upper()


def runs_of(text: str) -> list[str]:
    """The runs of letters and of digits in a text, in capital letters."""
    return _RUNS.findall(plain_letters(text))


def key_of(runs: Sequence[str]) -> str:
    """How runs are compared: letters next to each other joined, numbers without leading zeros and apart from each other."""
    key, number = "", False
    for run in runs:
        if run[0].isdigit():
            key += ("." if number else "") + (run.lstrip("0") or "0")
            number = True
        else:
            key += run
            number = False
    return key


def number_keys(number: str) -> tuple[str, ...]:
    """The keys under which a document number is found: by its runs, and as one word."""
    runs = runs_of(number)
    return tuple(dict.fromkeys((key_of(runs), "=" + "".join(runs))))


def serial_of(number: str) -> str:
    """The last run of digits of a number, without leading zeros ("" for a number without any)."""
    digits = [run for run in runs_of(number) if run[0].isdigit()]
    return digits[-1].lstrip("0") if digits else ""


@dataclass(frozen=True, slots=True)
class Mentioned:
    """What a text mentions: keys of numbers that are ours, and every other run of digits by itself (its serial).

    `checked`: structured references that are known. `cut`: keys and serials that may have
    been longer, since the text ends in them where texts are cut off.
    """

    keys: tuple[str, ...]
    serials: tuple[str, ...]
    checked: tuple[str, ...] = ()
    cut: frozenset[str] = frozenset()


def mentioned(texts: Sequence[str], known: Collection[str]) -> Mentioned:
    """Which of the `known` keys the texts mention. The longest spelling wins: a number inside a longer one is not meant."""
    keys: dict[str, None] = {}
    serials: dict[str, None] = {}
    cut: set[str] = set()
    checked: dict[str, None] = {}
    for text in texts:
        plain = plain_letters(text)
        if "RF" in plain:
            checked |= dict.fromkeys(reference for reference in found_in(plain) if reference in known)
        runs = _RUNS.findall(plain)
        at = 0
        while at < len(runs):
            width, key = _longest(runs, at, known)
            if not width and runs[at][0].isdigit():
                key = runs[at].lstrip("0")
                serials[key] = None
            elif width:
                keys[key] = None
            at += width or 1
            if key and _may_be_cut(plain, runs, at, key):
                cut.add(key)
    serials.pop("", None)
    return Mentioned(tuple(keys), tuple(serials), tuple(checked), frozenset(cut))


def _longest(runs: Sequence[str], at: int, known: Collection[str]) -> tuple[int, str]:
    """How many runs from there on are a known number, and its key; (0, "") where none are."""
    for width in range(min(_MAX_RUNS, len(runs) - at), 0, -1):
        some = runs[at : at + width]
        if width == 1 and some[0][0].isdigit():
            break
        if not some[-1][0].isdigit():
            continue
        for key in (key_of(some), "=" + "".join(some)):
            if key in known:
                return width, key
    return 0, ""


def _may_be_cut(plain: str, runs: Sequence[str], after: int, key: str) -> bool:
    """Whether the number that ends before `after` may have gone on: it has leading zeros and too few digits, or a long text
    ends in it. Numbers are printed with at least six digits."""
    last = runs[after - 1]
    if key[0] == "=" or len(last) >= _DIGITS:
        return False
    return last[0] == "0" or (after == len(runs) and len(plain.rstrip()) >= _LONG and plain.rstrip()[-1].isdigit())


def neighbours(key: str) -> Iterator[str]:
    """Every other key that is one slip away in its last number: another digit, one too many or too few, two in the wrong
    order."""
    found = re.search(r"[0-9]+$", key)
    if found is None:
        return
    head, digits = key[: found.start()], found[0]
    for slipped in _slipped(digits):
        bare = slipped.lstrip("0") or "0"
        if bare != digits:
            yield head + bare


def _slipped(digits: str) -> Iterator[str]:
    for i, digit in enumerate(digits):
        before, after = digits[:i], digits[i + 1 :]
        for other in "0123456789":
            yield before + other + after
            yield before + other + digit + after
        yield before + after
        yield before + after[:1] + digit + after[1:]
    for other in "0123456789":
        yield digits + other


def name_words(name: str) -> frozenset[str]:
    """The words of a name that tell it apart: without legal forms and single letters."""
    return frozenset(w for w in runs_of(name) if len(w) > 1 and w not in _FORMS)
