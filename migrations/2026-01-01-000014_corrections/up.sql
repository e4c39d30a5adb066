-- Corrections of posted bills. A segment that is billed again names the one whose place it takes, and stands
-- beside it under the bill that first had it; its transactions fall on the account's next bill. One that was
-- taken back on its own bill, while that was open again, is withdrawn: no document has ever shown it.
ALTER TABLE segments ADD COLUMN rebills_id bigint, ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;
ALTER TABLE segments ADD CHECK (NOT withdrawn OR state = 'cancelled');

ALTER TABLE bills DROP CONSTRAINT bills_state_check,
    ADD CHECK (state IN ('pending', 'complete', 'cancelled')),
    ADD COLUMN kind text NOT NULL DEFAULT 'regular' CHECK (kind IN ('regular', 'off_cycle', 'credit_note')),
    ADD COLUMN reopened_at timestamptz;
-- One live regular bill per account and window.
DROP INDEX bills_window;
CREATE UNIQUE INDEX bills_window ON bills (account_id, window_id)
    WHERE window_id IS NOT NULL AND state <> 'cancelled';

-- What was done to posted bills, one row per bill and action. The segments stand in the order of their days.
CREATE TABLE corrections (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    bill_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('cancel', 'rebill', 'credit_note', 'reopen', 'complete', 'discard')),
    credit_note_id bigint,
    service_point_id bigint,
    proposal_id bigint,
    cancelled_segment_ids bigint[] NOT NULL,
    new_segment_ids bigint[] NOT NULL,
    cancelled_minor bigint NOT NULL,
    new_minor bigint NOT NULL,
    reason text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK ((service_point_id IS NULL) = (proposal_id IS NULL))
);
SELECT app_distribute('corrections');
ALTER TABLE corrections ADD FOREIGN KEY (account_id, bill_id) REFERENCES bills (account_id, id);
CREATE INDEX corrections_bill ON corrections (account_id, bill_id);

-- What corrections change is posted under the window and run of the bill, of no test.
ALTER TABLE run_totals ALTER COLUMN run_id DROP NOT NULL, ALTER COLUMN window_id DROP NOT NULL,
    ALTER COLUMN test_id DROP NOT NULL;

ALTER TABLE rebill_proposals DROP CONSTRAINT rebill_proposals_state_check,
    ADD CHECK (state IN ('open', 'approved', 'dismissed', 'withdrawn'));

-- What an adjustment is for, where more hangs on it than its ledger account; the two sides of a transfer name
-- each other.
ALTER TABLE adjustment_types ADD COLUMN purpose text NOT NULL DEFAULT 'general'
    CHECK (purpose IN ('general', 'late_charge', 'write_off', 'transfer'));
ALTER TABLE adjustments ADD COLUMN other_account_id bigint, ADD COLUMN other_id bigint,
    ADD CHECK ((other_account_id IS NULL) = (other_id IS NULL));

-- Corrections of many bills: what is asked of each, and what became of it. A preview keeps the figures alone.
CREATE TABLE bulk_correction_items (
    account_id bigint NOT NULL,
    operation_id bigint NOT NULL,
    bill_id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'done', 'refused')),
    correction_id bigint,
    cancelled_minor bigint NOT NULL,
    new_minor bigint NOT NULL,
    code text,
    detail text,
    PRIMARY KEY (account_id, operation_id, bill_id),
    CHECK ((state = 'refused') = (code IS NOT NULL))
);
SELECT app_distribute('bulk_correction_items');
CREATE INDEX bulk_correction_items_operation ON bulk_correction_items (operation_id, account_id);
ALTER TABLE operations DROP CONSTRAINT operations_kind_check, ADD CONSTRAINT operations_kind_check CHECK (kind IN (
    'reading_import', 'reading_import_undo', 'bill_test', 'bill_accept', 'invoice_run', 'delivery_send',
    'payment_run', 'what_if', 'bill_correction'));
-- Bills that are open again are few, and asked for by every acceptance.
CREATE INDEX bills_pending ON bills (account_id) WHERE state = 'pending';
