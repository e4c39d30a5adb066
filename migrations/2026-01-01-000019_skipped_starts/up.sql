-- A start that was counted from a window that had been closed before is noted, with the reason.
ALTER TABLE schedule_starts DROP CONSTRAINT schedule_starts_state_check;
ALTER TABLE schedule_starts ADD CONSTRAINT schedule_starts_state_check
    CHECK (state IN ('started', 'refused', 'skipped'));
ALTER TABLE schedule_starts DROP CONSTRAINT schedule_starts_check;
ALTER TABLE schedule_starts ADD CONSTRAINT schedule_starts_check CHECK ((state = 'started') = (code IS NULL));
