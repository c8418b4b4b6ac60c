-- The house: one row per thing, every key led by its tenant.
-- A tenant is one company in one mode (live or test), so row-level security keeps modes apart as it keeps companies apart.

CREATE FUNCTION current_tenant() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('counterfoil.tenant', true), '')::integer;

-- Bind the transaction to a tenant and answer where its clock stands (null: the wall clock).
CREATE FUNCTION enter(the_tenant integer) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('counterfoil.tenant', the_tenant::text, true);
    RETURN (SELECT clock_at FROM tenant WHERE tenant = the_tenant);
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- Companies, people and keys -----------------------------------------------------------------------------------------

CREATE TABLE tenant (
    tenant      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_ref  uuid NOT NULL,
    company_ref uuid NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    mode        text NOT NULL CHECK (mode IN ('live', 'test')),
    clock_at    timestamptz CHECK (clock_at IS NULL OR mode = 'test'),
    log_origin  text NOT NULL,
    log_key     bytea NOT NULL,
    log_public  text NOT NULL,
    catalogue   bigint NOT NULL DEFAULT 1,
    swept_xact  bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL
);
COMMENT ON COLUMN tenant.clock_at IS 'where the clock of a test tenant stands; null follows the wall clock';
COMMENT ON COLUMN tenant.log_key IS 'the Ed25519 key of its log, encrypted with the secret of the installation';
COMMENT ON COLUMN tenant.catalogue IS 'grows with every change of meters, customers and coverage, so that readers know when to read again';
COMMENT ON COLUMN tenant.swept_xact IS 'usage written by transactions before this one was compared with issued documents';

CREATE TABLE api_key (
    tenant      integer NOT NULL REFERENCES tenant,
    key_id      text NOT NULL,
    secret_hash bytea NOT NULL,
    name        text NOT NULL,
    role        text NOT NULL CHECK (role IN ('admin', 'finance', 'viewer', 'ingest')),
    created_at  timestamptz NOT NULL,
    revoked_at  timestamptz,
    PRIMARY KEY (tenant, key_id)
);
CREATE INDEX api_key_by_id ON api_key (key_id);

CREATE TABLE person (
    tenant        integer NOT NULL REFERENCES tenant,
    person_ref    uuid NOT NULL,
    email         text NOT NULL,
    name          text NOT NULL DEFAULT '',
    password_hash text NOT NULL,
    role          text NOT NULL CHECK (role IN ('admin', 'finance', 'viewer', 'partner')),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, person_ref),
    UNIQUE (tenant, email)
);

CREATE TABLE audit (
    tenant  integer NOT NULL REFERENCES tenant,
    seq     bigint GENERATED ALWAYS AS IDENTITY,
    at      timestamptz NOT NULL,
    actor   text NOT NULL,
    verb    text NOT NULL,
    noun    text NOT NULL,
    ref     text NOT NULL,
    before  jsonb,
    after   jsonb,
    why     text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, seq)
);
CREATE INDEX audit_by_ref ON audit (tenant, ref, seq);
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE idempotency (
    tenant     integer NOT NULL REFERENCES tenant,
    key        text NOT NULL,
    request    bytea NOT NULL,
    status     integer,
    answer     bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);
COMMENT ON COLUMN idempotency.request IS 'SHA-256 of method, path and body';

CREATE TABLE parked (
    tenant   integer NOT NULL REFERENCES tenant,
    work     text NOT NULL,
    ref      text NOT NULL,
    reason   text NOT NULL,
    since    timestamptz NOT NULL,
    tries    integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, work, ref)
);
COMMENT ON TABLE parked IS 'work that could not be done, with its reason; retried by hand or when what it lacks is there';

-- Who bills whom -----------------------------------------------------------------------------------------------------

CREATE TABLE entity (
    tenant        integer NOT NULL REFERENCES tenant,
    entity_ref    uuid NOT NULL,
    name          text NOT NULL CHECK (name <> ''),
    number_prefix text NOT NULL CHECK (number_prefix ~ '^[A-Z0-9]{1,12}$'),
    time_zone     text NOT NULL,
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    profile       jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, entity_ref),
    UNIQUE (tenant, name),
    UNIQUE (tenant, number_prefix)
);

CREATE TABLE customer (
    tenant       integer NOT NULL,
    customer_ref uuid NOT NULL,
    name         text NOT NULL CHECK (name <> ''),
    external_id  text,
    entity_ref   uuid NOT NULL,
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tax_percent  numeric(7, 4) NOT NULL DEFAULT 0 CHECK (tax_percent BETWEEN 0 AND 100),
    net_days     integer NOT NULL DEFAULT 30 CHECK (net_days BETWEEN 0 AND 3650),
    profile      jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, customer_ref),
    UNIQUE (tenant, external_id),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity
);
CREATE INDEX customer_by_name ON customer (tenant, name);

CREATE TABLE usage_product (
    tenant            integer NOT NULL REFERENCES tenant,
    usage_product_ref uuid NOT NULL,
    name              text NOT NULL CHECK (name <> ''),
    meter             jsonb NOT NULL,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant, usage_product_ref),
    UNIQUE (tenant, name)
);

CREATE TABLE product (
    tenant      integer NOT NULL REFERENCES tenant,
    product_ref uuid NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, product_ref),
    UNIQUE (tenant, name)
);

CREATE TABLE pricing (
    tenant      integer NOT NULL,
    pricing_ref uuid NOT NULL,
    product_ref uuid NOT NULL,
    name        text NOT NULL CHECK (name <> ''),
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, pricing_ref),
    UNIQUE (tenant, product_ref, name),
    FOREIGN KEY (tenant, product_ref) REFERENCES product
);

CREATE TABLE pricing_version (
    tenant       integer NOT NULL,
    pricing_ref  uuid NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    sheet        jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    published_at timestamptz,
    PRIMARY KEY (tenant, pricing_ref, version),
    FOREIGN KEY (tenant, pricing_ref) REFERENCES pricing
);
CREATE FUNCTION keep_published() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'a published pricing never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER published_stays BEFORE UPDATE OR DELETE ON pricing_version
    FOR EACH ROW EXECUTE FUNCTION keep_published();

-- What was agreed ----------------------------------------------------------------------------------------------------

CREATE TABLE contract (
    tenant         integer NOT NULL,
    contract_ref   uuid NOT NULL,
    number         integer NOT NULL,
    customer_ref   uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('contract', 'subscription')),
    state          text NOT NULL CHECK (state IN ('draft', 'active', 'cancelled', 'ended')),
    po_number      text NOT NULL DEFAULT '',
    collective     boolean NOT NULL DEFAULT true,
    version        integer NOT NULL,
    documents      integer NOT NULL DEFAULT 0,
    next_issue_at  timestamptz,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, contract_ref),
    UNIQUE (tenant, number),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer
);
COMMENT ON COLUMN contract.next_issue_at IS 'when its next document is due to be issued: midnight of the issue date in its time zone; null when nothing is to come';
CREATE INDEX contract_due ON contract (tenant, next_issue_at, number) WHERE next_issue_at IS NOT NULL;
CREATE INDEX contract_by_customer ON contract (tenant, customer_ref);

CREATE TABLE contract_version (
    tenant          integer NOT NULL,
    contract_ref    uuid NOT NULL,
    version         integer NOT NULL,
    effective_on    date NOT NULL,
    terms           jsonb NOT NULL,
    include_current boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    actor           text NOT NULL,
    why             text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, contract_ref, version),
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract
);
CREATE TRIGGER versions_stay BEFORE UPDATE OR DELETE ON contract_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE coverage (
    tenant            integer NOT NULL,
    contract_ref      uuid NOT NULL,
    product_ref       uuid NOT NULL,
    usage_product_ref uuid NOT NULL,
    starts_at         timestamptz NOT NULL,
    customer_ref      uuid NOT NULL,
    ends_at           timestamptz NOT NULL DEFAULT 'infinity',
    carries           boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, contract_ref, product_ref, usage_product_ref, starts_at),
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract
);
COMMENT ON TABLE coverage IS 'when a contract takes events of a stream: an event outside is refused';
COMMENT ON COLUMN coverage.carries IS 'an event also counts in later periods (carry-over meters), so a late one restates them too';
CREATE INDEX coverage_by_customer ON coverage (tenant, customer_ref, usage_product_ref);

-- What was used ------------------------------------------------------------------------------------------------------

CREATE TABLE usage_event (
    tenant            integer NOT NULL,
    event_ref         uuid NOT NULL,
    customer_ref      uuid NOT NULL,
    usage_product_ref uuid NOT NULL,
    at                timestamptz NOT NULL,
    quantity          numeric NOT NULL,
    properties        json,
    key               text NOT NULL,
    supersedes        uuid,
    superseded_by     uuid,
    void              boolean NOT NULL DEFAULT false,
    recorded_at       timestamptz NOT NULL,
    actor             text,
    why               text,
    xact              bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    came_xact         bigint,
    stands            boolean NOT NULL GENERATED ALWAYS AS (superseded_by IS NULL AND NOT void) STORED,
    PRIMARY KEY (tenant, event_ref)
);
COMMENT ON TABLE usage_event IS 'reports as they came; a correction is a row of its own that supersedes the one before it';
COMMENT ON COLUMN usage_event.event_ref IS 'derived from the idempotency key where there is one, so that this key decides duplicates';
COMMENT ON COLUMN usage_event.properties IS 'in canonical form: these bytes are sealed';
COMMENT ON COLUMN usage_event.stands IS 'it counts: nothing took its place, and it takes nothing away';
COMMENT ON COLUMN usage_event.came_xact IS 'the transaction that wrote a superseded report (its xact is that of its correction)';
CREATE FUNCTION refuse_overwriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.superseded_by IS NULL AND NEW.superseded_by IS NOT NULL
       AND (NEW.tenant, NEW.event_ref, NEW.customer_ref, NEW.usage_product_ref, NEW.at, NEW.quantity::text, NEW.key, NEW.void,
            NEW.recorded_at)
         = (OLD.tenant, OLD.event_ref, OLD.customer_ref, OLD.usage_product_ref, OLD.at, OLD.quantity::text, OLD.key, OLD.void,
            OLD.recorded_at)
       AND (NEW.properties::text, NEW.supersedes, NEW.actor, NEW.why)
         IS NOT DISTINCT FROM (OLD.properties::text, OLD.supersedes, OLD.actor, OLD.why) THEN
        NEW.came_xact := OLD.xact;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a usage event is superseded, never overwritten' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE ON usage_event
    FOR EACH ROW EXECUTE FUNCTION refuse_overwriting();
-- Sums are measured from this index alone, where a vacuum has seen the pages; so new ones are vacuumed often.
CREATE INDEX usage_event_by_customer ON usage_event (tenant, customer_ref, usage_product_ref, at) INCLUDE (quantity, stands);
ALTER TABLE usage_event SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX usage_event_by_xact ON usage_event USING brin (xact) WITH (pages_per_range = 32);

-- Store reports whose reference is new; the references that were there already, null when none was. Trying without
-- ON CONFLICT first is a third cheaper, and nearly always right; `careful` is for when it was not a moment ago.
CREATE FUNCTION add_usage(the_tenant integer, refs uuid[], customers uuid[], streams uuid[], ats timestamptz[],
    quantities numeric[], texts text, keys text, now_at timestamptz, by_actor text, careful boolean)
    RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    this_xact bigint := pg_current_xact_id()::text::bigint;
    properties json[] := string_to_array(texts, E'\x1f', '')::json[];
    names text[] := string_to_array(keys, E'\x1f');
    added uuid[];
BEGIN
    IF NOT careful THEN
        BEGIN
            INSERT INTO usage_event (tenant, event_ref, customer_ref, usage_product_ref, at, quantity, properties, key,
                                     recorded_at, actor, xact)
            SELECT the_tenant, t.*, now_at, by_actor, this_xact
            FROM unnest(refs, customers, streams, ats, quantities, properties, names) AS t;
            RETURN NULL;
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END IF;
    WITH a AS (
        INSERT INTO usage_event (tenant, event_ref, customer_ref, usage_product_ref, at, quantity, properties, key,
                                 recorded_at, actor, xact)
        SELECT the_tenant, t.*, now_at, by_actor, this_xact
        FROM unnest(refs, customers, streams, ats, quantities, properties, names) AS t
        ORDER BY 2
        ON CONFLICT (tenant, event_ref) DO NOTHING
        RETURNING event_ref
    ) SELECT array_agg(event_ref) INTO added FROM a;
    IF cardinality(added) = cardinality(refs) THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY(SELECT r::text FROM unnest(refs) r EXCEPT SELECT r::text FROM unnest(added) r);
END $$;

-- The bytes of an event's leaf in the Merkle tree of a line (docs/formats/usage-event.md, RFC 9162 §2.1.1).
CREATE FUNCTION event_leaf(e usage_event) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256('\x00'::bytea || convert_to(
        '{"at":"' || replace((e.at AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z","customer_ref":"' || e.customer_ref
        || '","event_ref":"' || e.event_ref || '","key":' || to_json(e.key)::text
        || ',"properties":' || coalesce(e.properties::text, '{}') || ',"quantity":"' || e.quantity::text
        || '","supersedes":' || coalesce('"' || e.supersedes || '"', 'null')
        || ',"type":"usage-event/v1","usage_product_ref":"' || e.usage_product_ref || '"}', 'UTF8'));

-- What was billed ----------------------------------------------------------------------------------------------------

CREATE TABLE number_counter (
    tenant     integer NOT NULL,
    entity_ref uuid NOT NULL,
    kind       text NOT NULL,
    last       integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (tenant, entity_ref, kind),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity
);

CREATE TABLE document (
    tenant               integer NOT NULL,
    document_ref         uuid NOT NULL,
    kind                 text NOT NULL CHECK (kind IN ('INVOICE', 'CREDIT', 'DEBIT')),
    entity_ref           uuid NOT NULL,
    serial               integer NOT NULL CHECK (serial > 0),
    number               text NOT NULL,
    customer_ref         uuid NOT NULL,
    contract_ref         uuid,
    number_in_contract   integer,
    corrects             uuid,
    currency             text NOT NULL,
    issued_on            date NOT NULL,
    due_on               date NOT NULL,
    starts               date,
    ends                 date,
    sub_total_minor      bigint NOT NULL,
    total_discount_minor bigint NOT NULL,
    total_tax_minor      bigint NOT NULL,
    credits_minor        bigint NOT NULL,
    total_minor          bigint NOT NULL,
    created_at           timestamptz NOT NULL,
    seq                  bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, document_ref),
    UNIQUE (tenant, entity_ref, kind, serial),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity,
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract,
    FOREIGN KEY (tenant, corrects) REFERENCES document,
    CHECK (total_minor = sub_total_minor - total_discount_minor + total_tax_minor - credits_minor)
);
CREATE INDEX document_by_customer ON document (tenant, customer_ref, issued_on);
CREATE INDEX document_by_contract ON document (tenant, contract_ref, number_in_contract);
CREATE INDEX document_by_corrects ON document (tenant, corrects) WHERE corrects IS NOT NULL;
CREATE INDEX document_by_date ON document (tenant, issued_on, document_ref);
CREATE TRIGGER issued_stays BEFORE UPDATE OR DELETE ON document
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE document_line (
    tenant         integer NOT NULL,
    document_ref   uuid NOT NULL,
    n              integer NOT NULL,
    kind           text NOT NULL,
    item           text NOT NULL,
    product_ref    uuid,
    line_item_ref  uuid,
    starts         date,
    ends           date,
    quantity       numeric NOT NULL,
    amount_minor   bigint NOT NULL,
    discount_minor bigint NOT NULL,
    tax_percent    numeric NOT NULL,
    usage_root     bytea,
    usage_count    bigint,
    PRIMARY KEY (tenant, document_ref, n),
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
CREATE TRIGGER lines_stay BEFORE UPDATE OR DELETE ON document_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE document_mark (
    tenant       integer NOT NULL,
    document_ref uuid NOT NULL,
    mark         text NOT NULL CHECK (mark IN ('sent', 'paid', 'cancelled')),
    at           timestamptz NOT NULL,
    PRIMARY KEY (tenant, document_ref, mark),
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE document_mark IS 'what happened to a document after its issue; the document itself never changes';

CREATE TABLE billing_period (
    tenant       integer NOT NULL,
    product_ref  uuid NOT NULL,
    starts       date NOT NULL,
    part         smallint NOT NULL DEFAULT 0,
    ends         date NOT NULL CHECK (ends > starts),
    contract_ref uuid NOT NULL,
    document_ref uuid,
    issued_on    date NOT NULL,
    version      integer NOT NULL,
    opens_at     timestamptz,
    closes_at    timestamptz,
    PRIMARY KEY (tenant, product_ref, starts, part, version),
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE billing_period IS 'a period of a contract product that was billed: at most once, by its key. part 0 is what is billed for the '
    'period itself (fees), part 1 its usage; version is the contract version that agreed it. opens_at and closes_at: the usage that was billed. document_ref is null when there was nothing to bill';
CREATE INDEX billing_period_by_contract ON billing_period (tenant, contract_ref, starts);
CREATE INDEX billing_period_by_document ON billing_period (tenant, document_ref);

-- The books ----------------------------------------------------------------------------------------------------------

CREATE TABLE entry (
    tenant       integer NOT NULL,
    entry_ref    uuid NOT NULL,
    entity_ref   uuid NOT NULL,
    booked_on    date NOT NULL,
    currency     text NOT NULL,
    kind         text NOT NULL,
    document_ref uuid,
    memo         text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, entry_ref),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
CREATE INDEX entry_by_document ON entry (tenant, document_ref);
CREATE INDEX entry_by_date ON entry (tenant, entity_ref, booked_on);
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE posting (
    tenant       integer NOT NULL,
    entry_ref    uuid NOT NULL,
    n            smallint NOT NULL,
    account      text NOT NULL,
    line         integer,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (tenant, entry_ref, n),
    FOREIGN KEY (tenant, entry_ref) REFERENCES entry
);
COMMENT ON COLUMN posting.amount_minor IS 'debits are positive, credits negative';
CREATE INDEX posting_by_account ON posting (tenant, account);
CREATE TRIGGER postings_stay BEFORE UPDATE OR DELETE ON posting
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
    SELECT entry_ref, sum(amount_minor) AS off INTO bad FROM added GROUP BY tenant, entry_ref HAVING sum(amount_minor) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % is out of balance by %', bad.entry_ref, bad.off USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER entries_balance AFTER INSERT ON posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION entries_balance();

-- The log ------------------------------------------------------------------------------------------------------------

CREATE TABLE record (
    tenant     integer NOT NULL REFERENCES tenant,
    record_ref uuid NOT NULL,
    type       text NOT NULL,
    body       bytea NOT NULL,
    salt       bytea NOT NULL,
    PRIMARY KEY (tenant, record_ref)
);
CREATE TRIGGER records_stay BEFORE UPDATE OR DELETE ON record
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE pending_leaf (
    tenant     integer NOT NULL,
    seq        bigint GENERATED ALWAYS AS IDENTITY,
    record_ref uuid NOT NULL,
    leaf       bytea NOT NULL,
    PRIMARY KEY (tenant, seq)
);
COMMENT ON TABLE pending_leaf IS 'sealed records that wait for their place in the log';

CREATE TABLE leaf (
    tenant     integer NOT NULL,
    record_ref uuid NOT NULL,
    idx        bigint NOT NULL,
    PRIMARY KEY (tenant, record_ref),
    UNIQUE (tenant, idx),
    FOREIGN KEY (tenant, record_ref) REFERENCES record
);
CREATE TRIGGER leaves_stay BEFORE UPDATE OR DELETE ON leaf
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE tile (
    tenant integer NOT NULL REFERENCES tenant,
    level  smallint NOT NULL,
    idx    bigint NOT NULL,
    hashes bytea NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (tenant, level, idx)
);
ALTER TABLE tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.tenant, NEW.level, NEW.idx) = (OLD.tenant, OLD.level, OLD.idx)
       AND length(NEW.hashes) > length(OLD.hashes) AND substr(NEW.hashes, 1, length(OLD.hashes)) = OLD.hashes THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a tile only grows at its end' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER tiles_grow BEFORE UPDATE OR DELETE ON tile
    FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();

CREATE TABLE checkpoint (
    tenant     integer NOT NULL REFERENCES tenant,
    size       bigint NOT NULL,
    root       bytea NOT NULL,
    note       text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, size)
);
CREATE TRIGGER checkpoints_stay BEFORE UPDATE OR DELETE ON checkpoint
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Tenants apart ------------------------------------------------------------------------------------------------------

DO $$
DECLARE t text;
BEGIN
    FOR t IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
             AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I USING (tenant = current_tenant()) WITH CHECK (tenant = current_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO counterfoil_app', t);
    END LOOP;
END $$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO counterfoil_app;
REVOKE INSERT, UPDATE, DELETE ON tenant FROM counterfoil_app;
GRANT UPDATE (name, clock_at, catalogue, swept_xact) ON tenant TO counterfoil_app;

-- The few reads and one write that come before a tenant is known. Each answers one narrow question.
CREATE FUNCTION find_api_key(wanted text)
    RETURNS TABLE (key_tenant integer, mode text, secret_hash bytea, role text, name text, revoked_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT k.tenant, t.mode, k.secret_hash, k.role, k.name, k.revoked_at
    FROM api_key k JOIN tenant t ON t.tenant = k.tenant WHERE k.key_id = wanted
$$;
CREATE FUNCTION find_tenant(wanted uuid) RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT t.tenant FROM tenant t WHERE t.tenant_ref = wanted
$$;
CREATE FUNCTION all_tenants() RETURNS TABLE (id integer, tenant_ref uuid, name text, mode text, clock_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT t.tenant, t.tenant_ref, t.name, t.mode, t.clock_at FROM tenant t ORDER BY t.tenant
$$;
CREATE FUNCTION add_tenant(the_ref uuid, the_company uuid, the_name text, the_mode text, origin text, the_key bytea, the_public text, now_at timestamptz)
    RETURNS integer LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public AS $$
    INSERT INTO tenant (tenant_ref, company_ref, name, mode, log_origin, log_key, log_public, created_at)
    VALUES (the_ref, the_company, the_name, the_mode, origin, the_key, the_public, now_at) RETURNING tenant.tenant
$$;
REVOKE ALL ON FUNCTION find_api_key(text), find_tenant(uuid), all_tenants(), add_tenant(uuid, uuid, text, text, text, bytea, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_api_key(text), find_tenant(uuid), all_tenants(), add_tenant(uuid, uuid, text, text, text, bytea, text, timestamptz) TO counterfoil_app;

-- A table that begins to fill has no statistics: the planner then takes any index that begins with the tenant for the row that
-- a foreign key names, reads all of the tenant's rows through it, and keeps that plan. Say that tenants are few until
-- autovacuum knows better (PostgreSQL 18; before, the first minute of a new database is slower).
DO $$
DECLARE t text;
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        FOR t IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
                 AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant')
        LOOP
            PERFORM pg_restore_attribute_stats('schemaname', 'public', 'relname', t, 'attname', 'tenant', 'inherited', false,
                                               'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1::real);
        END LOOP;
    END IF;
END $$;
