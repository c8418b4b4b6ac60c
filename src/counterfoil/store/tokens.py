"""SQL of chains, tokens, wallets, addresses and transfers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from counterfoil.core.basis.ids import Ref
from counterfoil.core.payments.tokens import Token
from counterfoil.flows.token_rows import AddressRow, ChainRow, Mark, TokenRow, TransferKey, TransferRow, WalletRow
from counterfoil.store.rows import Rows

_CHAIN: LiteralString = (
    "SELECT chain_id, name, endpoint, confirmations, chunk_blocks, is_on, start_block, final_block, final_hash, head_block, "
    "looked_at, last_error, created_at FROM chain WHERE tenant = %s "
)
_TRANSFER: LiteralString = (
    "SELECT t.chain_id, t.tx_hash, t.log_index, t.block_number, t.block_hash, t.at, t.token, t.sender, t.address, t.amount, "
    "t.state, t.reason, t.is_missing, t.times, t.payment_ref::text, t.seen_at, a.entity_ref::text, a.document_ref::text, "
    "d.number, d.kind, d.currency, d.customer_ref::text FROM token_transfer t "
    "JOIN token_address a ON a.tenant = t.tenant AND a.address = t.address "
    "LEFT JOIN document d ON d.tenant = a.tenant AND d.document_ref = a.document_ref WHERE t.tenant = %s "
)
_ADDRESS: LiteralString = (
    "SELECT address, entity_ref::text, wallet_ref::text, n, document_ref::text FROM token_address WHERE tenant = %s "
)


class TokenRows(Rows):
    """Chains, tokens, wallets, addresses and transfers."""

    def chains(self) -> list[ChainRow]:
        """Every chain, by its id."""
        return [_chain(r) for r in self.all(_CHAIN + "ORDER BY chain_id", self.tenant)]

    def is_stopped(self, chain_id: int, work: str) -> bool:
        """Whether the chain waits in the work list."""
        return self.one("SELECT FROM parked WHERE tenant = %s AND work = %s AND ref = %s", self.tenant, work,
                        str(chain_id)) is not None

    def chain_row(self, chain_id: int) -> ChainRow | None:
        """One chain."""
        row = self.one(_CHAIN + "AND chain_id = %s", self.tenant, chain_id)
        return None if row is None else _chain(row)

    def put_chain(self, row: ChainRow) -> None:
        """Set up a chain, or change how it is watched; how far it was read stays."""
        self.conn.execute(
            "INSERT INTO chain (tenant, chain_id, name, endpoint, confirmations, chunk_blocks, is_on, start_block, created_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant, chain_id) DO UPDATE SET name = excluded.name, "
            "endpoint = excluded.endpoint, confirmations = excluded.confirmations, chunk_blocks = excluded.chunk_blocks, "
            "is_on = excluded.is_on, start_block = excluded.start_block, last_error = NULL",
            [
                self.tenant, row.chain_id, row.name, row.endpoint, row.confirmations, row.chunk_blocks, row.is_on,
                row.start_block, self.now,
            ],
        )

    def chain_looked(
        self, chain_id: int, *, final: Mark | None = None, head: int | None = None, error: str | None = None
    ) -> None:
        """What a look came to: how far everything is final, where the head is, or why it failed."""
        number, digest = final or (None, None)
        self.conn.execute(
            "UPDATE chain SET final_block = coalesce(%s, final_block), final_hash = coalesce(%s, final_hash), "
            "head_block = coalesce(%s, head_block), last_error = %s, looked_at = %s WHERE tenant = %s AND chain_id = %s",
            [number, digest, head, error, self.now, self.tenant, chain_id],
        )

    def chain_marks(self, chain_id: int) -> list[Mark]:
        """Blocks where reading stopped, the last first."""
        return [
            (r[0], r[1])
            for r in self.all(
                "SELECT number, hash FROM chain_mark WHERE tenant = %s AND chain_id = %s ORDER BY number DESC",
                self.tenant, chain_id,
            )
        ]

    def add_chain_mark(self, chain_id: int, mark: Mark) -> None:
        """Remember where reading stopped; of what lies further back, ever fewer are kept."""
        self.conn.execute(
            "INSERT INTO chain_mark (tenant, chain_id, number, hash) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (tenant, chain_id, number) DO UPDATE SET hash = excluded.hash",
            [self.tenant, chain_id, *mark],
        )
        # the newest 32 stay, then the oldest of each stretch that doubles in length
        self.conn.execute(
            "DELETE FROM chain_mark c USING (SELECT number, row_number() OVER (PARTITION BY CASE WHEN n <= 32 THEN n "
            "ELSE 100 + floor(log(2, back)) END ORDER BY number) AS k FROM (SELECT number, row_number() OVER "
            "(ORDER BY number DESC) AS n, (max(number) OVER () - number + 1)::numeric AS back FROM chain_mark "
            "WHERE tenant = %s AND chain_id = %s) m) x "
            "WHERE c.tenant = %s AND c.chain_id = %s AND c.number = x.number AND x.k > 1",
            [self.tenant, chain_id, self.tenant, chain_id],
        )

    def rewind_chain(self, chain_id: int, mark: Mark) -> None:
        """Read again from after this block on."""
        self.conn.execute(
            "UPDATE chain SET final_block = %s, final_hash = %s WHERE tenant = %s AND chain_id = %s",
            [*mark, self.tenant, chain_id],
        )
        self.conn.execute(
            "DELETE FROM chain_mark WHERE tenant = %s AND chain_id = %s AND number > %s", [self.tenant, chain_id, mark[0]]
        )

    def chain_tokens(self, chain_id: int | None = None) -> list[TokenRow]:
        """Tokens that count as money, of one chain or of all."""
        rows = self.all(
            "SELECT chain_id, address, symbol, currency, decimals, checked_at FROM chain_token WHERE tenant = %s "
            "AND (%s::bigint IS NULL OR chain_id = %s) ORDER BY chain_id, symbol, address",
            self.tenant, chain_id, chain_id,
        )
        return [TokenRow(r[0], Token(*r[1:5]), r[5]) for r in rows]

    def put_chain_token(self, row: TokenRow) -> None:
        """Set up a token, or change it."""
        t = row.token
        self.conn.execute(
            "INSERT INTO chain_token (tenant, chain_id, address, symbol, currency, decimals, checked_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant, chain_id, address) DO UPDATE SET "
            "symbol = excluded.symbol, currency = excluded.currency, decimals = excluded.decimals, "
            "checked_at = excluded.checked_at",
            [self.tenant, row.chain_id, t.address, t.symbol, t.currency, t.decimals, row.checked_at],
        )

    def drop_chain_token(self, chain_id: int, address: str) -> bool:
        """It counts as money no more; whether it did."""
        done = self.conn.execute(
            "DELETE FROM chain_token WHERE tenant = %s AND chain_id = %s AND address = %s", [self.tenant, chain_id, address]
        )
        return done.rowcount == 1

    def token_wallets(self) -> list[WalletRow]:
        """Where entities receive, and received before."""
        rows = self.all(
            "SELECT wallet_ref::text, entity_ref::text, xpub, address, next_index, is_current FROM token_wallet "
            "WHERE tenant = %s ORDER BY made_at, wallet_ref", self.tenant,
        )
        return [WalletRow(*r) for r in rows]

    def use_token_wallet(self, row: WalletRow | None, entity_ref: Ref) -> None:
        """Receive here from now on (None: nowhere); a wallet that was used before goes on where it was."""
        self.conn.execute(
            "UPDATE token_wallet SET is_current = false WHERE tenant = %s AND entity_ref = %s AND is_current",
            [self.tenant, entity_ref],
        )
        if row is not None:
            self.conn.execute(
                "INSERT INTO token_wallet (tenant, wallet_ref, entity_ref, xpub, address, is_current, made_at) "
                "VALUES (%s, %s, %s, %s, %s, true, %s) ON CONFLICT (tenant, wallet_ref) DO UPDATE SET is_current = true",
                [self.tenant, row.ref, entity_ref, row.xpub, row.address, self.now],
            )

    def take_wallet_indexes(self, wallet_ref: Ref, count: int) -> int:
        """The first of `count` children of a wallet's key that nobody else gets."""
        taken: int = self.one(
            "UPDATE token_wallet SET next_index = next_index + %s WHERE tenant = %s AND wallet_ref = %s RETURNING next_index",
            count, self.tenant, wallet_ref,
        )[0]
        return taken - count

    def add_token_addresses(self, rows: Sequence[AddressRow]) -> None:
        """Watch these addresses, too."""
        self.insert(
            "token_address", "address entity_ref wallet_ref n document_ref made_at", "text uuid uuid bigint uuid timestamptz",
            [(a.address, a.entity_ref, a.wallet_ref, a.n, a.document_ref, self.now) for a in rows],
        )

    def token_addresses(
        self, *, addresses: Sequence[str] | None = None, documents: Sequence[str] | None = None
    ) -> list[AddressRow]:
        """Addresses that are watched: these, those of these documents, or all."""
        rows = self.all(
            _ADDRESS + "AND (%s::text[] IS NULL OR address = ANY(%s)) AND (%s::uuid[] IS NULL OR document_ref = ANY(%s::uuid[])) "
            "ORDER BY address", self.tenant, _listed(addresses), _listed(addresses), _listed(documents), _listed(documents),
        )
        return [AddressRow(*r) for r in rows]

    def token_address_count(self) -> int:
        """How many addresses are watched."""
        count: int = self.one("SELECT count(*) FROM token_address WHERE tenant = %s", self.tenant)[0]
        return count

    def transfers_named(self, chain_id: int, keys: Sequence[TransferKey]) -> dict[TransferKey, TransferRow]:
        """Those of these transfers that were seen before."""
        if not keys:
            return {}
        rows = self.all(
            _TRANSFER + "AND t.chain_id = %s AND (t.tx_hash, t.log_index) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))",
            self.tenant, chain_id, [k[0] for k in keys], [k[1] for k in keys],
        )
        return {row.key: row for row in map(_transfer, rows)}

    def transfers_after(self, chain_id: int, block: int, upto: int) -> list[TransferRow]:
        """Transfers in the blocks after one and up to another, and those that were missing when they were last looked for."""
        rows = self.all(
            _TRANSFER + "AND t.chain_id = %s AND t.state <> 'ignored' AND ((t.block_number > %s AND t.block_number <= %s) "
            "OR t.is_missing) ORDER BY t.block_number, t.log_index",
            self.tenant, chain_id, block, upto,
        )
        return [_transfer(r) for r in rows]

    def transfers_unsettled(self, limit: int) -> list[TransferRow]:
        """Transfers that wait and are not among the parked work: somebody wants them tried again."""
        rows = self.all(
            _TRANSFER + "AND t.state = 'waiting' AND NOT EXISTS (SELECT FROM parked k WHERE k.tenant = t.tenant "
            "AND k.work = 'token_transfer' AND k.ref = t.chain_id || ':' || t.tx_hash || ':' || t.log_index) "
            "ORDER BY t.block_number, t.log_index LIMIT %s", self.tenant, limit,
        )
        return [_transfer(r) for r in rows]

    def put_transfers(self, rows: Sequence[TransferRow]) -> None:
        """Store transfers as they are now."""
        self.insert(
            "token_transfer",
            "chain_id tx_hash log_index block_number block_hash at token sender address amount state reason is_missing times "
            "payment_ref seen_at",
            "bigint text bigint bigint text timestamptz text text text numeric text text boolean integer uuid timestamptz",
            [
                (
                    r.chain_id, r.tx_hash, r.log_index, r.block_number, r.block_hash, r.at, r.token, r.sender, r.address,
                    r.amount, r.state, r.reason, r.is_missing, r.times, r.payment_ref, r.seen_at,
                )
                for r in rows
            ],
            "ON CONFLICT (tenant, chain_id, tx_hash, log_index) DO UPDATE SET block_number = excluded.block_number, "
            "block_hash = excluded.block_hash, at = excluded.at, token = excluded.token, sender = excluded.sender, "
            "address = excluded.address, amount = excluded.amount, state = excluded.state, reason = excluded.reason, "
            "is_missing = excluded.is_missing, times = excluded.times, payment_ref = excluded.payment_ref",
        )

    def transfer_page(
        self, before: tuple[datetime, str, int] | None, limit: int, *, state: str | None = None, chain_id: int | None = None,
        document_ref: str | None = None,
    ) -> list[TransferRow]:
        """Transfers, the latest seen first."""
        where: LiteralString = ""
        params: list[Any] = [self.tenant]
        if state is not None:
            where += "AND t.state = %s "
            params.append(state)
        if chain_id is not None:
            where += "AND t.chain_id = %s "
            params.append(chain_id)
        if document_ref is not None:
            where += "AND a.document_ref = %s "
            params.append(document_ref)
        if before is not None:
            where += "AND (t.seen_at, t.tx_hash, t.log_index) < (%s, %s, %s) "
            params.extend(before)
        rows = self.all(
            f"{_TRANSFER}{where}ORDER BY t.seen_at DESC, t.tx_hash DESC, t.log_index DESC LIMIT %s", *params, limit
        )
        return [_transfer(r) for r in rows]


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _chain(row: Sequence[Any]) -> ChainRow:
    return ChainRow(row[0], row[1], bytes(row[2]), *row[3:])


def _transfer(row: Sequence[Any]) -> TransferRow:
    values = list(row)
    values[9] = int(row[9])
    return TransferRow(*values)
