ALTER TABLE interval_days_past DROP COLUMN replaced_at;
ALTER TABLE interval_days_past DROP COLUMN rules;
ALTER TABLE interval_days DROP COLUMN rules;
