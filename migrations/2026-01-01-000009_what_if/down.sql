DROP TABLE what_if_totals;
DROP TABLE what_if_accounts;
DROP TABLE what_if_runs;
DELETE FROM chunks WHERE operation_id IN (SELECT id FROM operations WHERE kind = 'what_if');
DELETE FROM operations WHERE kind = 'what_if';
ALTER TABLE operations DROP CONSTRAINT operations_kind_check;
ALTER TABLE operations ADD CONSTRAINT operations_kind_check CHECK (kind IN (
    'reading_import', 'bill_test', 'bill_accept', 'invoice_run', 'delivery_send', 'payment_run'));
