-- A register without dials, which gives interval data.
ALTER TABLE registers DROP CONSTRAINT registers_kind_check;
ALTER TABLE registers ADD CONSTRAINT registers_kind_check CHECK (kind IN ('subtractive', 'consumptive', 'interval'));

-- What rates call the quantity of a register that counts something else than what the customer took:
-- `export`.
ALTER TABLE registers ADD COLUMN quantity_name text;

-- Interval data: one row per register and civil day, the values packed (metering::IntervalDay); what
-- charts and bills of totals need stands beside them. A month is a partition, made when its first day
-- comes in. `missing` and `estimated` count intervals.
CREATE TABLE interval_days (
    service_point_id bigint NOT NULL,
    register_id bigint NOT NULL,
    import_id bigint,
    total numeric(28, 10) NOT NULL,
    highest numeric(28, 10),
    packed bytea NOT NULL,
    day date NOT NULL,
    minutes smallint NOT NULL CHECK (minutes IN (5, 10, 15, 20, 30, 60)),
    missing smallint NOT NULL,
    estimated smallint NOT NULL,
    is_held boolean NOT NULL,
    PRIMARY KEY (service_point_id, register_id, day)
) PARTITION BY RANGE (day);
SELECT app_distribute_by('interval_days', 'service_point_id');

-- Days as they were before later data replaced them, or an import was undone.
CREATE TABLE interval_days_past (
    service_point_id bigint NOT NULL,
    id bigint NOT NULL,
    register_id bigint NOT NULL,
    import_id bigint,
    total numeric(28, 10) NOT NULL,
    highest numeric(28, 10),
    packed bytea NOT NULL,
    day date NOT NULL,
    minutes smallint NOT NULL,
    missing smallint NOT NULL,
    estimated smallint NOT NULL,
    is_held boolean NOT NULL,
    replaced_by_import_id bigint,
    PRIMARY KEY (service_point_id, id)
);
SELECT app_distribute_by('interval_days_past', 'service_point_id');
CREATE INDEX interval_days_past_day ON interval_days_past (service_point_id, register_id, day);

-- Rows of an import lie side by side: a block range is all that finding them takes.
DROP INDEX reads_import;
CREATE INDEX reads_import ON reads USING brin (import_id);

-- Reads that are not valid are few and looked for by register and day.
CREATE INDEX reads_not_valid ON reads (service_point_id, register_id, read_on) WHERE status <> 'valid';

-- How files are read, by the utility's own names (meterdata::FileForm).
CREATE TABLE reading_formats (
    id bigint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    form jsonb NOT NULL,
    version bigint NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);

ALTER TABLE reading_imports RENAME COLUMN mapping TO form;
UPDATE reading_imports SET form = form || '{"format": "csv"}';
ALTER TABLE reading_imports ADD COLUMN undone_at timestamptz;
ALTER TABLE reading_imports ADD COLUMN undone_by text;
ALTER TABLE reading_imports ADD COLUMN undone_reason text;
ALTER TABLE reading_imports ADD CHECK ((undone_at IS NULL) = (undone_by IS NULL));

-- Formats that are not of lines may have many records on one.
ALTER TABLE reading_import_rejections ADD COLUMN place integer NOT NULL DEFAULT 0;
ALTER TABLE reading_import_rejections ALTER COLUMN place DROP DEFAULT;
ALTER TABLE reading_import_rejections DROP CONSTRAINT reading_import_rejections_pkey;
ALTER TABLE reading_import_rejections ADD PRIMARY KEY (import_id, line, place);

ALTER TABLE operations DROP CONSTRAINT operations_kind_check;
ALTER TABLE operations ADD CONSTRAINT operations_kind_check CHECK (kind IN (
    'reading_import', 'reading_import_undo', 'bill_test', 'bill_accept', 'invoice_run', 'delivery_send',
    'payment_run', 'what_if'));

-- Estimates: whether the kind of contract and the rate allow them, and from which day on a window has them.
ALTER TABLE contract_types ADD COLUMN estimation boolean NOT NULL DEFAULT true;
ALTER TABLE rate_schedules ADD COLUMN estimation boolean NOT NULL DEFAULT true;
ALTER TABLE cycle_windows ADD COLUMN estimate_on date CHECK (estimate_on >= ends_on);

-- How missing reads are estimated (metering::EstimationRules), and the rules that reads are judged by
-- (metering::RuleBook).
ALTER TABLE settings ADD COLUMN estimation jsonb NOT NULL DEFAULT '{}';
ALTER TABLE settings ADD COLUMN read_rules jsonb NOT NULL DEFAULT '{"rules": []}';

-- What a class of customers uses on a day of each month (metering::UsageProfile).
CREATE TABLE usage_profiles (
    id bigint PRIMARY KEY,
    class_code text NOT NULL,
    commodity text NOT NULL,
    unit text NOT NULL,
    bucket text,
    per_day numeric(28, 10)[] NOT NULL CHECK (cardinality(per_day) = 12),
    version bigint NOT NULL,
    UNIQUE NULLS NOT DISTINCT (class_code, commodity, unit, bucket)
);
SELECT app_reference('usage_profiles');
ALTER TABLE usage_profiles ADD FOREIGN KEY (class_code) REFERENCES customer_classes (code);

-- Held days are few and looked for by the clerk who decides about them.
CREATE INDEX interval_days_held ON interval_days (service_point_id, register_id, day) WHERE is_held;

-- What an export of the meters to read was written as, and of which registers. The length of those kept
-- before is not known.
ALTER TABLE reading_exports ADD COLUMN format text NOT NULL DEFAULT 'reading-export';
ALTER TABLE reading_exports ALTER COLUMN format DROP DEFAULT;
ALTER TABLE reading_exports ADD COLUMN only_rereads boolean NOT NULL DEFAULT false;
ALTER TABLE reading_exports ALTER COLUMN only_rereads DROP DEFAULT;
ALTER TABLE reading_exports ADD COLUMN bytes bigint;

-- Orders to read again: one register of a service point, or all of them. The flag is the one whose review
-- ordered it, the read the one that did it.
CREATE TABLE reread_orders (
    service_point_id bigint NOT NULL,
    id bigint NOT NULL,
    register_id bigint,
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'done', 'cancelled')),
    ordered_by text NOT NULL,
    ordered_at timestamptz NOT NULL,
    flag_account_id bigint,
    flag_id bigint,
    read_id bigint,
    done_at timestamptz,
    cancelled_by text,
    cancelled_at timestamptz,
    cancelled_reason text,
    PRIMARY KEY (service_point_id, id),
    CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CHECK ((state = 'cancelled') = (cancelled_at IS NOT NULL))
);
SELECT app_distribute_by('reread_orders', 'service_point_id');
CREATE UNIQUE INDEX reread_orders_open ON reread_orders (service_point_id, coalesce(register_id, 0))
    WHERE state = 'open';
