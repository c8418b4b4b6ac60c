-- Plans that customers subscribe to by themselves, the links that lead to them, and which plan a subscription has when.

CREATE TABLE plan (
    tenant      integer NOT NULL,
    plan_ref    uuid NOT NULL,
    name        text NOT NULL,
    external_id text,
    product_ref uuid,
    body        jsonb NOT NULL,
    profile     jsonb NOT NULL DEFAULT '{}',
    is_active   boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    archived_at timestamptz,
    PRIMARY KEY (tenant, plan_ref),
    UNIQUE (tenant, external_id),
    FOREIGN KEY (tenant, product_ref) REFERENCES product
);
COMMENT ON COLUMN plan.body IS 'the terms; whoever has subscribed keeps those of then';
COMMENT ON COLUMN plan.product_ref IS 'the product that a plan of the Paid API prices; profile says how';
CREATE INDEX plan_by_date ON plan (tenant, created_at, plan_ref);
CREATE INDEX plan_by_product ON plan (tenant, product_ref) WHERE product_ref IS NOT NULL;

CREATE TABLE checkout_link (
    tenant       integer NOT NULL,
    link_ref     uuid NOT NULL,
    plans        uuid[] NOT NULL,
    customer_ref uuid,
    body         jsonb NOT NULL,
    metadata     text NOT NULL DEFAULT '',
    single_use   boolean NOT NULL DEFAULT false,
    is_permanent boolean NOT NULL DEFAULT false,
    state        text NOT NULL CHECK (state IN ('active', 'completed', 'archived')),
    expires_at   timestamptz,
    contract_ref uuid,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, link_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract
);
COMMENT ON COLUMN checkout_link.is_permanent IS 'the link that every plan has by itself';
COMMENT ON COLUMN checkout_link.contract_ref IS 'the subscription that was made with it last';
CREATE INDEX checkout_link_by_date ON checkout_link (tenant, created_at, link_ref);

CREATE TABLE subscription (
    tenant        integer NOT NULL,
    contract_ref  uuid NOT NULL,
    customer_ref  uuid NOT NULL,
    link_ref      uuid,
    attempt       text,
    order_ref     uuid,
    trial_ends_on date,
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, contract_ref),
    UNIQUE (tenant, link_ref, attempt),
    FOREIGN KEY (tenant, contract_ref) REFERENCES contract,
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer,
    FOREIGN KEY (tenant, link_ref) REFERENCES checkout_link,
    FOREIGN KEY (tenant, order_ref) REFERENCES sales_order
);
COMMENT ON COLUMN subscription.attempt IS 'what the form was sent with: sent twice, it subscribes once';
COMMENT ON COLUMN subscription.trial_ends_on IS 'the first billed day, where the days before are free';
CREATE INDEX subscription_by_customer ON subscription (tenant, customer_ref);
CREATE INDEX subscription_by_date ON subscription (tenant, created_at, contract_ref);

CREATE TABLE subscription_plan (
    tenant       integer NOT NULL,
    contract_ref uuid NOT NULL,
    version      integer NOT NULL,
    since        date NOT NULL,
    plan_ref     uuid NOT NULL,
    quantity     integer NOT NULL CHECK (quantity > 0),
    at           timestamptz NOT NULL,
    actor        text NOT NULL,
    PRIMARY KEY (tenant, contract_ref, version),
    FOREIGN KEY (tenant, contract_ref, version) REFERENCES contract_version,
    FOREIGN KEY (tenant, contract_ref) REFERENCES subscription,
    FOREIGN KEY (tenant, plan_ref) REFERENCES plan
);
CREATE INDEX subscription_plan_by_plan ON subscription_plan (tenant, plan_ref);
CREATE TRIGGER subscription_plans_stay BEFORE UPDATE OR DELETE ON subscription_plan
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

SELECT keep_apart(ARRAY['plan', 'checkout_link', 'subscription', 'subscription_plan']);
