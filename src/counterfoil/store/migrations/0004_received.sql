-- Logging in: keys that their owner named, and sessions of people; and where projected documents are found by reference.

CREATE TABLE api_login (
    tenant        integer NOT NULL,
    key_id        text NOT NULL,
    login         text NOT NULL CHECK (login <> ''),
    password_hash text NOT NULL,
    PRIMARY KEY (tenant, key_id),
    UNIQUE (tenant, login),
    FOREIGN KEY (tenant, key_id) REFERENCES api_key
);
COMMENT ON TABLE api_login IS 'API keys whose name and password their owner chose: the password is kept as a slow hash';
CREATE INDEX api_login_by_login ON api_login (login);

CREATE TABLE session (
    tenant     integer NOT NULL,
    token_hash bytea NOT NULL,
    person_ref uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, token_hash),
    FOREIGN KEY (tenant, person_ref) REFERENCES person
);
COMMENT ON TABLE session IS 'who is logged in, by the SHA-256 of what their cookie holds; instants are of the clock outside';
CREATE INDEX session_by_token ON session (token_hash);
CREATE INDEX session_by_person ON session (tenant, person_ref);
CREATE INDEX person_by_email ON person (email);

CREATE TABLE upcoming_document (
    tenant       integer NOT NULL,
    document_ref uuid NOT NULL,
    contract_ref uuid NOT NULL,
    issue_on     date NOT NULL,
    PRIMARY KEY (tenant, document_ref),
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract
);
COMMENT ON TABLE upcoming_document IS 'projected documents that somebody was told the reference of: which contract and date to project again';

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['api_login', 'session', 'upcoming_document'] LOOP
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
END $$;

-- What is asked before a tenant is known. Names and addresses are unique within a tenant only: the password decides.
CREATE FUNCTION find_api_logins(wanted text) RETURNS TABLE (key_tenant integer, key_id text, password_hash text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT l.tenant, l.key_id, l.password_hash FROM api_login l
    JOIN api_key k ON k.tenant = l.tenant AND k.key_id = l.key_id
    WHERE l.login = wanted AND k.revoked_at IS NULL ORDER BY k.created_at, l.tenant
$$;
CREATE FUNCTION find_people(wanted text)
    RETURNS TABLE (person_tenant integer, tenant_ref uuid, company_ref uuid, mode text, person_ref uuid, password_hash text, role text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT p.tenant, t.tenant_ref, t.company_ref, t.mode, p.person_ref, p.password_hash, p.role
    FROM person p JOIN tenant t ON t.tenant = p.tenant WHERE p.email = wanted ORDER BY t.mode, p.tenant
$$;
CREATE FUNCTION find_session(wanted bytea)
    RETURNS TABLE (session_tenant integer, mode text, person_ref uuid, role text, expires_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT s.tenant, t.mode, s.person_ref, p.role, s.expires_at FROM session s
    JOIN person p ON p.tenant = s.tenant AND p.person_ref = s.person_ref
    JOIN tenant t ON t.tenant = s.tenant WHERE s.token_hash = wanted
$$;
REVOKE ALL ON FUNCTION find_api_logins(text), find_people(text), find_session(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_api_logins(text), find_people(text), find_session(bytea) TO counterfoil_app;
