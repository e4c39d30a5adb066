CREATE TABLE gl_accounts (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
SELECT app_reference('gl_accounts');

CREATE TABLE rate_schedules (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    commodity text NOT NULL CHECK (commodity IN ('electricity', 'water', 'sewer', 'gas', 'refuse', 'stormwater', 'other')),
    months smallint NOT NULL CHECK (months BETWEEN 1 AND 12),
    version bigint NOT NULL
);
SELECT app_reference('rate_schedules');

-- A dated version: immutable once it exists; a correction is a later version row for the same day.
CREATE TABLE rate_versions (
    id bigint PRIMARY KEY,
    schedule_id bigint NOT NULL,
    effective_on date NOT NULL,
    tariff jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (schedule_id, effective_on)
);
SELECT app_reference('rate_versions');
ALTER TABLE rate_versions ADD FOREIGN KEY (schedule_id) REFERENCES rate_schedules (id);

CREATE TABLE factors (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    characteristic text,
    version bigint NOT NULL DEFAULT 1
);
SELECT app_reference('factors');

CREATE TABLE factor_values (
    factor_id bigint NOT NULL,
    characteristic_value text NOT NULL,
    effective_on date NOT NULL,
    value numeric(28, 10) NOT NULL,
    PRIMARY KEY (factor_id, characteristic_value, effective_on)
);
SELECT app_reference('factor_values');
ALTER TABLE factor_values ADD FOREIGN KEY (factor_id) REFERENCES factors (id);

CREATE TABLE customer_classes (
    code text PRIMARY KEY,
    name text NOT NULL,
    due_days smallint CHECK (due_days BETWEEN 0 AND 120),
    version bigint NOT NULL DEFAULT 1
);
SELECT app_reference('customer_classes');

CREATE TABLE contract_types (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    commodity text NOT NULL CHECK (commodity IN ('electricity', 'water', 'sewer', 'gas', 'refuse', 'stormwater', 'other')),
    method text NOT NULL CHECK (method IN ('metered', 'rated_item', 'recurring', 'billable_charge')),
    end_date text NOT NULL CHECK (end_date IN ('meter_read', 'calendar_period')),
    sequence integer NOT NULL,
    minimum_days smallint NOT NULL CHECK (minimum_days BETWEEN 0 AND 60),
    maximum_minor bigint CHECK (maximum_minor > 0),
    receivable_gl_id bigint NOT NULL,
    revenue_gl_id bigint NOT NULL,
    version bigint NOT NULL
);
SELECT app_reference('contract_types');
ALTER TABLE contract_types ADD FOREIGN KEY (receivable_gl_id) REFERENCES gl_accounts (id);
ALTER TABLE contract_types ADD FOREIGN KEY (revenue_gl_id) REFERENCES gl_accounts (id);

CREATE TABLE adjustment_types (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    gl_id bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1
);
SELECT app_reference('adjustment_types');
ALTER TABLE adjustment_types ADD FOREIGN KEY (gl_id) REFERENCES gl_accounts (id);
ALTER TABLE settings ADD FOREIGN KEY (receivable_gl_id) REFERENCES gl_accounts (id);
ALTER TABLE settings ADD FOREIGN KEY (cash_gl_id) REFERENCES gl_accounts (id);
ALTER TABLE settings ADD FOREIGN KEY (suspense_gl_id) REFERENCES gl_accounts (id);
