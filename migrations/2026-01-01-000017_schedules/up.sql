-- Work that starts by itself, for a cycle or for sites: by a cron pattern, or so many days from a day of a
-- window of the cycle. `next_at` is worked out again whenever what it rests on changes; none: nothing is ahead.
CREATE TABLE schedules (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    work text NOT NULL CHECK (work IN ('open_window', 'export_readings', 'bill_test', 'bill_accept', 'invoices', 'send',
                                       'payment_run', 'close_window')),
    cycle_id bigint REFERENCES bill_cycles (id),
    site_ids bigint[] NOT NULL,
    pattern text,
    counted_from text CHECK (counted_from IN ('starts_on', 'ends_on', 'bill_on')),
    days smallint,
    at_time time,
    business_days boolean NOT NULL,
    enabled boolean NOT NULL,
    next_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    version bigint NOT NULL,
    CHECK ((pattern IS NULL) <> (counted_from IS NULL)),
    CHECK ((counted_from IS NULL) = (days IS NULL) AND (counted_from IS NULL) = (at_time IS NULL)),
    CHECK (counted_from IS NULL OR cycle_id IS NOT NULL),
    CHECK (cycle_id IS NOT NULL OR cardinality(site_ids) > 0),
    CHECK (next_at IS NULL OR (enabled AND deleted_at IS NULL))
);
SELECT app_reference('schedules');
CREATE INDEX schedules_due ON schedules (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX schedules_cycle ON schedules (cycle_id, id);

-- One row per start: that it stands here is what keeps it from being started again.
CREATE TABLE schedule_starts (
    schedule_id bigint NOT NULL REFERENCES schedules (id),
    due_at timestamptz NOT NULL,
    window_id bigint,
    started_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('started', 'refused')),
    code text,
    detail text,
    results jsonb NOT NULL,
    PRIMARY KEY (schedule_id, due_at),
    CHECK ((state = 'refused') = (code IS NOT NULL))
);
SELECT app_reference('schedule_starts');

-- What a cycle does by itself after a test, an acceptance, an invoice run.
ALTER TABLE bill_cycles ADD COLUMN auto_accept boolean NOT NULL DEFAULT false;
ALTER TABLE bill_cycles ADD COLUMN auto_generate boolean NOT NULL DEFAULT false;
ALTER TABLE bill_cycles ADD COLUMN auto_send boolean NOT NULL DEFAULT false;

-- Sentences for bills: everybody's, or those that the named class, rate, cycle, account or bill (an account in
-- a window) have. Lower priority stands first.
CREATE TABLE bill_messages (
    id bigint PRIMARY KEY,
    source text NOT NULL CHECK (source IN ('utility', 'customer_class', 'rate_schedule', 'cycle', 'account', 'bill')),
    class_code text REFERENCES customer_classes (code),
    schedule_id bigint REFERENCES rate_schedules (id),
    cycle_id bigint REFERENCES bill_cycles (id),
    account_id bigint,
    window_id bigint REFERENCES cycle_windows (id),
    texts jsonb NOT NULL,
    from_on date,
    to_on date,
    priority smallint NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    CHECK (from_on <= to_on),
    CHECK ((source = 'customer_class') = (class_code IS NOT NULL)),
    CHECK ((source = 'rate_schedule') = (schedule_id IS NOT NULL)),
    CHECK ((source = 'cycle') = (cycle_id IS NOT NULL)),
    CHECK ((source IN ('account', 'bill')) = (account_id IS NOT NULL)),
    CHECK ((source = 'bill') = (window_id IS NOT NULL))
);
SELECT app_reference('bill_messages');
CREATE INDEX bill_messages_account ON bill_messages (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX bill_messages_shared ON bill_messages (priority, id) WHERE account_id IS NULL;

-- The messages as they stand on the bill: a list of `billing::PrintedMessage`.
ALTER TABLE bills ADD COLUMN messages jsonb;
