-- Bank accounts, what their statements say, and which payments their lines became.

CREATE TABLE bank_account (
    tenant     integer NOT NULL,
    account    text NOT NULL,
    entity_ref uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, account),
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity
);
COMMENT ON TABLE bank_account IS 'an account as statements name it (IBAN, or the bank''s own number), and whose it is';

CREATE TABLE bank_statement (
    tenant           integer NOT NULL,
    statement_ref    uuid NOT NULL,
    account          text NOT NULL,
    entity_ref       uuid NOT NULL,
    currency         text NOT NULL,
    format           text NOT NULL,
    number           text NOT NULL,
    file_name        text NOT NULL,
    is_overlapping   boolean NOT NULL,
    opened_on        date,
    closed_on        date,
    opening_minor    bigint,
    closing_minor    bigint,
    lines            integer NOT NULL,
    new_lines        integer NOT NULL,
    difference_minor bigint,
    notes            text[] NOT NULL DEFAULT '{}',
    imported_at      timestamptz NOT NULL,
    actor            text NOT NULL,
    seq              bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, statement_ref),
    FOREIGN KEY (tenant, account) REFERENCES bank_account,
    FOREIGN KEY (tenant, entity_ref) REFERENCES entity
);
COMMENT ON COLUMN bank_statement.difference_minor IS 'closing less opening and lines; null where a balance is not said';
CREATE INDEX bank_statement_by_time ON bank_statement (tenant, imported_at, statement_ref);

CREATE TABLE bank_line (
    tenant        integer NOT NULL,
    line_ref      uuid NOT NULL,
    statement_ref uuid NOT NULL,
    entity_ref    uuid NOT NULL,
    account       text NOT NULL,
    same_as       text NOT NULL,
    ordinal       integer NOT NULL,
    booked_on     date NOT NULL,
    value_on      date NOT NULL,
    currency      text NOT NULL,
    amount_minor  bigint NOT NULL,
    charges_minor bigint NOT NULL DEFAULT 0,
    is_reversal   boolean NOT NULL,
    party_name    text NOT NULL,
    party_account text NOT NULL,
    text          text NOT NULL,
    told          jsonb NOT NULL,
    state         text NOT NULL CHECK (state IN ('open', 'matched', 'ignored')),
    rounds        integer NOT NULL DEFAULT 0,
    payout        text,
    suggestions   jsonb NOT NULL DEFAULT '[]',
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant, line_ref),
    UNIQUE (tenant, same_as, ordinal),
    UNIQUE (tenant, payout),
    FOREIGN KEY (tenant, statement_ref) REFERENCES bank_statement,
    FOREIGN KEY (tenant, account) REFERENCES bank_account
);
COMMENT ON COLUMN bank_line.same_as IS 'SHA-256 of what makes two lines of an account look the same; ordinal counts those that do';
COMMENT ON COLUMN bank_line.told IS 'what else the bank says: references, code, parts';
COMMENT ON COLUMN bank_line.rounds IS 'how often it was matched';
CREATE INDEX bank_line_by_day ON bank_line (tenant, booked_on, line_ref);
CREATE INDEX bank_line_waiting ON bank_line (tenant, booked_on, line_ref) WHERE state = 'open';

CREATE TABLE bank_sighting (
    tenant        integer NOT NULL,
    line_ref      uuid NOT NULL,
    statement_ref uuid NOT NULL,
    PRIMARY KEY (tenant, line_ref, statement_ref),
    FOREIGN KEY (tenant, line_ref) REFERENCES bank_line,
    FOREIGN KEY (tenant, statement_ref) REFERENCES bank_statement
);
COMMENT ON TABLE bank_sighting IS 'which statements tell of a line';

CREATE TABLE bank_match (
    tenant      integer NOT NULL,
    match_ref   uuid NOT NULL,
    line_ref    uuid NOT NULL,
    what        text NOT NULL CHECK (what IN ('matched', 'undone', 'ignored', 'taken_up')),
    rule        text NOT NULL,
    confidence  numeric NOT NULL,
    why         text[] NOT NULL,
    payments    uuid[] NOT NULL DEFAULT '{}',
    refunds     uuid[] NOT NULL DEFAULT '{}',
    payout      text,
    at          timestamptz NOT NULL,
    actor       text NOT NULL,
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, match_ref),
    FOREIGN KEY (tenant, line_ref) REFERENCES bank_line
);
COMMENT ON TABLE bank_match IS 'what was decided about a line, by rule or by whom; the last row holds';
CREATE INDEX bank_match_by_line ON bank_match (tenant, line_ref, seq);
CREATE INDEX bank_match_by_payout ON bank_match (tenant, payout) WHERE payout IS NOT NULL;
CREATE TRIGGER matches_stay BEFORE UPDATE OR DELETE ON bank_match
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE bank_payer (
    tenant       integer NOT NULL,
    account      text NOT NULL,
    customer_ref uuid NOT NULL,
    times        integer NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, account, customer_ref),
    FOREIGN KEY (tenant, customer_ref) REFERENCES customer
);
COMMENT ON TABLE bank_payer IS 'accounts that customers paid from, as earlier matches taught';

SELECT keep_apart(ARRAY['bank_account', 'bank_statement', 'bank_line', 'bank_sighting', 'bank_match', 'bank_payer']);
