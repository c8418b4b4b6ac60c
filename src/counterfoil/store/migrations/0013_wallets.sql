-- Prepaid balances: wallets of money with their lots, and credits in units of a tenant's own.

CREATE TABLE wallet (
    tenant             integer NOT NULL,
    wallet_ref         uuid NOT NULL,
    customer_ref       uuid NOT NULL,
    entity_ref         uuid NOT NULL,
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    name               text NOT NULL DEFAULT '',
    priority           integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 1000),
    pays               jsonb,
    top_up_below_minor bigint CHECK (top_up_below_minor > 0),
    top_up_minor       bigint CHECK (top_up_minor > 0),
    created_at         timestamptz NOT NULL,
    closed_at          timestamptz,
    seq                bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, wallet_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity,
    CHECK ((top_up_below_minor IS NULL) = (top_up_minor IS NULL))
);
COMMENT ON TABLE wallet IS 'money that a customer holds with an entity in one currency; its row is the lock of its lots';
COMMENT ON COLUMN wallet.pays IS 'kinds of document lines that it may pay; null: all';
CREATE INDEX wallet_by_customer ON wallet (tenant, customer_ref);
CREATE INDEX wallet_topped_up ON wallet (tenant, wallet_ref) WHERE top_up_minor IS NOT NULL AND closed_at IS NULL;

CREATE TABLE wallet_lot (
    tenant       integer NOT NULL,
    lot_ref      uuid NOT NULL,
    wallet_ref   uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('granted', 'purchased')),
    priority     integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 1000),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    left_minor   bigint NOT NULL CHECK (left_minor BETWEEN 0 AND amount_minor),
    expires_at   timestamptz,
    reason       text NOT NULL DEFAULT '',
    document_ref uuid,
    created_at   timestamptz NOT NULL,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, lot_ref),
    UNIQUE (tenant, document_ref),
    FOREIGN KEY (tenant, wallet_ref) REFERENCES wallet,
    FOREIGN KEY (tenant, document_ref) REFERENCES document,
    CHECK ((kind = 'purchased') = (document_ref IS NOT NULL))
);
COMMENT ON COLUMN wallet_lot.document_ref IS 'the invoice that bought it: it becomes one lot, however often its payment is told of';
COMMENT ON COLUMN wallet_lot.left_minor IS 'the sum of its moves';
CREATE INDEX wallet_lot_by_wallet ON wallet_lot (tenant, wallet_ref) WHERE left_minor > 0;
CREATE INDEX wallet_lot_expiring ON wallet_lot (tenant, expires_at) WHERE left_minor > 0 AND expires_at IS NOT NULL;

CREATE TABLE wallet_move (
    tenant       integer NOT NULL,
    move_ref     uuid NOT NULL,
    wallet_ref   uuid NOT NULL,
    lot_ref      uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('grant', 'purchase', 'draw', 'return', 'expiry', 'revoke')),
    amount_minor bigint NOT NULL CHECK ((kind IN ('grant', 'purchase', 'return')) = (amount_minor > 0) AND amount_minor <> 0),
    document_ref uuid,
    at           timestamptz NOT NULL,
    actor        text NOT NULL,
    why          text NOT NULL DEFAULT '',
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, move_ref),
    FOREIGN KEY (tenant, wallet_ref) REFERENCES wallet,
    FOREIGN KEY (tenant, lot_ref) REFERENCES wallet_lot,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON COLUMN wallet_move.document_ref IS 'the document that it paid (draw), that gave it back (return, revoke) or that bought it (purchase)';
CREATE INDEX wallet_move_by_wallet ON wallet_move (tenant, wallet_ref, seq);
CREATE INDEX wallet_move_by_document ON wallet_move (tenant, document_ref) WHERE document_ref IS NOT NULL;
CREATE TRIGGER wallet_moves_stay BEFORE UPDATE OR DELETE ON wallet_move
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE prepaid_purchase (
    tenant       integer NOT NULL,
    document_ref uuid NOT NULL,
    wallet_ref   uuid,
    currency_ref uuid,
    credits      numeric(32, 12) CHECK (credits > 0),
    priority     integer NOT NULL DEFAULT 0,
    expires_at   timestamptz,
    automatic    boolean NOT NULL DEFAULT false,
    state        text NOT NULL CHECK (state IN ('open', 'filled', 'cancelled')),
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, document_ref),
    FOREIGN KEY (tenant, document_ref) REFERENCES document,
    FOREIGN KEY (tenant, wallet_ref) REFERENCES wallet,
    CHECK ((wallet_ref IS NULL) = (currency_ref IS NOT NULL AND credits IS NOT NULL))
);
COMMENT ON TABLE prepaid_purchase IS 'an invoice whose payment fills a wallet, or a pool of credits';
CREATE UNIQUE INDEX one_top_up_at_a_time ON prepaid_purchase (tenant, wallet_ref) WHERE automatic AND state = 'open';
CREATE INDEX purchase_by_wallet ON prepaid_purchase (tenant, wallet_ref);

-- credits in units --------------------------------------------------------------------------------------------------------

CREATE TABLE credit_currency (
    tenant       integer NOT NULL REFERENCES tenant,
    currency_ref uuid NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    key          text NOT NULL CHECK (key <> ''),
    description  text,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    archived_at  timestamptz,
    PRIMARY KEY (tenant, currency_ref),
    UNIQUE (tenant, key)
);
ALTER TABLE prepaid_purchase ADD FOREIGN KEY (tenant, currency_ref) REFERENCES credit_currency;

CREATE TABLE credit_pool (
    tenant       integer NOT NULL,
    customer_ref uuid NOT NULL,
    currency_ref uuid NOT NULL,
    as_of        timestamptz NOT NULL,
    PRIMARY KEY (tenant, customer_ref, currency_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, currency_ref) REFERENCES credit_currency
);
COMMENT ON TABLE credit_pool IS 'credits of a customer in one currency; its row is their lock, as_of the instant up to which they are worked out';

CREATE TABLE credit_grant (
    tenant       integer NOT NULL,
    grant_ref    uuid NOT NULL,
    customer_ref uuid NOT NULL,
    currency_ref uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('granted', 'purchased')),
    priority     integer NOT NULL DEFAULT 0,
    amount       numeric(32, 12) NOT NULL CHECK (amount > 0),
    balance      numeric(32, 12) NOT NULL CHECK (balance BETWEEN 0 AND amount),
    starts_at    timestamptz NOT NULL,
    expires_at   timestamptz,
    document_ref uuid,
    created_at   timestamptz NOT NULL,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, grant_ref),
    UNIQUE (tenant, document_ref),
    FOREIGN KEY (tenant, customer_ref, currency_ref) REFERENCES credit_pool,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
CREATE INDEX credit_grant_by_pool ON credit_grant (tenant, customer_ref, currency_ref);
CREATE INDEX credit_grant_expiring ON credit_grant (tenant, expires_at) WHERE balance > 0 AND expires_at IS NOT NULL;

CREATE TABLE credit_move (
    tenant       integer NOT NULL,
    move_ref     uuid NOT NULL,
    customer_ref uuid NOT NULL,
    currency_ref uuid NOT NULL,
    grant_ref    uuid NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('grant', 'spend', 'expiry')),
    amount       numeric(32, 12) NOT NULL CHECK ((kind = 'grant') = (amount > 0) AND amount <> 0),
    event_ref    uuid,
    event_name   text,
    product_ref  uuid,
    at           timestamptz NOT NULL,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, move_ref),
    FOREIGN KEY (tenant, grant_ref) REFERENCES credit_grant
);
COMMENT ON COLUMN credit_move.event_ref IS 'the signal that spent it';
CREATE INDEX credit_move_by_time ON credit_move (tenant, seq);
CREATE INDEX credit_move_by_pool ON credit_move (tenant, customer_ref, currency_ref, seq);
CREATE INDEX credit_move_by_event ON credit_move (tenant, event_ref) WHERE event_ref IS NOT NULL;
CREATE TRIGGER credit_moves_stay BEFORE UPDATE OR DELETE ON credit_move
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE credit_pending (
    tenant       integer NOT NULL,
    event_ref    uuid NOT NULL,
    customer_ref uuid NOT NULL,
    currency_ref uuid NOT NULL,
    event_name   text NOT NULL,
    product_ref  uuid,
    credits      numeric(32, 12) NOT NULL CHECK (credits > 0),
    occurred_at  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, event_ref, currency_ref),
    FOREIGN KEY (tenant, customer_ref, currency_ref) REFERENCES credit_pool
);
COMMENT ON TABLE credit_pending IS 'what signals ask for beyond what there is: the overage, which the next grant settles first';
CREATE INDEX credit_pending_by_pool ON credit_pending (tenant, customer_ref, currency_ref, seq);

CREATE TABLE credit_price (
    tenant       integer NOT NULL,
    product_ref  uuid NOT NULL,
    n            integer NOT NULL,
    event_name   text NOT NULL,
    currency     text NOT NULL,
    cost         numeric(32, 12) NOT NULL CHECK (cost >= 0),
    path         text,
    PRIMARY KEY (tenant, product_ref, n),
    FOREIGN KEY (tenant, product_ref) REFERENCES product
);
COMMENT ON TABLE credit_price IS 'which signals spend credits, as the attributes of active products say it; currency: its id or key';
CREATE INDEX credit_price_by_event ON credit_price (tenant, event_name);
INSERT INTO credit_price (tenant, product_ref, n, event_name, currency, cost, path)
SELECT p.tenant, p.product_ref, a.n, a.a -> 'pricing' ->> 'eventName', a.a -> 'pricing' ->> 'creditsCurrencyId',
       (a.a -> 'pricing' ->> 'creditCost')::numeric, a.a -> 'pricing' -> 'pricingInput' ->> 'path'
FROM product p, jsonb_array_elements(coalesce(p.profile -> 'attributes', '[]')) WITH ORDINALITY AS a(a, n)
WHERE p.active AND p.archived_at IS NULL AND a.a -> 'pricing' ->> 'pricingType' = 'UsagePrepaidCredits'
  AND (a.a -> 'pricing' ->> 'creditCost')::numeric BETWEEN 0 AND 1e15 AND coalesce((a.a ->> 'active')::boolean, true);

SELECT keep_apart(ARRAY['wallet', 'wallet_lot', 'wallet_move', 'prepaid_purchase', 'credit_currency', 'credit_pool',
                        'credit_grant', 'credit_move', 'credit_pending', 'credit_price']);
