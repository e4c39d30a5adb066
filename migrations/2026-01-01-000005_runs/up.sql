CREATE TABLE bill_runs (
    id bigint PRIMARY KEY,
    window_id bigint NOT NULL,
    name text NOT NULL,
    owner text NOT NULL,
    scope jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('scheduled', 'running', 'tested', 'accepting', 'accepted', 'invoicing',
                                         'invoiced', 'closed', 'paused', 'cancelled', 'failed')),
    accounts bigint NOT NULL,
    latest_test_id bigint,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);
ALTER TABLE bill_runs ADD FOREIGN KEY (window_id) REFERENCES cycle_windows (id);
CREATE INDEX bill_runs_window ON bill_runs (window_id, id);

CREATE TABLE run_items (
    account_id bigint NOT NULL,
    run_id bigint NOT NULL,
    window_id bigint NOT NULL,
    site_id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'drafted', 'error', 'deferred', 'skipped', 'accepted', 'held', 'stale')),
    live boolean NOT NULL,
    bill_id bigint,
    reason text,
    approved_by text,
    PRIMARY KEY (account_id, run_id)
) WITH (fillfactor = 50);
SELECT app_distribute('run_items');
CREATE UNIQUE INDEX run_items_live ON run_items (account_id, window_id) WHERE live;
CREATE INDEX run_items_run ON run_items (run_id, account_id);

CREATE TABLE run_tests (
    id bigint PRIMARY KEY,
    run_id bigint NOT NULL REFERENCES bill_runs (id),
    number integer NOT NULL,
    operation_id bigint NOT NULL,
    previous_id bigint,
    as_of timestamptz NOT NULL,
    created_by text NOT NULL,
    UNIQUE (run_id, number)
);

-- One immutable row per account and test; a partition per run, dropped with it. The document is
-- written once and seldom read: json keeps its text, where jsonb would build a tree first.
CREATE TABLE drafts (
    run_id bigint NOT NULL,
    account_id bigint NOT NULL,
    test_id bigint NOT NULL,
    digest bytea NOT NULL,
    charges_digest bytea NOT NULL,
    state text NOT NULL,
    total_minor bigint NOT NULL,
    changed text NOT NULL CHECK (changed IN ('new', 'same', 'amount', 'outcome')),
    document json NOT NULL,
    PRIMARY KEY (account_id, test_id, run_id)
) PARTITION BY LIST (run_id);
-- Where the server has lz4, it packs a draft in a tenth of the time.
DO $$ BEGIN
    ALTER TABLE drafts ALTER COLUMN document SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;

-- Findings of a review. Rows only for accounts that have any.
CREATE TABLE flags (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    run_id bigint NOT NULL,
    test_id bigint NOT NULL,
    site_id bigint NOT NULL,
    contract_id bigint,
    schedule_id bigint,
    commodity text,
    register_id bigint,
    code text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('inform', 'warn', 'block')),
    value text NOT NULL,
    compared text NOT NULL,
    disposition text NOT NULL CHECK (disposition IN ('open', 'released', 'held', 'reread_ordered')),
    assignee text,
    decided_by text,
    decided_at timestamptz,
    reason text,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('flags');
CREATE INDEX flags_run ON flags (run_id, account_id, id);

CREATE TABLE bill_errors (
    account_id bigint NOT NULL,
    run_id bigint NOT NULL,
    contract_id bigint NOT NULL,
    code text NOT NULL,
    params jsonb NOT NULL,
    detail text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    attempts integer NOT NULL,
    open boolean NOT NULL,
    PRIMARY KEY (account_id, run_id, contract_id, code)
);
SELECT app_distribute('bill_errors');
CREATE INDEX bill_errors_run ON bill_errors (run_id, account_id);

-- Totals per chunk by rate and rule: what registers and reports add up.
CREATE TABLE run_totals (
    id bigint PRIMARY KEY,
    run_id bigint NOT NULL,
    window_id bigint NOT NULL,
    test_id bigint NOT NULL,
    posted boolean NOT NULL,
    commodity text NOT NULL,
    schedule_id bigint,
    rule text NOT NULL,
    unit text,
    quantity numeric(28, 10) NOT NULL,
    amount_minor bigint NOT NULL,
    lines bigint NOT NULL
);
CREATE INDEX run_totals_run ON run_totals (run_id, test_id, posted);
CREATE INDEX run_totals_window ON run_totals (window_id) WHERE posted;
