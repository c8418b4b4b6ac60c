-- Token transfers: chains that are watched, tokens that count as money, addresses that invoices are paid to, what arrived there.

CREATE TABLE chain (
    tenant        integer NOT NULL REFERENCES tenant,
    chain_id      bigint NOT NULL CHECK (chain_id > 0),
    name          text NOT NULL CHECK (name <> ''),
    endpoint      bytea NOT NULL,
    confirmations integer NOT NULL CHECK (confirmations BETWEEN 1 AND 1000),
    chunk_blocks  integer NOT NULL CHECK (chunk_blocks > 0),
    is_on         boolean NOT NULL DEFAULT true,
    start_block   bigint CHECK (start_block >= 0),
    final_block   bigint,
    final_hash    text,
    head_block    bigint,
    looked_at     timestamptz,
    last_error    text,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, chain_id),
    CHECK ((final_block IS NULL) = (final_hash IS NULL))
);
COMMENT ON TABLE chain IS 'an EVM chain that is watched for transfers';
COMMENT ON COLUMN chain.endpoint IS 'the address of its JSON-RPC node, encrypted: it may carry a key';
COMMENT ON COLUMN chain.start_block IS 'the first block that is read; without it the head when the chain is first looked at';
COMMENT ON COLUMN chain.final_block IS 'every block up to this one was read when it had its confirmations; reading goes on after it';

CREATE TABLE chain_mark (
    tenant   integer NOT NULL,
    chain_id bigint NOT NULL,
    number   bigint NOT NULL,
    hash     text NOT NULL,
    PRIMARY KEY (tenant, chain_id, number),
    FOREIGN KEY (tenant, chain_id) REFERENCES chain
);
COMMENT ON TABLE chain_mark IS 'final blocks where reading stopped once: a chain that was rewritten is read again from the last one that still holds';

CREATE TABLE chain_token (
    tenant     integer NOT NULL,
    chain_id   bigint NOT NULL,
    address    text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    symbol     text NOT NULL CHECK (symbol <> ''),
    currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    decimals   integer NOT NULL CHECK (decimals BETWEEN 0 AND 36),
    checked_at timestamptz,
    PRIMARY KEY (tenant, chain_id, address),
    FOREIGN KEY (tenant, chain_id) REFERENCES chain
);
COMMENT ON COLUMN chain_token.checked_at IS 'when the contract itself last said these decimals; nothing settles before';

CREATE TABLE token_wallet (
    tenant     integer NOT NULL,
    wallet_ref uuid NOT NULL,
    entity_ref uuid NOT NULL,
    xpub       text,
    address    text CHECK (address ~ '^0x[0-9a-f]{40}$'),
    next_index bigint NOT NULL DEFAULT 0 CHECK (next_index >= 0),
    is_current boolean NOT NULL,
    made_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, wallet_ref),
    UNIQUE (tenant, xpub),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity,
    CHECK ((xpub IS NULL) <> (address IS NULL))
);
COMMENT ON TABLE token_wallet IS 'where an entity receives: an extended public key (an address for each document), or one address; never a private key';
CREATE UNIQUE INDEX token_wallet_in_use ON token_wallet (tenant, entity_ref) WHERE is_current;

CREATE TABLE token_address (
    tenant       integer NOT NULL,
    address      text NOT NULL CHECK (address ~ '^0x[0-9a-f]{40}$'),
    entity_ref   uuid NOT NULL,
    wallet_ref   uuid,
    n            bigint,
    document_ref uuid,
    made_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, address),
    UNIQUE (tenant, wallet_ref, n),
    UNIQUE (tenant, document_ref),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity,
    FOREIGN KEY (tenant, wallet_ref) REFERENCES token_wallet,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE token_address IS 'an address that is watched; with a document, what arrives there pays it';
CREATE TRIGGER token_addresses_stay BEFORE UPDATE OR DELETE ON token_address
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE token_transfer (
    tenant       integer NOT NULL,
    chain_id     bigint NOT NULL,
    tx_hash      text NOT NULL CHECK (tx_hash ~ '^0x[0-9a-f]{64}$'),
    log_index    bigint NOT NULL CHECK (log_index >= 0),
    block_number bigint NOT NULL,
    block_hash   text NOT NULL,
    at           timestamptz NOT NULL,
    token        text NOT NULL,
    sender       text NOT NULL,
    address      text NOT NULL,
    amount       numeric(78, 0) NOT NULL CHECK (amount >= 0),
    state        text NOT NULL CHECK (state IN ('pending', 'settled', 'waiting', 'ignored', 'dropped', 'reversed')),
    reason       text NOT NULL DEFAULT '',
    is_missing   boolean NOT NULL DEFAULT false,
    times        integer NOT NULL DEFAULT 1,
    payment_ref  uuid,
    seen_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, chain_id, tx_hash, log_index),
    FOREIGN KEY (tenant, chain_id) REFERENCES chain,
    FOREIGN KEY (tenant, address) REFERENCES token_address,
    FOREIGN KEY (tenant, payment_ref) REFERENCES payment
);
COMMENT ON TABLE token_transfer IS 'a transfer log of a token contract to one of our addresses; chain, transaction and log index make it one';
COMMENT ON COLUMN token_transfer.amount IS 'in the smallest unit of the token';
COMMENT ON COLUMN token_transfer.is_missing IS 'it was not where it had been; gone if it is nowhere up to the head';
COMMENT ON COLUMN token_transfer.times IS 'how often it came into the chain: a rewritten chain may drop it and take it in again';
CREATE INDEX token_transfer_by_block ON token_transfer (tenant, chain_id, block_number);
CREATE INDEX token_transfer_by_time ON token_transfer (tenant, seen_at, tx_hash, log_index);
CREATE INDEX token_transfer_by_address ON token_transfer (tenant, address);

SELECT keep_apart(ARRAY['chain', 'chain_mark', 'chain_token', 'token_wallet', 'token_address', 'token_transfer']);
