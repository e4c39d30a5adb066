-- Distribution: on plain PostgreSQL these do nothing; on Citus they spread and replicate tables.
CREATE FUNCTION app_distribute(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN
        EXECUTE format('SELECT create_distributed_table(%L, ''account_id'')', name);
    END IF;
END $$;

CREATE FUNCTION app_distribute_by(name text, column_name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN
        EXECUTE format('SELECT create_distributed_table(%L, %L)', name, column_name);
    END IF;
END $$;

CREATE FUNCTION app_reference(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') THEN
        EXECUTE format('SELECT create_reference_table(%L)', name);
    END IF;
END $$;

-- Row ids of every kind: handed out in blocks of a thousand, assigned by the client.
CREATE SEQUENCE row_ids AS bigint INCREMENT BY 1000 MINVALUE 1 START WITH 1001;
-- Bill numbers, taken in blocks at the end of a chunk; gaps are allowed.
CREATE SEQUENCE bill_numbers AS bigint MINVALUE 1 START WITH 100001;

CREATE TABLE settings (
    id smallint PRIMARY KEY CHECK (id = 1),
    utility_name text NOT NULL,
    contact_phone text NOT NULL,
    contact_email text NOT NULL,
    website text NOT NULL,
    pay_address text[] NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    minor_digits smallint NOT NULL CHECK (minor_digits BETWEEN 0 AND 4),
    time_zone text NOT NULL,
    languages text[] NOT NULL CHECK (cardinality(languages) >= 1),
    second_language text,
    sandbox boolean NOT NULL,
    review_delay_hours integer NOT NULL CHECK (review_delay_hours BETWEEN 0 AND 240),
    read_days_before integer NOT NULL CHECK (read_days_before BETWEEN 0 AND 60),
    read_days_after integer NOT NULL CHECK (read_days_after BETWEEN 0 AND 60),
    checks jsonb NOT NULL,
    pay_link_base text NOT NULL,
    receivable_gl_id bigint,
    cash_gl_id bigint,
    suspense_gl_id bigint,
    version bigint NOT NULL
);
SELECT app_reference('settings');

-- Business time. Null: real time. A sandbox may move it, forward only.
CREATE TABLE business_clock (
    id smallint PRIMARY KEY CHECK (id = 1),
    moved_to timestamptz
);
SELECT app_reference('business_clock');
INSERT INTO business_clock (id, moved_to) VALUES (1, NULL);

CREATE TABLE holidays (
    day date PRIMARY KEY,
    name text NOT NULL
);
SELECT app_reference('holidays');

CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'clerk', 'manager', 'admin', 'integration')),
    all_sites boolean NOT NULL,
    site_ids bigint[] NOT NULL,
    active boolean NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);
SELECT app_reference('users');

CREATE TABLE api_clients (
    id bigint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    secret_hash text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'clerk', 'manager', 'admin', 'integration')),
    all_sites boolean NOT NULL,
    site_ids bigint[] NOT NULL,
    active boolean NOT NULL,
    created_at timestamptz NOT NULL
);
SELECT app_reference('api_clients');

-- Refresh tokens rotate; a second use of one ends its family.
CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY,
    family bigint NOT NULL,
    user_id bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz
);
SELECT app_reference('refresh_tokens');
ALTER TABLE refresh_tokens ADD FOREIGN KEY (user_id) REFERENCES users (id);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);

-- Answers kept by the key that the client chose; they commit with their effect.
CREATE TABLE idempotency_keys (
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint NOT NULL,
    response jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (principal, route, key)
);
SELECT app_distribute_by('idempotency_keys', 'principal');
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Written unchained, one row per action or chunk.
CREATE TABLE audit_entries (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    before jsonb,
    after jsonb,
    reason text,
    request_id text,
    items integer NOT NULL,
    digest bytea
);
SELECT app_distribute_by('audit_entries', 'id');
CREATE INDEX audit_entries_at ON audit_entries (at, id);
CREATE INDEX audit_entries_subject ON audit_entries (subject, id);
CREATE INDEX audit_entries_actor ON audit_entries (actor, id);

-- One row per chunk or action, naming its documents; consumers claim rows by SKIP LOCKED.
CREATE TABLE outbox (
    id bigint PRIMARY KEY,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    done_at timestamptz
);
CREATE INDEX outbox_open ON outbox (id) WHERE done_at IS NULL;

-- The work queue: an operation is long work with progress, a chunk one transaction of it.
CREATE TABLE operations (
    id bigint PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('reading_import', 'bill_test', 'bill_accept', 'invoice_run', 'delivery_send', 'payment_run')),
    state text NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'done', 'failed', 'cancelled')),
    subject_id bigint,
    params jsonb NOT NULL,
    total bigint NOT NULL,
    result jsonb,
    error text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz
);
CREATE INDEX operations_subject ON operations (kind, subject_id, id);
CREATE INDEX operations_live ON operations (id) WHERE state IN ('queued', 'running', 'paused');

CREATE TABLE chunks (
    id bigint PRIMARY KEY,
    operation_id bigint NOT NULL REFERENCES operations (id),
    seq integer NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'done', 'failed', 'cancelled')),
    items bigint[] NOT NULL,
    done integer NOT NULL,
    failed integer NOT NULL,
    note text,
    attempts integer NOT NULL,
    finished_at timestamptz,
    UNIQUE (operation_id, seq)
);
CREATE INDEX chunks_queued ON chunks (seq, id) WHERE state = 'queued';
