-- Money received in one piece. What no account takes is suspense.
CREATE TABLE tenders (
    id bigint PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('cash', 'check', 'card', 'bank_debit')),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    suspense_minor bigint NOT NULL CHECK (suspense_minor >= 0),
    received_on date NOT NULL,
    reference text,
    gateway text,
    gateway_reference text,
    stated_account text,
    client_reference text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    CHECK (suspense_minor <= amount_minor)
);
CREATE UNIQUE INDEX tenders_gateway_reference ON tenders (gateway, gateway_reference) WHERE gateway_reference IS NOT NULL;
-- The client's own reference names one receipt, whether an account takes it or suspense.
CREATE UNIQUE INDEX tenders_client_reference ON tenders (client_reference) WHERE client_reference IS NOT NULL;
CREATE INDEX tenders_suspense ON tenders (id) WHERE suspense_minor > 0;
CREATE INDEX tenders_received_on ON tenders (received_on);

-- Directory: the client's own reference of a payment → payment, for ever.
CREATE TABLE payment_references (
    reference text PRIMARY KEY,
    account_id bigint NOT NULL,
    payment_id bigint NOT NULL
);
SELECT app_distribute_by('payment_references', 'reference');

CREATE TABLE payments (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    tender_id bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('posted', 'reversed')),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    received_on date NOT NULL,
    reversal_reason text,
    client_reference text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('payments');
ALTER TABLE payments ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);
CREATE INDEX payments_tender ON payments (tender_id);

CREATE TABLE payment_methods (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('card', 'bank_debit')),
    gateway text NOT NULL CHECK (gateway IN ('stripe', 'manual')),
    customer_token text NOT NULL,
    method_token text NOT NULL,
    label text NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'inactive')),
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('payment_methods');
ALTER TABLE payment_methods ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);

-- The autopay instruction of a bill: what is to be drawn, when, and what became of it.
CREATE TABLE draws (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    bill_id bigint NOT NULL,
    method_id bigint NOT NULL,
    draw_on date NOT NULL,
    not_before_at timestamptz NOT NULL,
    retry_on date,
    state text NOT NULL CHECK (state IN ('planned', 'submitting', 'pending', 'succeeded', 'failed', 'unknown', 'cancelled')),
    amount_minor bigint,
    attempts smallint NOT NULL,
    idempotency_key text,
    gateway_reference text,
    reason_code text,
    reason text,
    payment_run_id bigint,
    payment_id bigint,
    submitted_at timestamptz,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('draws');
ALTER TABLE draws ADD FOREIGN KEY (account_id, bill_id) REFERENCES bills (account_id, id);
CREATE INDEX draws_open ON draws (draw_on, account_id) WHERE state IN ('planned', 'submitting', 'pending', 'failed', 'unknown');
CREATE INDEX draws_run ON draws (payment_run_id, account_id);
-- One instruction of a bill is alive at a time.
CREATE UNIQUE INDEX draws_live ON draws (account_id, bill_id) WHERE state <> 'cancelled';

CREATE TABLE payment_runs (
    id bigint PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('planned', 'running', 'finished', 'cancelled')),
    filter jsonb NOT NULL,
    target_on date NOT NULL,
    operation_id bigint,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);

-- What gateways told us, by their event id, so that a repeated one is harmless.
CREATE TABLE gateway_events (
    gateway text NOT NULL,
    event_id text NOT NULL,
    received_at timestamptz NOT NULL,
    kind text NOT NULL,
    reference text,
    outcome text NOT NULL,
    PRIMARY KEY (gateway, event_id)
);
SELECT app_distribute_by('gateway_events', 'event_id');

-- Directory: gateway reference or idempotency key → draw, and what was asked for under it.
CREATE TABLE draw_references (
    reference text PRIMARY KEY,
    account_id bigint NOT NULL,
    draw_id bigint NOT NULL,
    amount_minor bigint
);
SELECT app_distribute_by('draw_references', 'reference');
