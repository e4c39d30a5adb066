DROP INDEX reads_import;
CREATE INDEX reads_import ON reads (import_id) WHERE import_id IS NOT NULL;
DROP TABLE interval_days_past;
DROP TABLE interval_days;
ALTER TABLE registers DROP COLUMN quantity_name;
ALTER TABLE registers DROP CONSTRAINT registers_kind_check;
ALTER TABLE registers ADD CONSTRAINT registers_kind_check CHECK (kind IN ('subtractive', 'consumptive'));
