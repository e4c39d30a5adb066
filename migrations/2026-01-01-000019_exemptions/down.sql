DROP TABLE tax_exemptions;
DELETE FROM schedule_starts WHERE state = 'skipped';
ALTER TABLE schedule_starts DROP CONSTRAINT schedule_starts_check;
ALTER TABLE schedule_starts ADD CONSTRAINT schedule_starts_check CHECK ((state = 'refused') = (code IS NOT NULL));
ALTER TABLE schedule_starts DROP CONSTRAINT schedule_starts_state_check;
ALTER TABLE schedule_starts ADD CONSTRAINT schedule_starts_state_check CHECK (state IN ('started', 'refused'));
