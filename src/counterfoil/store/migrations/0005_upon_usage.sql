-- Usage that is billed as it comes: the documents of a period's usage, and which event is on which of them.

CREATE TABLE usage_child (
    tenant       integer NOT NULL,
    product_ref  uuid NOT NULL,
    starts       date NOT NULL,
    version      integer NOT NULL,
    n            integer NOT NULL CHECK (n > 0),
    contract_ref uuid NOT NULL,
    document_ref uuid NOT NULL,
    parent_ref   uuid NOT NULL,
    through      jsonb NOT NULL,
    PRIMARY KEY (tenant, product_ref, starts, version, n),
    UNIQUE (tenant, document_ref),
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE usage_child IS 'the n-th document of the usage of a billing period (product, first day, version) that is billed as it comes';
COMMENT ON COLUMN usage_child.parent_ref IS 'the document of the period itself; it may be issued later, under this reference';
COMMENT ON COLUMN usage_child.through IS 'by line item, what was billed of the period up to this document: quantity and exact amount';
CREATE INDEX usage_child_by_contract ON usage_child (tenant, contract_ref);

CREATE TABLE usage_charge (
    tenant       integer NOT NULL,
    product_ref  uuid NOT NULL,
    event_ref    uuid NOT NULL,
    document_ref uuid NOT NULL,
    released     boolean NOT NULL DEFAULT false,
    xact         bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    back_xact    bigint,
    CHECK (released = (back_xact IS NOT NULL)),
    PRIMARY KEY (tenant, document_ref, event_ref),
    FOREIGN KEY (tenant, event_ref) REFERENCES usage_event,
    FOREIGN KEY (tenant, document_ref) REFERENCES document
);
COMMENT ON TABLE usage_charge IS 'an event of a contract product that is billed on a usage_child: on one of them, by its unique index';
COMMENT ON COLUMN usage_charge.released IS 'given back: the event was corrected or deleted, or its day belongs to another version now';
COMMENT ON COLUMN usage_charge.xact IS 'the transaction that billed it: from then on no other document counts it';
COMMENT ON COLUMN usage_charge.back_xact IS 'the transaction that gave it back: from then on others may count it';
CREATE UNIQUE INDEX usage_charge_once ON usage_charge (tenant, product_ref, event_ref) WHERE NOT released;

ALTER TABLE coverage ADD COLUMN upon_usage boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN coverage.upon_usage IS 'its events are billed as they come';

-- Tenants apart, and few of them until autovacuum knows better (as in the first migration) ---------------------------

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['usage_child', 'usage_charge'] LOOP
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
