-- Delivery: what was promised to the world outside, how mail goes out, and how documents look.

CREATE TABLE promise (
    tenant      integer NOT NULL REFERENCES tenant,
    promise_ref uuid NOT NULL,
    kind        text NOT NULL,
    ref         uuid NOT NULL,
    payload     jsonb NOT NULL DEFAULT '{}',
    made_at     timestamptz NOT NULL,
    due_at      timestamptz NOT NULL,
    not_before  timestamptz,
    tries       integer NOT NULL DEFAULT 0,
    last_error  text,
    kept_at     timestamptz,
    PRIMARY KEY (tenant, promise_ref)
);
COMMENT ON TABLE promise IS 'what a flow promised in its own transaction, for a job to keep: at least once, known by its promise_ref';
COMMENT ON COLUMN promise.due_at IS 'by the tenant''s clock';
COMMENT ON COLUMN promise.not_before IS 'by the clock outside: a job has it until then, or it is tried again after';
CREATE INDEX promise_due ON promise (tenant, kind, due_at, promise_ref) WHERE kept_at IS NULL;
CREATE INDEX promise_by_ref ON promise (tenant, ref);
CREATE INDEX promise_by_date ON promise (tenant, kind, made_at, promise_ref);

CREATE TABLE mail_policy (
    tenant       integer NOT NULL REFERENCES tenant,
    sends        boolean NOT NULL,
    test_mailbox text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant)
);
COMMENT ON TABLE mail_policy IS 'whether documents go out by mail; a test tenant sends to its test mailbox or into its outbox, never to customers';

CREATE TABLE mail (
    tenant       integer NOT NULL,
    promise_ref  uuid NOT NULL,
    try          integer NOT NULL,
    document_ref uuid NOT NULL,
    message_id   text NOT NULL,
    via          text NOT NULL CHECK (via IN ('smtp', 'outbox')),
    subject      text NOT NULL,
    accepted     text[] NOT NULL,
    refused      jsonb NOT NULL DEFAULT '{}',
    at           timestamptz NOT NULL,
    PRIMARY KEY (tenant, promise_ref, try),
    FOREIGN KEY (tenant, promise_ref) REFERENCES promise
);
COMMENT ON TABLE mail IS 'what was handed to the mail server, or kept in the outbox of a test tenant; refused holds its words by address';
CREATE INDEX mail_by_date ON mail (tenant, at, promise_ref, try);
CREATE INDEX mail_by_document ON mail (tenant, document_ref);
CREATE TRIGGER mails_stay BEFORE UPDATE OR DELETE ON mail
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE layout (
    tenant     integer NOT NULL REFERENCES tenant,
    layout_ref uuid NOT NULL,
    name       text NOT NULL CHECK (name <> ''),
    is_default boolean NOT NULL DEFAULT false,
    spec       jsonb NOT NULL,
    logo       bytea NOT NULL DEFAULT '' CHECK (length(logo) <= 200000),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, layout_ref),
    UNIQUE (tenant, name)
);
COMMENT ON TABLE layout IS 'how documents look; a customer refers to one by its name in its settings';
CREATE UNIQUE INDEX layout_default ON layout (tenant) WHERE is_default;
CREATE INDEX customer_by_layout ON customer (tenant, (profile #>> '{settings,layout}'))
    WHERE profile #>> '{settings,layout}' IS NOT NULL;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['promise', 'mail_policy', 'mail', 'layout'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY own ON %I USING (tenant = current_tenant()) WITH CHECK (tenant = current_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO counterfoil_app', t);
        -- as at the end of the first migration: the planner is told that tenants are few until it knows better
        IF current_setting('server_version_num')::integer >= 180000 THEN
            PERFORM pg_restore_attribute_stats('schemaname', 'public', 'relname', t, 'attname', 'tenant', 'inherited', false,
                                               'null_frac', 0::real, 'avg_width', 4, 'n_distinct', 1::real);
        END IF;
    END LOOP;
    -- Nor that nearly all promises are kept: it would read and sort all of them for each few that are claimed.
    IF current_setting('server_version_num')::integer >= 180000 THEN
        PERFORM pg_restore_attribute_stats('schemaname', 'public', 'relname', 'promise', 'attname', 'kind', 'inherited', false,
                                           'null_frac', 0::real, 'avg_width', 14, 'n_distinct', 1::real);
        PERFORM pg_restore_attribute_stats('schemaname', 'public', 'relname', 'promise', 'attname', 'kept_at', 'inherited',
                                           false, 'null_frac', 0.9::real, 'avg_width', 8, 'n_distinct', -0.1::real);
        PERFORM pg_restore_attribute_stats('schemaname', 'public', 'relname', 'promise', 'attname', 'not_before', 'inherited',
                                           false, 'null_frac', 0.9::real, 'avg_width', 8, 'n_distinct', -0.1::real);
    END IF;
END $$;
