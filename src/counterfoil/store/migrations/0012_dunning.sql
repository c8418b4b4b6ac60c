-- Dunning: what is done about documents that are not paid, by which policy, and what was done.

CREATE TABLE dunning_policy (
    tenant     integer NOT NULL REFERENCES tenant,
    policy_ref uuid NOT NULL,
    name       text NOT NULL CHECK (name <> ''),
    spec       jsonb NOT NULL,
    is_default boolean NOT NULL DEFAULT false,
    is_enabled boolean NOT NULL DEFAULT true,
    since      timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, policy_ref),
    UNIQUE (tenant, name)
);
COMMENT ON COLUMN dunning_policy.since IS 'it says what it says now since then; what would have been due before is not done';
CREATE UNIQUE INDEX dunning_policy_default ON dunning_policy (tenant) WHERE is_default;

CREATE TABLE dunning_choice (
    tenant       integer NOT NULL,
    contract_ref uuid NOT NULL,
    policy_ref   uuid,
    PRIMARY KEY (tenant, contract_ref),
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract,
    FOREIGN KEY (tenant, policy_ref) REFERENCES dunning_policy
);
COMMENT ON TABLE dunning_choice IS 'the policy of a contract; without a policy nothing is done about its documents';

CREATE TABLE dunning_hold (
    tenant       integer NOT NULL,
    customer_ref uuid NOT NULL,
    reason       text NOT NULL,
    since        timestamptz NOT NULL,
    until        date,
    PRIMARY KEY (tenant, customer_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer
);
COMMENT ON TABLE dunning_hold IS 'nothing is done about a customer''s documents, those of later among them';

CREATE TABLE dunning_chase (
    tenant       integer NOT NULL,
    document_ref uuid NOT NULL,
    customer_ref uuid NOT NULL,
    entity_ref   uuid NOT NULL,
    contract_ref uuid,
    policy_ref   uuid NOT NULL,
    state        text NOT NULL CHECK (state IN ('running', 'paused', 'stopped')),
    round        integer NOT NULL DEFAULT 1 CHECK (round > 0),
    base_on      date NOT NULL,
    from_day     integer NOT NULL,
    failed_on    date,
    failures     integer NOT NULL DEFAULT 0,
    paused_on    date,
    paused_until date,
    why          text NOT NULL DEFAULT '',
    next_at      timestamptz,
    begun_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, document_ref),
    FOREIGN KEY (tenant, document_ref) REFERENCES document,
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, policy_ref) REFERENCES dunning_policy
);
COMMENT ON TABLE dunning_chase IS 'where a document stands: days count from base_on, and somebody looks at it at next_at';
COMMENT ON COLUMN dunning_chase.round IS 'a document whose payment was taken back begins another';
CREATE INDEX dunning_chase_due ON dunning_chase (tenant, next_at, document_ref) WHERE next_at IS NOT NULL;
CREATE INDEX dunning_chase_by_customer ON dunning_chase (tenant, customer_ref);
CREATE INDEX dunning_chase_by_policy ON dunning_chase (tenant, policy_ref);
CREATE INDEX dunning_chase_by_contract ON dunning_chase (tenant, contract_ref) WHERE contract_ref IS NOT NULL;

CREATE TABLE dunning_step (
    tenant       integer NOT NULL,
    document_ref uuid NOT NULL,
    round        integer NOT NULL,
    key          text NOT NULL,
    kind         text NOT NULL,
    policy_ref   uuid NOT NULL,
    due_at       timestamptz NOT NULL,
    at           timestamptz NOT NULL,
    outcome      text NOT NULL,
    detail       text NOT NULL DEFAULT '',
    promise_ref  uuid,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, document_ref, round, key),
    FOREIGN KEY (tenant, document_ref) REFERENCES dunning_chase
);
COMMENT ON TABLE dunning_step IS 'what was done about a document: each step of a round once';
CREATE INDEX dunning_step_by_date ON dunning_step (tenant, due_at, seq);
CREATE TRIGGER dunning_steps_stay BEFORE UPDATE OR DELETE ON dunning_step
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE dunning_campaign (
    tenant       integer NOT NULL,
    customer_ref uuid NOT NULL,
    entity_ref   uuid NOT NULL,
    policy_ref   uuid NOT NULL,
    episode      integer NOT NULL DEFAULT 1 CHECK (episode > 0),
    next_at      timestamptz,
    PRIMARY KEY (tenant, customer_ref, entity_ref, policy_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity,
    FOREIGN KEY (tenant, policy_ref) REFERENCES dunning_policy
);
COMMENT ON COLUMN dunning_campaign.episode IS 'a customer who owed nothing in between begins another, with as many requests';
CREATE INDEX dunning_campaign_due ON dunning_campaign (tenant, next_at) WHERE next_at IS NOT NULL;

CREATE TABLE dunning_request (
    tenant       integer NOT NULL,
    customer_ref uuid NOT NULL,
    entity_ref   uuid NOT NULL,
    policy_ref   uuid NOT NULL,
    episode      integer NOT NULL,
    currency     text NOT NULL,
    n            integer NOT NULL CHECK (n > 0),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    documents    uuid[] NOT NULL,
    at           timestamptz NOT NULL,
    outcome      text NOT NULL,
    promise_ref  uuid,
    PRIMARY KEY (tenant, customer_ref, entity_ref, policy_ref, episode, currency, n),
    FOREIGN KEY (tenant, customer_ref, entity_ref, policy_ref) REFERENCES dunning_campaign
);
CREATE TRIGGER dunning_requests_stay BEFORE UPDATE OR DELETE ON dunning_request
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

SELECT keep_apart(ARRAY['dunning_policy', 'dunning_choice', 'dunning_hold', 'dunning_chase', 'dunning_step',
                        'dunning_campaign', 'dunning_request']);
