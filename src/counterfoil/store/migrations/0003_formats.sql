-- Bespoke usage formats with their versions, and uploaded files with their progress and results.

CREATE TABLE usage_format (
    tenant     integer NOT NULL REFERENCES tenant,
    format_ref uuid NOT NULL,
    name       text NOT NULL CHECK (name <> ''),
    version    integer NOT NULL CHECK (version > 0),
    deleted_at timestamptz,
    PRIMARY KEY (tenant, format_ref)
);
CREATE UNIQUE INDEX usage_format_by_name ON usage_format (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE usage_format_version (
    tenant     integer NOT NULL,
    format_ref uuid NOT NULL,
    version    integer NOT NULL,
    body       jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    actor      text NOT NULL,
    PRIMARY KEY (tenant, format_ref, version),
    FOREIGN KEY (tenant, format_ref) REFERENCES usage_format
);
CREATE TRIGGER usage_format_versions_stay BEFORE UPDATE OR DELETE ON usage_format_version
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE upload (
    tenant         integer NOT NULL REFERENCES tenant,
    upload_ref     uuid NOT NULL,
    file_name      text NOT NULL,
    size_bytes     bigint NOT NULL DEFAULT 0,
    sha256         bytea,
    shape          jsonb NOT NULL DEFAULT '{}',
    mapping        jsonb,
    format_ref     uuid,
    format_version integer,
    same_rows      boolean NOT NULL DEFAULT false,
    state          text NOT NULL CHECK (state IN ('received', 'checking', 'dry_run', 'running', 'done', 'failed')),
    next_line      bigint NOT NULL DEFAULT 1,
    bytes_done     bigint NOT NULL DEFAULT 0,
    rows           bigint NOT NULL DEFAULT 0,
    accepted       bigint NOT NULL DEFAULT 0,
    duplicates     bigint NOT NULL DEFAULT 0,
    refused        bigint NOT NULL DEFAULT 0,
    skipped        bigint NOT NULL DEFAULT 0,
    problems       jsonb NOT NULL DEFAULT '[]',
    fault          text NOT NULL DEFAULT '',
    created_by     text NOT NULL,
    created_at     timestamptz NOT NULL,
    started_at     timestamptz,
    ended_at       timestamptz,
    PRIMARY KEY (tenant, upload_ref)
);
COMMENT ON COLUMN upload.shape IS 'how the file is to be read: encoding, delimiter, quote, header, lines before it';
COMMENT ON COLUMN upload.mapping IS 'the format as it is applied: a later version of a named format changes nothing here';
COMMENT ON COLUMN upload.same_rows IS 'whether rows that say the same are one report, in this file and among files';
COMMENT ON COLUMN upload.next_line IS 'rows that begin before this line are done; it moves in the transaction that stores their events';
CREATE INDEX upload_at_work ON upload (tenant, upload_ref) WHERE state IN ('checking', 'running');
CREATE INDEX upload_by_content ON upload (tenant, sha256);

CREATE TABLE upload_piece (
    tenant     integer NOT NULL,
    upload_ref uuid NOT NULL,
    n          integer NOT NULL,
    bytes      bytea NOT NULL,
    PRIMARY KEY (tenant, upload_ref, n),
    FOREIGN KEY (tenant, upload_ref) REFERENCES upload ON DELETE CASCADE
);
COMMENT ON TABLE upload_piece IS 'the file, a mebibyte in each row';
ALTER TABLE upload_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE upload_result (
    tenant     integer NOT NULL,
    upload_ref uuid NOT NULL,
    first_line bigint NOT NULL,
    csv        bytea NOT NULL,
    PRIMARY KEY (tenant, upload_ref, first_line),
    FOREIGN KEY (tenant, upload_ref) REFERENCES upload ON DELETE CASCADE
);
COMMENT ON TABLE upload_result IS 'what became of each row: compressed CSV, written with the events of the same rows';
ALTER TABLE upload_result ALTER COLUMN csv SET STORAGE EXTERNAL;

-- Tenants apart, and few of them until autovacuum knows better (as in the first migration) ---------------------------

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['usage_format', 'usage_format_version', 'upload', 'upload_piece', 'upload_result'] LOOP
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
