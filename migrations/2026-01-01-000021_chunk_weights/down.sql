DROP INDEX registers_interval;
ALTER TABLE chunks DROP COLUMN started_at;
ALTER TABLE chunks DROP COLUMN worker;
ALTER TABLE chunks DROP COLUMN weight;
