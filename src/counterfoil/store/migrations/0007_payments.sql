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
    metadata     text NOT NULL DEFAULT '',
    intent       jsonb,
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
COMMENT ON COLUMN payment.metadata IS 'JSON of the caller, as one text';
COMMENT ON COLUMN payment.intent IS 'of a payment that is not posted yet: what it is to settle, and where it arrives';
COMMENT ON COLUMN payment.source_ref IS 'what made it: a bank line, a checkout, a subscription''s charge';
CREATE INDEX payment_by_customer ON payment (tenant, customer_ref, received_at);
CREATE INDEX payment_by_date ON payment (tenant, received_at, payment_ref);

CREATE TABLE payment_counter (
    tenant integer NOT NULL REFERENCES tenant,
    last   integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (tenant)
);

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
    seq            bigint GENERATED ALWAYS AS IDENTITY,
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
    parts        jsonb,
    PRIMARY KEY (tenant, refund_ref),
    UNIQUE (tenant, payment_ref, provider_ref),
    FOREIGN KEY (tenant, payment_ref) REFERENCES payment
);
COMMENT ON COLUMN refund.parts IS 'what was taken back of which document for it; comes back to them if it fails';
CREATE INDEX refund_by_payment ON refund (tenant, payment_ref);

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
CREATE INDEX dispute_by_payment ON dispute (tenant, payment_ref);

CREATE TABLE write_off (
    tenant        integer NOT NULL,
    write_off_ref uuid NOT NULL,
    document_ref  uuid NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor <> 0),
    reason        text NOT NULL,
    at            timestamptz NOT NULL,
    actor         text NOT NULL,
    PRIMARY KEY (tenant, write_off_ref),
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON COLUMN write_off.amount_minor IS 'what will not be paid of the document; a negative row asks for it again';
CREATE INDEX write_off_by_document ON write_off (tenant, document_ref);
CREATE TRIGGER write_offs_stay BEFORE UPDATE OR DELETE ON write_off
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE document_metadata (
    tenant       integer NOT NULL,
    document_ref uuid NOT NULL,
    metadata     text NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, document_ref),
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE document_metadata IS 'what callers keep with a document: JSON as one text; the document itself never changes';

-- What the books and the receipts say of payments.
ALTER TABLE entry ADD COLUMN payment_ref uuid;
ALTER TABLE entry ADD FOREIGN KEY (tenant, payment_ref) REFERENCES payment;
CREATE INDEX entry_by_payment ON entry (tenant, payment_ref) WHERE payment_ref IS NOT NULL;
ALTER TABLE payment_receipt ADD COLUMN payment_ref uuid;
ALTER TABLE payment_receipt ADD FOREIGN KEY (tenant, payment_ref) REFERENCES payment;
CREATE UNIQUE INDEX payment_receipt_by_payment ON payment_receipt (tenant, payment_ref) WHERE payment_ref IS NOT NULL;

-- Documents that were marked as paid before there were payments: each payment that the books know becomes one, under the
-- reference of its entry.
INSERT INTO payment (tenant, payment_ref, number, entity_ref, customer_ref, currency, amount_minor, method, state, received_at,
                     memo, created_at, updated_at)
SELECT e.tenant, e.entry_ref, row_number() OVER (PARTITION BY e.tenant ORDER BY e.created_at, e.entry_ref), e.entity_ref,
       d.customer_ref, e.currency, p.amount_minor, 'other', 'posted',
       coalesce(m.at, e.created_at), e.memo, e.created_at, e.created_at
FROM entry e
JOIN posting p ON p.tenant = e.tenant AND p.entry_ref = e.entry_ref AND p.account = 'clearing'
JOIN document d ON d.tenant = e.tenant AND d.document_ref = e.document_ref
LEFT JOIN document_mark m ON m.tenant = e.tenant AND m.document_ref = e.document_ref AND m.mark = 'paid'
WHERE e.kind = 'payment' AND p.amount_minor > 0;
INSERT INTO allocation (tenant, allocation_ref, payment_ref, document_ref, amount_minor, at, why, actor)
SELECT p.tenant, p.payment_ref, p.payment_ref, e.document_ref, p.amount_minor, p.received_at, 'marked as paid', 'migration'
FROM payment p JOIN entry e ON e.tenant = p.tenant AND e.entry_ref = p.payment_ref;
-- what credit notes took off those documents since is free again
INSERT INTO allocation (tenant, allocation_ref, payment_ref, document_ref, amount_minor, at, why, actor)
SELECT a.tenant, gen_random_uuid(), a.payment_ref, a.document_ref, -least(a.amount_minor, a.amount_minor + n.credited - d.total_minor),
       now(), 'credited', 'migration'
FROM allocation a
JOIN document d ON d.tenant = a.tenant AND d.document_ref = a.document_ref
JOIN (SELECT tenant, corrects, sum(total_minor)::bigint AS credited FROM document WHERE kind = 'CREDIT' GROUP BY 1, 2) n
  ON n.tenant = a.tenant AND n.corrects = a.document_ref
WHERE a.amount_minor + n.credited > d.total_minor;
UPDATE payment_receipt r SET payment_ref = p.payment_ref FROM (
    SELECT DISTINCT ON (e.tenant, e.document_ref) e.tenant, e.document_ref, p.payment_ref, n.receipt_ref
    FROM payment p JOIN entry e ON e.tenant = p.tenant AND e.entry_ref = p.payment_ref
    JOIN payment_receipt n ON n.tenant = e.tenant AND n.document_ref = e.document_ref ORDER BY e.tenant, e.document_ref, n.created_at
) p WHERE r.tenant = p.tenant AND r.receipt_ref = p.receipt_ref;
INSERT INTO payment_counter (tenant, last) SELECT tenant, max(number) FROM payment GROUP BY tenant;
ALTER TABLE entry DISABLE TRIGGER entries_stay;
UPDATE entry SET payment_ref = entry_ref
WHERE (tenant, entry_ref) IN (SELECT tenant, payment_ref FROM payment);
ALTER TABLE entry ENABLE TRIGGER entries_stay;

SELECT keep_apart(ARRAY['payment', 'payment_counter', 'document_metadata', 'payment_attempt', 'allocation', 'refund', 'dispute', 'write_off']);
