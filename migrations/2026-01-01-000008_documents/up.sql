CREATE TABLE invoice_runs (
    id bigint PRIMARY KEY,
    window_id bigint NOT NULL,
    bill_run_id bigint,
    operation_id bigint NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX invoice_runs_window ON invoice_runs (window_id, id);

-- The rendered document of a bill for one recipient and channel. Its existence freezes the
-- account in the bill's window.
CREATE TABLE invoices (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    bill_id bigint NOT NULL,
    invoice_run_id bigint NOT NULL,
    person_id bigint NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'postal')),
    language text NOT NULL,
    document_key text NOT NULL,
    sha256 bytea NOT NULL,
    bytes bigint NOT NULL,
    pages integer NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('invoices');
ALTER TABLE invoices ADD FOREIGN KEY (account_id, bill_id) REFERENCES bills (account_id, id);
CREATE UNIQUE INDEX invoices_recipient ON invoices (account_id, bill_id, person_id, channel);
CREATE INDEX invoices_run ON invoices (invoice_run_id, account_id);

CREATE TABLE messages (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    person_id bigint,
    kind text NOT NULL CHECK (kind IN ('e_bill', 'receipt', 'autopay_failed')),
    language text NOT NULL,
    subject text NOT NULL,
    body_text text NOT NULL,
    body_html text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('messages');
ALTER TABLE messages ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);

-- One sending of an invoice or message to one address.
CREATE TABLE deliveries (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    invoice_id bigint,
    message_id bigint,
    bill_id bigint,
    channel text NOT NULL CHECK (channel IN ('email', 'postal')),
    address text NOT NULL,
    state text NOT NULL CHECK (state IN ('created', 'awaiting_approval', 'approved', 'sending', 'sent', 'delivered', 'bounced', 'returned', 'failed')),
    attempts smallint NOT NULL,
    reason text,
    approved_by text,
    state_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('deliveries');
ALTER TABLE deliveries ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);
CREATE INDEX deliveries_state ON deliveries (state, account_id, id);
CREATE INDEX deliveries_bill ON deliveries (account_id, bill_id);
