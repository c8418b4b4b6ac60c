"""SQL of witnesses, cosignatures, and the logs of others that we witness."""

from __future__ import annotations

from collections.abc import Sequence

from counterfoil.flows.ask_witnesses import WitnessRow
from counterfoil.flows.witness_logs import WitnessedLogRow, WitnessKeyRow
from counterfoil.store.log import CheckpointRow
from counterfoil.store.rows import Rows


class WitnessRows(Rows):
    """Witnesses, cosignatures, and the logs of others that we witness."""

    def witnesses(self) -> list[WitnessRow]:
        """Who cosigns this tenant's checkpoints, by name."""
        found = self.all(
            "SELECT name, url, verifier_key, created_at, witnessed, last_error FROM witness WHERE tenant = %s ORDER BY name",
            self.tenant,
        )
        return [WitnessRow(*r) for r in found]

    def add_witness(self, name: str, url: str, verifier_key: str) -> bool:
        """Ask this one from now on; False when there is one of that name."""
        done = self.conn.execute(
            "INSERT INTO witness (tenant, name, url, verifier_key, created_at) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            [self.tenant, name, url, verifier_key, self.now],
        )
        return done.rowcount == 1

    def drop_witness(self, name: str) -> bool:
        """Ask it no more, and show none of its cosignatures; whether there was one."""
        self.conn.execute("DELETE FROM cosignature WHERE tenant = %s AND witness = %s", [self.tenant, name])
        done = self.conn.execute("DELETE FROM witness WHERE tenant = %s AND name = %s", [self.tenant, name])
        return done.rowcount == 1

    def add_cosignature(self, size: int, witness: str, line: str) -> None:
        """Keep a witness's cosignature of the head over `size` leaves. A witness that is gone by now is left out."""
        self.conn.execute(
            "INSERT INTO cosignature (tenant, size, witness, line, at) SELECT %s, %s, name, %s, %s FROM witness "
            "WHERE tenant = %s AND name = %s ON CONFLICT (tenant, size, witness) DO UPDATE SET line = excluded.line",
            [self.tenant, size, line, self.now, self.tenant, witness],
        )
        self.conn.execute(
            "UPDATE witness SET witnessed = greatest(witnessed, %s), last_error = NULL WHERE tenant = %s AND name = %s",
            [size, self.tenant, witness],
        )

    def set_witnessed(self, witness: str, size: int) -> None:
        """The size from which a witness wants to be shown what came since."""
        self.conn.execute(
            "UPDATE witness SET witnessed = %s WHERE tenant = %s AND name = %s", [size, self.tenant, witness]
        )

    def witness_failed(self, witness: str, error: str) -> None:
        """Why a witness did not cosign."""
        self.conn.execute(
            "UPDATE witness SET last_error = %s WHERE tenant = %s AND name = %s", [error, self.tenant, witness]
        )

    def cosignatures(self, size: int) -> list[tuple[str, str]]:
        """(signature line, verifier key) of the witnesses of the head over `size` leaves."""
        return self.all(
            "SELECT c.line, w.verifier_key FROM cosignature c JOIN witness w ON w.tenant = c.tenant AND w.name = c.witness "
            "WHERE c.tenant = %s AND c.size = %s ORDER BY w.name",
            self.tenant,
            size,
        )

    def cosigned_checkpoint(self, above: int) -> CheckpointRow | None:
        """The newest head over more than `above` leaves that a witness cosigned."""
        row = self.one(
            "SELECT size, root, note, created_at FROM checkpoint p WHERE tenant = %s AND size > %s AND EXISTS ("
            "SELECT FROM cosignature c WHERE c.tenant = p.tenant AND c.size = p.size) ORDER BY size DESC LIMIT 1",
            self.tenant,
            above,
        )
        return None if row is None else CheckpointRow(row[0], row[1], row[2].encode(), row[3])

    def witness_key(self) -> WitnessKeyRow | None:
        """The key that this tenant cosigns with."""
        row = self.one("SELECT name, private_key, verifier_key FROM witness_key WHERE tenant = %s", self.tenant)
        return None if row is None else WitnessKeyRow(*row)

    def add_witness_key(self, key: WitnessKeyRow) -> None:
        """Keep the key; the one that is there first stays."""
        self.conn.execute(
            "INSERT INTO witness_key (tenant, name, private_key, verifier_key, created_at) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            [self.tenant, key.name, key.private_key, key.verifier_key, self.now],
        )

    def witnessed_logs(self) -> Sequence[WitnessedLogRow]:
        """The logs of others that this tenant cosigns, by origin."""
        found = self.all(
            "SELECT origin, verifier_key, size, root, note, updated_at FROM witnessed_log WHERE tenant = %s AND active "
            "ORDER BY origin",
            self.tenant,
        )
        return [WitnessedLogRow(*r) for r in found]

    def watched_log(self, origin: str) -> WitnessedLogRow | None:
        """The log of that origin, its row locked until the transaction ends."""
        row = self.one(
            "SELECT origin, verifier_key, size, root, note, updated_at FROM witnessed_log "
            "WHERE tenant = %s AND origin = %s AND active FOR UPDATE",
            self.tenant,
            origin,
        )
        return None if row is None else WitnessedLogRow(*row)

    def watch_log(self, origin: str, verifier_key: str) -> None:
        """Cosign this log from now on, from where it was last seen."""
        self.conn.execute(
            "INSERT INTO witnessed_log (tenant, origin, verifier_key, updated_at) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (tenant, origin) DO UPDATE SET verifier_key = excluded.verifier_key, active = true",
            [self.tenant, origin, verifier_key, self.now],
        )

    def leave_log(self, origin: str) -> None:
        """Cosign it no more; where it stood is kept."""
        self.conn.execute(
            "UPDATE witnessed_log SET active = false WHERE tenant = %s AND origin = %s", [self.tenant, origin]
        )

    def log_seen(self, origin: str, size: int, root: bytes, note: str) -> None:
        """Where a watched log stands now."""
        self.conn.execute(
            "UPDATE witnessed_log SET size = %s, root = %s, note = %s, updated_at = %s WHERE tenant = %s AND origin = %s",
            [size, root, note, self.now, self.tenant, origin],
        )
