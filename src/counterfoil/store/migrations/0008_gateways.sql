-- Payment providers: their accounts, what they keep for customers, what they told, and what they paid out.

CREATE TABLE gateway (
    tenant      integer NOT NULL,
    gateway_ref uuid NOT NULL,
    entity_ref  uuid NOT NULL,
    provider    text NOT NULL CHECK (provider IN ('stripe', 'fake')),
    name        text NOT NULL,
    external_id text,
    secret      bytea NOT NULL,
    hints       jsonb NOT NULL DEFAULT '{}',
    is_enabled  boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, gateway_ref),
    UNIQUE (tenant, external_id),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity
);
COMMENT ON COLUMN gateway.external_id IS 'how contracts and entities name it (payment_gateway_id)';
COMMENT ON COLUMN gateway.secret IS 'JSON of the provider''s secrets, encrypted for the context gateway/<ref>';
COMMENT ON COLUMN gateway.hints IS 'what may be shown of the secrets: the first and last letters';

CREATE TABLE gateway_customer (
    tenant       integer NOT NULL,
    gateway_ref  uuid NOT NULL,
    customer_ref uuid NOT NULL,
    provider_ref text NOT NULL,
    PRIMARY KEY (tenant, gateway_ref, customer_ref),
    UNIQUE (tenant, gateway_ref, provider_ref),
    FOREIGN KEY (tenant, gateway_ref) REFERENCES gateway,
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer
);

CREATE TABLE saved_method (
    tenant       integer NOT NULL,
    method_ref   uuid NOT NULL,
    gateway_ref  uuid NOT NULL,
    customer_ref uuid NOT NULL,
    provider_ref text NOT NULL,
    kind         text NOT NULL,
    brand        text NOT NULL DEFAULT '',
    last4        text NOT NULL DEFAULT '' CHECK (length(last4) <= 4),
    expires      text NOT NULL DEFAULT '',
    is_default   boolean NOT NULL DEFAULT false,
    metadata     text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    removed_at   timestamptz,
    PRIMARY KEY (tenant, method_ref),
    UNIQUE (tenant, gateway_ref, provider_ref),
    FOREIGN KEY (tenant, gateway_ref) REFERENCES gateway,
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    CHECK (removed_at IS NULL OR NOT is_default)
);
COMMENT ON TABLE saved_method IS 'a means of payment that a provider keeps: its name there, and what a person recognises it by';
CREATE UNIQUE INDEX saved_method_default ON saved_method (tenant, gateway_ref, customer_ref) WHERE is_default;
CREATE INDEX saved_method_by_customer ON saved_method (tenant, customer_ref, created_at);

CREATE TABLE provider_event (
    tenant      integer NOT NULL,
    gateway_ref uuid NOT NULL,
    event_id    text NOT NULL,
    kind        text NOT NULL,
    at          timestamptz NOT NULL,
    charge_id   text NOT NULL DEFAULT '',
    object_id   text NOT NULL DEFAULT '',
    body        jsonb NOT NULL,
    raw         text NOT NULL,
    state       text NOT NULL CHECK (state IN ('waiting', 'settled', 'parked', 'noted')),
    reason      text NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL,
    settled_at  timestamptz,
    PRIMARY KEY (tenant, gateway_ref, event_id),
    FOREIGN KEY (tenant, gateway_ref) REFERENCES gateway
);
COMMENT ON TABLE provider_event IS 'what a provider told in signed calls, each once, in our words (body) and in its own (raw)';
COMMENT ON COLUMN provider_event.state IS 'waiting → settled, noted (nothing follows from it), or parked until what it is about is known';
CREATE INDEX provider_event_open ON provider_event (tenant, at) WHERE state = 'waiting';
CREATE INDEX provider_event_parked ON provider_event (tenant, gateway_ref, charge_id) WHERE state = 'parked';
CREATE INDEX provider_event_by_date ON provider_event (tenant, received_at, event_id);

CREATE TABLE charge_ask (
    tenant       integer NOT NULL,
    payment_ref  uuid NOT NULL,
    gateway_ref  uuid NOT NULL,
    method_ref   uuid NOT NULL,
    document_ref uuid,
    n            integer NOT NULL DEFAULT 1,
    made_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, payment_ref),
    FOREIGN KEY (tenant, payment_ref) REFERENCES payment,
    FOREIGN KEY (tenant, gateway_ref) REFERENCES gateway,
    FOREIGN KEY (tenant, method_ref) REFERENCES saved_method,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE charge_ask IS 'a payment that a provider is asked for while the customer is away; its promise has the same reference, which is the key at the provider';
CREATE UNIQUE INDEX charge_ask_once ON charge_ask (tenant, document_ref, n);

CREATE TABLE checkout (
    tenant        integer NOT NULL,
    checkout_ref  uuid NOT NULL,
    gateway_ref   uuid NOT NULL,
    customer_ref  uuid NOT NULL,
    document_ref  uuid,
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor  bigint NOT NULL CHECK (amount_minor >= 0),
    provider_ref  text NOT NULL,
    url           text NOT NULL,
    state         text NOT NULL CHECK (state IN ('open', 'completed', 'expired')),
    charge_id     text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, checkout_ref),
    UNIQUE (tenant, gateway_ref, provider_ref),
    FOREIGN KEY (tenant, gateway_ref) REFERENCES gateway,
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
CREATE INDEX checkout_by_document ON checkout (tenant, document_ref) WHERE state = 'open';

CREATE TABLE payout (
    tenant        integer NOT NULL,
    payout_ref    uuid NOT NULL,
    gateway_ref   uuid NOT NULL,
    provider_ref  text NOT NULL,
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor  bigint NOT NULL,
    fee_minor     bigint NOT NULL DEFAULT 0,
    unknown_minor bigint NOT NULL DEFAULT 0,
    arrives_on    date NOT NULL,
    reference     text NOT NULL DEFAULT '',
    state         text NOT NULL CHECK (state IN ('pending', 'paid', 'failed', 'canceled')),
    items         jsonb NOT NULL DEFAULT '[]',
    booked_at     timestamptz,
    line_ref      uuid,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, payout_ref),
    UNIQUE (tenant, gateway_ref, provider_ref),
    FOREIGN KEY (tenant, gateway_ref) REFERENCES gateway
);
COMMENT ON COLUMN payout.unknown_minor IS 'what of it comes from charges that are no payments here';
COMMENT ON COLUMN payout.line_ref IS 'the bank line that it arrived with';
CREATE INDEX payout_by_date ON payout (tenant, arrives_on, payout_ref);

CREATE TABLE fake_object (
    tenant      integer NOT NULL,
    gateway_ref uuid NOT NULL,
    kind        text NOT NULL,
    id          text NOT NULL,
    body        jsonb NOT NULL,
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, gateway_ref, kind, id),
    FOREIGN KEY (tenant, gateway_ref) REFERENCES gateway
);
COMMENT ON TABLE fake_object IS 'what the provider that only test tenants have remembers';

-- A link may name things of later migrations, too: a gateway (where its provider calls), a plan.
ALTER TABLE public_handle DROP CONSTRAINT public_handle_noun_check;
ALTER TABLE public_handle ADD CONSTRAINT public_handle_noun_check CHECK (noun ~ '^[a-z_]{1,40}$');

SELECT keep_apart(ARRAY['gateway', 'gateway_customer', 'saved_method', 'provider_event', 'charge_ask', 'checkout', 'payout',
                        'fake_object']);
