-- Days of an import lie side by side in their month; those that have moved to the past lie where they were
-- replaced.
CREATE INDEX interval_days_import ON interval_days USING brin (import_id) WITH (autosummarize = on);
CREATE INDEX interval_days_past_import ON interval_days_past (import_id) WHERE import_id IS NOT NULL;

-- Until when running work waits for what it needs outside.
ALTER TABLE operations ADD COLUMN retry_at timestamptz;
