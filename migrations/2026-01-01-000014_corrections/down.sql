DROP INDEX bills_pending;
ALTER TABLE operations DROP CONSTRAINT operations_kind_check, ADD CONSTRAINT operations_kind_check CHECK (kind IN (
    'reading_import', 'reading_import_undo', 'bill_test', 'bill_accept', 'invoice_run', 'delivery_send',
    'payment_run', 'what_if'));
DROP TABLE bulk_correction_items;
ALTER TABLE adjustments DROP COLUMN other_account_id, DROP COLUMN other_id;
ALTER TABLE adjustment_types DROP COLUMN purpose;
ALTER TABLE rebill_proposals DROP CONSTRAINT rebill_proposals_state_check,
    ADD CHECK (state IN ('open', 'dismissed', 'withdrawn'));
DELETE FROM run_totals WHERE test_id IS NULL;
ALTER TABLE run_totals ALTER COLUMN run_id SET NOT NULL, ALTER COLUMN window_id SET NOT NULL,
    ALTER COLUMN test_id SET NOT NULL;
DROP TABLE corrections;
DROP INDEX bills_window;
CREATE UNIQUE INDEX bills_window ON bills (account_id, window_id) WHERE window_id IS NOT NULL;
ALTER TABLE bills DROP COLUMN kind, DROP COLUMN reopened_at, DROP CONSTRAINT bills_state_check,
    ADD CHECK (state IN ('pending', 'complete'));
ALTER TABLE segments DROP COLUMN rebills_id, DROP COLUMN withdrawn;
