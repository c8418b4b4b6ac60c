"""The published APIs that we speak besides our own, with what people are told about each."""

from __future__ import annotations

from counterfoil.api.describe import Shown
from counterfoil.api.gigstack.routes import GIGSTACK
from counterfoil.api.pacspace.routes import PACSPACE
from counterfoil.api.paid.routes import PAID

_PAID = """\
Value receipts, and what feeds them: customers, products, orders, signals, value metrics and models, costs.

* **Keys**: `Authorization: Bearer pk_test_<id>.<secret>`. `counterfoil sandbox` makes one. `/api/public` takes none, or a
  token that was signed with the tenant's share key.
* **Ids** are texts (`cus_…`, `prod_…`, `ord_…`, `vr_…`); most paths take external ids, too.
* **Lists** take `limit` and `offset`. **Numbers** are exact in both directions. **Instants** come with any offset, and go
  out in UTC.
* **Errors** are `{"error", "code"}`, texts both. A refusal changes nothing.
"""
_PACSPACE = """\
Balances by deltas, their checkpoints, receipts and proofs.

* **Keys**: `X-Api-Key: pk_test_<id>.<secret>`. What is marked as open takes none: the id or the root is what opens it.
* **Answers** are `{"success": true, "data": …}`, **errors** `{"success": false, "error": {"code", "message"}}`.
* **Writes** take an `Idempotency-Key`: the same key and request give the same answer.
* **Deltas** of a customer are numbered from 1 without a gap; a checkpoint seals its window for good.
"""
_GIGSTACK = """\
Payment receipts and their clients.

* **Keys**: `Authorization: Bearer pk_test_<id>.<secret>`.
* **Errors** are `{"error": {"code", "message", "details"?}, "message"}`. A refusal changes nothing.
"""

PUBLISHED: tuple[Shown, ...] = (
    Shown(PAID, "/api/v2", "Counterfoil: value receipts", _PAID),
    Shown(PACSPACE, "/api/v1", "Counterfoil: balance receipts", _PACSPACE),
    Shown(GIGSTACK, "/v2", "Counterfoil: payment receipts", _GIGSTACK),
)
