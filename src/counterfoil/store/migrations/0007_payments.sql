-- Payments: money received, what it settled, what happened to it later.

-- Every table of a migration from here on is kept apart by tenant, opened to the application, and begins with the planner told
-- that tenants are few (as at the end of the first migration).
CREATE FUNCTION keep_apart(tables text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY tables LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I USING (tenant = current_tenant()) WITH CHECK (tenant = current_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO counterfoil_app', t);
        IF current_setting('server_version_num')::integer >= 180000 THEN
            PERFORM pg_restore_attribute_stats('schemaname', 'public', 'relname', t, 'attname', 'tenant', 'inherited', false,
                                               'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1::real);
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION keep_apart(text[]) FROM PUBLIC;

CREATE TABLE payment (
    tenant       integer NOT NULL,
    payment_ref  uuid NOT NULL,
    number       integer NOT NULL,
    entity_ref   uuid NOT NULL,
    customer_ref uuid NOT NULL,
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    method       text NOT NULL,
    state        text NOT NULL CHECK (state IN ('draft', 'processing', 'requires_action', 'posted', 'failed', 'canceled')),
    received_at  timestamptz NOT NULL,
    provider     text,
    provider_ref text,
    reference    text NOT NULL DEFAULT '',
    memo         text NOT NULL DEFAULT '',
    metadata     jsonb,
    source_ref   uuid,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, payment_ref),
    UNIQUE (tenant, number),
    UNIQUE (tenant, provider, provider_ref),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity,
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    CHECK ((provider IS NULL) = (provider_ref IS NULL))
);
COMMENT ON TABLE payment IS 'money received from a customer; provider and provider_ref name it where it came from, so that it is settled once';
CREATE INDEX payment_by_customer ON payment (tenant, customer_ref, received_at);
CREATE INDEX payment_by_date ON payment (tenant, received_at, payment_ref);

CREATE TABLE payment_attempt (
    tenant       integer NOT NULL,
    payment_ref  uuid NOT NULL,
    n            integer NOT NULL CHECK (n > 0),
    at           timestamptz NOT NULL,
    state        text NOT NULL,
    provider_ref text,
    code         text NOT NULL DEFAULT '',
    message      text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, payment_ref, n),
    FOREIGN KEY (tenant, payment_ref) REFERENCES payment
);
CREATE TRIGGER attempts_stay BEFORE UPDATE OR DELETE ON payment_attempt
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE allocation (
    tenant         integer NOT NULL,
    allocation_ref uuid NOT NULL,
    payment_ref    uuid NOT NULL,
    document_ref   uuid NOT NULL,
    amount_minor   bigint NOT NULL CHECK (amount_minor <> 0),
    at             timestamptz NOT NULL,
    why            text NOT NULL DEFAULT '',
    actor          text NOT NULL,
    PRIMARY KEY (tenant, allocation_ref),
    FOREIGN KEY (tenant, payment_ref) REFERENCES payment,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON COLUMN allocation.amount_minor IS 'what of the payment settles the document; a negative row takes back what an earlier one gave';
CREATE INDEX allocation_by_payment ON allocation (tenant, payment_ref);
CREATE INDEX allocation_by_document ON allocation (tenant, document_ref);
CREATE TRIGGER allocations_stay BEFORE UPDATE OR DELETE ON allocation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE refund (
    tenant       integer NOT NULL,
    refund_ref   uuid NOT NULL,
    payment_ref  uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    state        text NOT NULL CHECK (state IN ('processing', 'posted', 'failed')),
    provider_ref text,
    reason       text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    posted_at    timestamptz,
    PRIMARY KEY (tenant, refund_ref),
    UNIQUE (tenant, payment_ref, provider_ref),
    FOREIGN KEY (tenant, payment_ref) REFERENCES payment
);

CREATE TABLE dispute (
    tenant       integer NOT NULL,
    dispute_ref  uuid NOT NULL,
    payment_ref  uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    fee_minor    bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
    state        text NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    provider_ref text,
    reason       text NOT NULL DEFAULT '',
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    PRIMARY KEY (tenant, dispute_ref),
    UNIQUE (tenant, payment_ref, provider_ref),
    FOREIGN KEY (tenant, payment_ref) REFERENCES payment
);

CREATE TABLE write_off (
    tenant        integer NOT NULL,
    write_off_ref uuid NOT NULL,
    document_ref  uuid NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    reason        text NOT NULL,
    at            timestamptz NOT NULL,
    actor         text NOT NULL,
    PRIMARY KEY (tenant, write_off_ref),
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
CREATE INDEX write_off_by_document ON write_off (tenant, document_ref);
CREATE TRIGGER write_offs_stay BEFORE UPDATE OR DELETE ON write_off
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

SELECT keep_apart(ARRAY['payment', 'payment_attempt', 'allocation', 'refund', 'dispute', 'write_off']);
