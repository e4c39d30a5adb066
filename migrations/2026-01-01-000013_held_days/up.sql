-- The rules that a day of interval data broke when it came in, so that the review sees them; nothing is
-- known of days stored before. A day that is replaced keeps when that was.
ALTER TABLE interval_days ADD COLUMN rules text;
ALTER TABLE interval_days_past ADD COLUMN rules text;
ALTER TABLE interval_days_past ADD COLUMN replaced_at timestamptz;
