ALTER TABLE operations DROP CONSTRAINT operations_kind_check;
ALTER TABLE operations ADD CONSTRAINT operations_kind_check CHECK (kind IN (
    'reading_import', 'bill_test', 'bill_accept', 'invoice_run', 'delivery_send', 'payment_run', 'what_if'));

-- A trial of other rates on what has been billed. Nothing is posted.
CREATE TABLE what_if_runs (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    operation_id bigint NOT NULL,
    from_on date NOT NULL,
    to_on date NOT NULL,
    scope jsonb NOT NULL,
    replacements jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    CHECK (from_on <= to_on)
);

-- One row per account that had anything to rate again, written once with its chunk. Of one that the
-- other rate cannot price nothing but what was billed is known: its difference is kept as 0, and
-- it is in no sum.
CREATE TABLE what_if_accounts (
    account_id bigint NOT NULL,
    run_id bigint NOT NULL,
    class_code text NOT NULL,
    segments integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('winner', 'loser', 'unchanged', 'error')),
    billed_minor bigint NOT NULL,
    alternative_minor bigint,
    difference_minor bigint NOT NULL,
    error_code text,
    error_detail text,
    PRIMARY KEY (account_id, run_id),
    CHECK ((outcome = 'error') = (alternative_minor IS NULL)),
    CHECK ((outcome = 'error') = (error_code IS NOT NULL)),
    CHECK (difference_minor = coalesce(alternative_minor - billed_minor, 0)),
    CHECK (sign(difference_minor) = CASE outcome WHEN 'winner' THEN -1 WHEN 'loser' THEN 1 ELSE 0 END)
);
SELECT app_distribute('what_if_accounts');
CREATE INDEX what_if_accounts_run ON what_if_accounts (run_id, account_id);
CREATE INDEX what_if_accounts_difference ON what_if_accounts (run_id, difference_minor, account_id);
CREATE INDEX what_if_accounts_errors ON what_if_accounts (run_id, account_id) WHERE outcome = 'error';

-- Totals per chunk and class: a run adds them up at any time, also while it is under way.
CREATE TABLE what_if_totals (
    id bigint PRIMARY KEY,
    run_id bigint NOT NULL,
    class_code text NOT NULL,
    winners bigint NOT NULL,
    losers bigint NOT NULL,
    unchanged bigint NOT NULL,
    errors bigint NOT NULL,
    billed_minor bigint NOT NULL,
    alternative_minor bigint NOT NULL
);
CREATE INDEX what_if_totals_run ON what_if_totals (run_id, class_code);
