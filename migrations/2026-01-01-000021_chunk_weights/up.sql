-- How much work a chunk is, in the measure of its operation; and of a finished one who did it, and from when: what
-- tells how long the rest will take. The process and thread are for people and for that sum, never for a lease.
ALTER TABLE chunks ADD COLUMN weight bigint NOT NULL DEFAULT 1 CHECK (weight > 0);
ALTER TABLE chunks ADD COLUMN worker text;
ALTER TABLE chunks ADD COLUMN started_at timestamptz;
UPDATE chunks SET weight = greatest(cardinality(items), 1);
-- Meters with interval data are few, and make the accounts behind them heavy.
CREATE INDEX registers_interval ON registers (service_point_id) WHERE kind = 'interval';
