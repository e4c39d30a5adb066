ALTER TABLE operations DROP COLUMN retry_at;
DROP INDEX interval_days_past_import;
DROP INDEX interval_days_import;
