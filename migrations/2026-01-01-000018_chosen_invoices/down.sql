ALTER TABLE invoice_runs DROP CONSTRAINT invoice_runs_check;
ALTER TABLE invoice_runs ALTER COLUMN window_id SET NOT NULL;
