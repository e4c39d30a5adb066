CREATE TABLE bills (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    number bigint NOT NULL,
    window_id bigint,
    run_id bigint,
    previous_bill_id bigint,
    state text NOT NULL CHECK (state IN ('pending', 'complete')),
    bill_on date NOT NULL,
    due_on date NOT NULL,
    period_first_on date NOT NULL,
    period_last_on date NOT NULL,
    previous_minor bigint NOT NULL,
    swept_minor bigint NOT NULL,
    new_minor bigint NOT NULL,
    ending_minor bigint NOT NULL,
    routings jsonb NOT NULL,
    completed_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (previous_minor + swept_minor + new_minor = ending_minor)
);
SELECT app_distribute('bills');
ALTER TABLE bills ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);
-- One live regular bill per account and window.
CREATE UNIQUE INDEX bills_window ON bills (account_id, window_id) WHERE window_id IS NOT NULL;
CREATE INDEX bills_run ON bills (run_id, account_id);

-- Directory: bill number → account. Written with the bills of a chunk.
CREATE TABLE bill_directory (
    number bigint PRIMARY KEY,
    account_id bigint NOT NULL,
    bill_id bigint NOT NULL
);
SELECT app_distribute_by('bill_directory', 'number');

-- The document is written once and read whole: json keeps its text, where jsonb would build a tree first.
CREATE TABLE segments (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    bill_id bigint NOT NULL,
    contract_id bigint NOT NULL,
    schedule_id bigint,
    state text NOT NULL CHECK (state IN ('frozen', 'pending_cancel', 'cancelled')),
    first_on date NOT NULL,
    last_on date NOT NULL,
    total_minor bigint NOT NULL,
    estimated boolean NOT NULL,
    document json NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (first_on <= last_on)
);
SELECT app_distribute('segments');
-- No foreign key to bills: one writer makes both in one transaction, and `verify` looks for its bill.

-- Immutable. An FT written by a completion is born on its bill; every other FT is swept onto one
-- by a row in swept_fts.
CREATE TABLE fts (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('segment', 'segment_cancel', 'adjustment', 'adjustment_cancel', 'payment', 'payment_cancel')),
    source_id bigint NOT NULL,
    born_on_bill_id bigint,
    current_minor bigint NOT NULL,
    payoff_minor bigint NOT NULL,
    accounting_on date NOT NULL,
    effective_on date NOT NULL,
    due_on date,
    posted_at timestamptz NOT NULL,
    gl_account_ids bigint[] NOT NULL,
    gl_minor bigint[] NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (cardinality(gl_account_ids) = cardinality(gl_minor))
);
SELECT app_distribute('fts');
CREATE INDEX fts_loose ON fts (account_id, id) WHERE born_on_bill_id IS NULL;

CREATE TABLE swept_fts (
    account_id bigint NOT NULL,
    ft_id bigint NOT NULL,
    bill_id bigint NOT NULL,
    PRIMARY KEY (account_id, ft_id)
);
SELECT app_distribute('swept_fts');
ALTER TABLE swept_fts ADD FOREIGN KEY (account_id, ft_id) REFERENCES fts (account_id, id);
ALTER TABLE swept_fts ADD FOREIGN KEY (account_id, bill_id) REFERENCES bills (account_id, id);
CREATE INDEX swept_fts_bill ON swept_fts (account_id, bill_id);

CREATE TABLE adjustments (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    type_id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('posted', 'cancelled')),
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    effective_on date NOT NULL,
    reason text NOT NULL,
    client_reference text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('adjustments');
ALTER TABLE adjustments ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);
ALTER TABLE adjustments ADD FOREIGN KEY (type_id) REFERENCES adjustment_types (id);
CREATE UNIQUE INDEX adjustments_reference ON adjustments (account_id, client_reference);

-- Part of a credit joined to one debit. Freed rows stay, marked.
CREATE TABLE allocations (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    credit_ft_id bigint NOT NULL,
    debit_ft_id bigint NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    freed_at timestamptz,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('allocations');
ALTER TABLE allocations ADD FOREIGN KEY (account_id, credit_ft_id) REFERENCES fts (account_id, id);
ALTER TABLE allocations ADD FOREIGN KEY (account_id, debit_ft_id) REFERENCES fts (account_id, id);
CREATE INDEX allocations_credit ON allocations (account_id, credit_ft_id) WHERE freed_at IS NULL;
CREATE INDEX allocations_debit ON allocations (account_id, debit_ft_id) WHERE freed_at IS NULL;
