"""Every bench with small sizes, one after the other: `make bench`. Each also runs by itself with sizes of your own."""

from __future__ import annotations

import subprocess
import sys

BENCHES = (
    "ingest", "landing", "measure", "invoice_run", "ad_hoc", "pdf", "log", "verify_bundle", "uploads",
    "deltas", "receipts", "matching",
    "provider_events",
)


def main() -> int:
    """Run them all; the number that failed."""
    failed = 0
    for name in BENCHES:
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
