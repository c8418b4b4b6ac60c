-- Receipts: what customers are given to check, what feeds it, who may see it, who is told of it, and who else watches the log.

-- Who and what, as the other dialects know them ------------------------------------------------------------------------

ALTER TABLE customer ADD COLUMN updated_at timestamptz;
ALTER TABLE customer ADD COLUMN deleted_at timestamptz;
COMMENT ON COLUMN customer.deleted_at IS 'gone from every list; its documents and receipts stay';

ALTER TABLE product DROP CONSTRAINT product_tenant_name_key;
CREATE INDEX product_by_name ON product (tenant, name);
ALTER TABLE product ADD COLUMN external_id text;
ALTER TABLE product ADD COLUMN profile jsonb NOT NULL DEFAULT '{}';
ALTER TABLE product ADD COLUMN active boolean NOT NULL DEFAULT true;
ALTER TABLE product ADD COLUMN updated_at timestamptz;
ALTER TABLE product ADD COLUMN archived_at timestamptz;
ALTER TABLE product ADD CONSTRAINT product_external_id UNIQUE (tenant, external_id);

CREATE TABLE customer_alias (
    tenant       integer NOT NULL,
    alias        text NOT NULL CHECK (alias <> ''),
    customer_ref uuid NOT NULL,
    name         text,
    description  text,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, alias),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer
);
CREATE INDEX customer_alias_by_customer ON customer_alias (tenant, customer_ref);
COMMENT ON TABLE customer_alias IS 'other names that a customer answers to, beside its external_id';

CREATE TABLE sales_order (
    tenant       integer NOT NULL,
    order_ref    uuid NOT NULL,
    number       integer NOT NULL,
    customer_ref uuid NOT NULL,
    external_id  text,
    name         text NOT NULL,
    state        text NOT NULL CHECK (state IN ('draft', 'active')),
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz,
    contract_ref uuid,
    profile      jsonb NOT NULL DEFAULT '{}',
    lines        jsonb NOT NULL DEFAULT '[]',
    version      integer NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    deleted_at   timestamptz,
    PRIMARY KEY (tenant, order_ref),
    UNIQUE (tenant, number),
    UNIQUE (tenant, external_id),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract
);
COMMENT ON TABLE sales_order IS 'an order of products; an active one whose lines are priced has a contract that bills them';
CREATE INDEX sales_order_by_customer ON sales_order (tenant, customer_ref);

-- What value is made of ------------------------------------------------------------------------------------------------

CREATE TABLE signal (
    tenant               integer NOT NULL REFERENCES tenant,
    signal_ref           uuid NOT NULL,
    name                 text NOT NULL,
    customer_ref         uuid,
    external_customer_id text,
    product_ref          uuid,
    external_product_id  text,
    customer_unit        text,
    at                   timestamptz NOT NULL,
    data                 json NOT NULL DEFAULT '{}',
    key                  text NOT NULL,
    created_at           timestamptz NOT NULL,
    PRIMARY KEY (tenant, signal_ref)
);
COMMENT ON TABLE signal IS 'a usage event as it came in by the signals of Paid; signal_ref is its event_ref. One whose customer is not known yet '
    '(customer_ref null) waits here and becomes a usage event when the customer appears';
CREATE INDEX signal_by_date ON signal (tenant, created_at, signal_ref);
CREATE INDEX signal_by_customer ON signal (tenant, customer_ref, created_at);
CREATE INDEX signal_waiting ON signal (tenant, external_customer_id) WHERE customer_ref IS NULL;

CREATE TABLE cost (
    tenant               integer NOT NULL REFERENCES tenant,
    cost_ref             uuid NOT NULL,
    customer_ref         uuid,
    external_customer_id text,
    product_ref          uuid,
    external_product_id  text,
    at                   timestamptz NOT NULL,
    amount               numeric,
    currency             text,
    vendor               text,
    model                text,
    usage                jsonb,
    metadata             jsonb,
    created_at           timestamptz NOT NULL,
    PRIMARY KEY (tenant, cost_ref)
);
COMMENT ON COLUMN cost.amount IS 'null where only the usage is known, not its price';
CREATE INDEX cost_by_customer ON cost (tenant, customer_ref, at);
CREATE INDEX cost_waiting ON cost (tenant, external_customer_id) WHERE customer_ref IS NULL;

CREATE TABLE value_model (
    tenant         integer NOT NULL REFERENCES tenant,
    version        integer NOT NULL CHECK (version > 0),
    state          text NOT NULL CHECK (state IN ('draft', 'active', 'archived')),
    content        jsonb NOT NULL,
    effective_from timestamptz,
    effective_to   timestamptz,
    created_at     timestamptz NOT NULL,
    activated_at   timestamptz,
    archived_at    timestamptz,
    actor          text NOT NULL,
    PRIMARY KEY (tenant, version)
);
COMMENT ON TABLE value_model IS 'versions of what events are worth to customers; the content of a version never changes';
CREATE UNIQUE INDEX value_model_active ON value_model (tenant) WHERE state = 'active';

CREATE TABLE value_receipt (
    tenant             integer NOT NULL,
    receipt_ref        uuid NOT NULL,
    customer_ref       uuid NOT NULL,
    product_ref        uuid,
    order_ref          uuid,
    starts_at          timestamptz NOT NULL,
    ends_at            timestamptz NOT NULL CHECK (ends_at > starts_at),
    currency           text NOT NULL,
    state              text NOT NULL CHECK (state IN ('draft', 'posted')),
    content            jsonb NOT NULL,
    total              numeric NOT NULL,
    model_version      integer,
    signals_count      bigint NOT NULL,
    signals_root       bytea NOT NULL,
    share_token        text NOT NULL,
    allow_embed        boolean NOT NULL DEFAULT true,
    created_at         timestamptz NOT NULL,
    generated_at       timestamptz NOT NULL,
    sealed_at          timestamptz,
    archived_at        timestamptz,
    published_at       timestamptz,
    publish_expires_at timestamptz,
    PRIMARY KEY (tenant, receipt_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, product_ref) REFERENCES product,
    FOREIGN KEY (tenant, order_ref) REFERENCES sales_order
);
COMMENT ON COLUMN value_receipt.ends_at IS 'the last instant that counts: both ends of the range are included';
CREATE INDEX value_receipt_by_key ON value_receipt (tenant, customer_ref, starts_at, ends_at);
CREATE INDEX value_receipt_by_date ON value_receipt (tenant, created_at, receipt_ref);
CREATE FUNCTION keep_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'posted' AND (TG_OP = 'DELETE' OR (NEW.state, NEW.content::text, NEW.total, NEW.signals_root, NEW.starts_at,
       NEW.ends_at, NEW.customer_ref) IS DISTINCT FROM (OLD.state, OLD.content::text, OLD.total, OLD.signals_root,
       OLD.starts_at, OLD.ends_at, OLD.customer_ref)) THEN
        RAISE EXCEPTION 'a sealed value receipt never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER posted_stays BEFORE UPDATE OR DELETE ON value_receipt
    FOR EACH ROW EXECUTE FUNCTION keep_posted();

-- Balances -------------------------------------------------------------------------------------------------------------

CREATE TABLE balance_setting (
    tenant       integer NOT NULL REFERENCES tenant,
    unit         text NOT NULL DEFAULT 'credits',
    show_records boolean NOT NULL DEFAULT false,
    invoices     boolean NOT NULL DEFAULT false,
    payments     boolean NOT NULL DEFAULT false,
    usage_until  date,
    usage_mark   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant)
);
COMMENT ON TABLE balance_setting IS 'what writes deltas by itself: invoices raise what a customer owes, payments lower it. usage_until: days before it '
    'were written; usage_mark: what later transactions report of them is still looked at. show_records: whether who holds a proof root sees its deltas';

CREATE TABLE balance_usage (
    tenant            integer NOT NULL,
    usage_product_ref uuid NOT NULL,
    since             date NOT NULL,
    PRIMARY KEY (tenant, usage_product_ref),
    FOREIGN KEY (tenant, usage_product_ref) REFERENCES usage_product
);
COMMENT ON TABLE balance_usage IS 'usage products whose usage is one delta a customer and day (UTC), from the day since on';

CREATE TABLE balance_usage_day (
    tenant            integer NOT NULL,
    usage_product_ref uuid NOT NULL,
    day               date NOT NULL,
    customer_ref      uuid NOT NULL,
    quantity          numeric NOT NULL,
    times             integer NOT NULL,
    PRIMARY KEY (tenant, usage_product_ref, day, customer_ref)
);
COMMENT ON TABLE balance_usage_day IS 'what the deltas of a day''s usage come to so far, and how many there are';

CREATE TABLE balance_head (
    tenant        integer NOT NULL,
    customer_ref  uuid NOT NULL,
    last_sequence bigint NOT NULL DEFAULT 0,
    balance       numeric NOT NULL DEFAULT 0,
    first_at      timestamptz,
    last_at       timestamptz,
    counts_from   timestamptz NOT NULL,
    handle        text NOT NULL,
    access_code   text NOT NULL,
    unit          text,
    PRIMARY KEY (tenant, customer_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer
);
COMMENT ON TABLE balance_head IS 'where a customer''s record of deltas stands; its row is locked by whoever writes or seals, which is what keeps '
    'numbers without gaps. handle: of the customer''s permanent page; access_code opens it';
COMMENT ON COLUMN balance_head.counts_from IS 'what comes from now on counts at this instant or later: the counts_at of the last delta, or the end '
    'of a window that was sealed since';

CREATE TABLE balance_delta (
    tenant       integer NOT NULL,
    customer_ref uuid NOT NULL,
    sequence     bigint NOT NULL CHECK (sequence > 0),
    delta_ref    uuid NOT NULL,
    amount       numeric NOT NULL CHECK (amount <> 0),
    reason       text NOT NULL,
    reference_id text,
    metadata     text NOT NULL DEFAULT '',
    adjusts      uuid,
    recorded_at  timestamptz NOT NULL,
    counts_at    timestamptz NOT NULL,
    leaf         bytea NOT NULL,
    actor        text NOT NULL,
    PRIMARY KEY (tenant, customer_ref, sequence),
    UNIQUE (tenant, delta_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES balance_head
);
COMMENT ON COLUMN balance_delta.counts_at IS 'the instant by which windows take it: when it was recorded, or the end of a window that was sealed '
    'before it came. It never falls as sequence rises';
COMMENT ON COLUMN balance_delta.leaf IS 'RFC 9162 leaf hash over its canonical bytes: its receiptId on the wire';
CREATE INDEX balance_delta_by_time ON balance_delta (tenant, customer_ref, counts_at, sequence);
CREATE INDEX balance_delta_as_it_came ON balance_delta (tenant, customer_ref, recorded_at, sequence);
CREATE INDEX balance_delta_by_reference ON balance_delta (tenant, customer_ref, reference_id) WHERE reference_id IS NOT NULL;
CREATE INDEX balance_delta_by_leaf ON balance_delta (leaf);
CREATE TRIGGER deltas_stay BEFORE UPDATE OR DELETE ON balance_delta
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE balance_checkpoint (
    tenant           integer NOT NULL,
    checkpoint_ref   uuid NOT NULL,
    customer_ref     uuid NOT NULL,
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL CHECK (ends_at > starts_at),
    period           text,
    starting_balance numeric NOT NULL,
    ending_balance   numeric NOT NULL,
    first_sequence   bigint NOT NULL,
    last_sequence    bigint NOT NULL,
    root             bytea NOT NULL,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant, checkpoint_ref),
    UNIQUE (tenant, customer_ref, starts_at, ends_at),
    FOREIGN KEY (tenant, customer_ref) REFERENCES balance_head,
    CHECK (last_sequence >= first_sequence)
);
COMMENT ON TABLE balance_checkpoint IS 'a sealed window of a customer''s deltas; its balance receipt is the sealed record of the same reference';
CREATE INDEX balance_checkpoint_by_date ON balance_checkpoint (tenant, created_at, checkpoint_ref);
CREATE INDEX balance_checkpoint_by_root ON balance_checkpoint (root);
CREATE TRIGGER checkpoints_of_balances_stay BEFORE UPDATE OR DELETE ON balance_checkpoint
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Payments -------------------------------------------------------------------------------------------------------------

CREATE TABLE payment_receipt (
    tenant       integer NOT NULL,
    receipt_ref  uuid NOT NULL,
    number       text NOT NULL CHECK (number <> ''),
    customer_ref uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    amount       numeric NOT NULL,
    issued_at    timestamptz NOT NULL,
    state        text NOT NULL CHECK (state IN ('draft', 'issued', 'sent', 'archived', 'cancelled')),
    content      jsonb NOT NULL,
    document_ref uuid,
    record_ref   uuid,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    sealed_at    timestamptz,
    deleted_at   timestamptz,
    PRIMARY KEY (tenant, receipt_ref),
    UNIQUE (tenant, number),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE payment_receipt IS 'a record of a payment; every revision that was issued is a sealed record of its own, record_ref is the newest';
COMMENT ON COLUMN payment_receipt.content IS 'all that it says; the columns beside it are what lists ask for; amount is in major units';
CREATE INDEX payment_receipt_by_date ON payment_receipt (tenant, issued_at, receipt_ref);
CREATE INDEX payment_receipt_by_seal ON payment_receipt (tenant, sealed_at, receipt_ref) WHERE record_ref IS NOT NULL;
CREATE INDEX payment_receipt_by_customer ON payment_receipt (tenant, customer_ref);
CREATE INDEX payment_receipt_by_document ON payment_receipt (tenant, document_ref) WHERE document_ref IS NOT NULL;

-- Who may see ----------------------------------------------------------------------------------------------------------

CREATE TABLE sharing_setting (
    tenant          integer NOT NULL REFERENCES tenant,
    signing_key     bytea,
    issuer          text NOT NULL DEFAULT 'paid',
    audience        text,
    token_seconds   integer NOT NULL DEFAULT 3600 CHECK (token_seconds BETWEEN 60 AND 86400),
    login_url       text,
    refresh_url     text,
    embed_origins   text[] NOT NULL DEFAULT '{}',
    allow_embed     boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant)
);
COMMENT ON COLUMN sharing_setting.signing_key IS 'the HS256 key that opens private receipts, encrypted with the secret of the installation';

CREATE TABLE public_handle (
    tenant integer NOT NULL REFERENCES tenant,
    handle text NOT NULL,
    noun   text NOT NULL CHECK (noun IN ('value_receipt', 'balance_receipt', 'payment_receipt', 'customer')),
    ref    uuid NOT NULL,
    PRIMARY KEY (tenant, handle)
);
COMMENT ON TABLE public_handle IS 'what a link without a key names; unguessable. A rotated handle is gone at once';
CREATE INDEX public_handle_by_handle ON public_handle (handle);
CREATE INDEX public_handle_by_ref ON public_handle (tenant, ref);

-- Who is told ----------------------------------------------------------------------------------------------------------

CREATE TABLE webhook (
    tenant       integer NOT NULL REFERENCES tenant,
    webhook_ref  uuid NOT NULL,
    dialect      text NOT NULL CHECK (dialect IN ('native', 'pacspace', 'paid', 'gigstack')),
    name         text NOT NULL DEFAULT '',
    url          text NOT NULL,
    events       text[],
    description  text NOT NULL DEFAULT '',
    enabled      boolean NOT NULL DEFAULT true,
    secret       bytea NOT NULL,
    old_secret   bytea,
    old_until    timestamptz,
    created_at   timestamptz NOT NULL,
    last_at      timestamptz,
    last_ok      boolean,
    successes    bigint NOT NULL DEFAULT 0,
    failures     bigint NOT NULL DEFAULT 0,
    failing      integer NOT NULL DEFAULT 0,
    hold_until   timestamptz,
    backfill     text NOT NULL DEFAULT 'none' CHECK (backfill IN ('none', 'due', 'done')),
    backfilled   uuid,
    backfill_xact bigint,
    PRIMARY KEY (tenant, webhook_ref)
);
COMMENT ON COLUMN webhook.failing IS 'failures since the receiver last answered; nothing is sent before hold_until, by the clock outside';
COMMENT ON COLUMN webhook.backfilled IS 'the last receipt of those that were there before, of which it was told';
COMMENT ON COLUMN webhook.backfill_xact IS 'transactions before this one did not know of it; its backfill begins when all have ended';
COMMENT ON COLUMN webhook.events IS 'the types it is told of; null for all that its dialect has';
COMMENT ON COLUMN webhook.old_secret IS 'signs too until old_until, while receivers change over';

CREATE TABLE webhook_event (
    tenant      integer NOT NULL REFERENCES tenant,
    event_ref   uuid NOT NULL,
    type        text NOT NULL,
    at          timestamptz NOT NULL,
    data        jsonb NOT NULL,
    PRIMARY KEY (tenant, event_ref)
);
CREATE INDEX webhook_event_by_date ON webhook_event (tenant, at, event_ref);
CREATE TRIGGER webhook_events_stay BEFORE UPDATE OR DELETE ON webhook_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE webhook_attempt (
    tenant       integer NOT NULL,
    promise_ref  uuid NOT NULL,
    try          integer NOT NULL,
    webhook_ref  uuid NOT NULL,
    event_ref    uuid NOT NULL,
    status       integer,
    error        text NOT NULL DEFAULT '',
    milliseconds integer NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (tenant, promise_ref, try),
    FOREIGN KEY (tenant, promise_ref) REFERENCES promise
);
COMMENT ON TABLE webhook_attempt IS 'the delivery log: one row for each time that a receiver was called. A delivery is the promise of kind webhook';
CREATE INDEX webhook_attempt_by_webhook ON webhook_attempt (tenant, webhook_ref, at);
CREATE INDEX webhook_attempt_by_event ON webhook_attempt (tenant, event_ref);
CREATE INDEX promise_to_call ON promise (tenant, ref, due_at, promise_ref) WHERE kind = 'call_webhook' AND kept_at IS NULL;
CREATE INDEX record_of_receipt ON record (tenant, record_ref)
    WHERE type IN ('balance-receipt/v1', 'value-receipt/v1', 'payment-receipt/v1');

-- Who watches the log --------------------------------------------------------------------------------------------------

CREATE TABLE witness (
    tenant       integer NOT NULL REFERENCES tenant,
    name         text NOT NULL,
    url          text NOT NULL,
    verifier_key text NOT NULL,
    created_at   timestamptz NOT NULL,
    witnessed    bigint NOT NULL DEFAULT 0,
    last_error   text,
    PRIMARY KEY (tenant, name)
);
COMMENT ON TABLE witness IS 'who is asked to cosign our checkpoints; witnessed: the size of the newest one that it did';

CREATE TABLE cosignature (
    tenant  integer NOT NULL,
    size    bigint NOT NULL,
    witness text NOT NULL,
    line    text NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, size, witness),
    FOREIGN KEY (tenant, size) REFERENCES checkpoint,
    FOREIGN KEY (tenant, witness) REFERENCES witness
);

CREATE TABLE witness_key (
    tenant       integer NOT NULL REFERENCES tenant,
    name         text NOT NULL,
    private_key  bytea NOT NULL,
    verifier_key text NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant)
);
COMMENT ON TABLE witness_key IS 'the key that this tenant cosigns the logs of others with, apart from that of its own log';
COMMENT ON COLUMN witness_key.private_key IS 'encrypted with the secret of the installation';

CREATE TABLE witnessed_log (
    tenant       integer NOT NULL REFERENCES tenant,
    origin       text NOT NULL,
    verifier_key text NOT NULL,
    active       boolean NOT NULL DEFAULT true,
    size         bigint NOT NULL DEFAULT 0,
    root         bytea,
    note         text,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, origin)
);
COMMENT ON TABLE witnessed_log IS 'logs of others that this tenant cosigns: where each stood when it was last seen. A log that is '
    'no longer watched keeps its row, so that it cannot be shown from the start again';

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['customer_alias', 'sales_order', 'signal', 'cost', 'value_model', 'value_receipt', 'balance_setting',
        'balance_usage', 'balance_usage_day', 'balance_head', 'balance_delta', 'balance_checkpoint', 'payment_receipt', 'sharing_setting', 'public_handle', 'webhook',
        'webhook_event', 'webhook_attempt', 'witness', 'cosignature', 'witness_key', 'witnessed_log'] LOOP
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

-- What comes before a tenant is known: whom a public link belongs to.
CREATE FUNCTION find_handle(wanted text) RETURNS TABLE (the_tenant integer, noun text, ref uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT h.tenant, h.noun, h.ref FROM public_handle h WHERE h.handle = wanted ORDER BY h.tenant LIMIT 1
$$;
CREATE FUNCTION find_root(wanted bytea) RETURNS TABLE (the_tenant integer, noun text, ref uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    (SELECT c.tenant, 'checkpoint', c.checkpoint_ref FROM balance_checkpoint c WHERE c.root = wanted ORDER BY c.created_at LIMIT 1)
    UNION ALL
    (SELECT d.tenant, 'delta', d.delta_ref FROM balance_delta d WHERE d.leaf = wanted LIMIT 1)
    LIMIT 1
$$;
REVOKE ALL ON FUNCTION find_handle(text), find_root(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_handle(text), find_root(bytea) TO counterfoil_app;
