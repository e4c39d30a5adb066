CREATE TABLE bill_cycles (
    id bigint PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    version bigint NOT NULL
);
SELECT app_reference('bill_cycles');

CREATE TABLE cycle_windows (
    id bigint PRIMARY KEY,
    cycle_id bigint NOT NULL,
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    accounting_on date NOT NULL,
    bill_on date NOT NULL,
    state text NOT NULL CHECK (state IN ('planned', 'open', 'closed')),
    closed_reason text,
    version bigint NOT NULL,
    CHECK (starts_on <= ends_on)
);
SELECT app_reference('cycle_windows');
ALTER TABLE cycle_windows ADD FOREIGN KEY (cycle_id) REFERENCES bill_cycles (id);
CREATE INDEX cycle_windows_cycle ON cycle_windows (cycle_id, starts_on);

CREATE TABLE persons (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    email text,
    phone text,
    language text NOT NULL,
    version bigint NOT NULL
);
SELECT app_distribute_by('persons', 'id');
CREATE INDEX persons_name ON persons (lower(name) text_pattern_ops);

-- Balances live in the account's row: every transaction that writes an account's money locks
-- this row first, so no second row need be touched. Each bill changes the row, and those of the
-- contracts: half of a page is left free, so that all its rows find room there for the next version.
CREATE TABLE accounts (
    account_id bigint PRIMARY KEY,
    number bigint NOT NULL,
    cycle_id bigint NOT NULL,
    site_id bigint NOT NULL,
    class_code text NOT NULL,
    language text NOT NULL,
    delivery text NOT NULL CHECK (delivery IN ('email', 'post', 'both')),
    state text NOT NULL CHECK (state IN ('pending', 'active', 'final', 'closed', 'collections', 'written_off')),
    opened_on date NOT NULL,
    client_reference text,
    current_minor bigint NOT NULL,
    payoff_minor bigint NOT NULL,
    last_bill_id bigint,
    last_bill_ending_minor bigint NOT NULL,
    held_until_on date,
    hold_reason text,
    autopay_method_id bigint,
    autopay_rule text CHECK (autopay_rule IN ('issuance', 'due_date', 'days_before')),
    autopay_days_before smallint CHECK (autopay_days_before BETWEEN 0 AND 30),
    autopay_maximum_minor bigint CHECK (autopay_maximum_minor > 0),
    autopay_failures smallint NOT NULL,
    version bigint NOT NULL
) WITH (fillfactor = 50);
SELECT app_distribute('accounts');
ALTER TABLE accounts ADD FOREIGN KEY (cycle_id) REFERENCES bill_cycles (id);
ALTER TABLE accounts ADD FOREIGN KEY (site_id) REFERENCES sites (id);
ALTER TABLE accounts ADD FOREIGN KEY (class_code) REFERENCES customer_classes (code);
CREATE INDEX accounts_cycle_site ON accounts (cycle_id, site_id, account_id);
CREATE INDEX accounts_site ON accounts (site_id, account_id);

-- Directory: account number → account.
CREATE TABLE account_numbers (
    number bigint PRIMARY KEY,
    account_id bigint NOT NULL
);
SELECT app_distribute_by('account_numbers', 'number');

-- Directory: the client's own reference of an account → account, for ever.
CREATE TABLE account_references (
    reference text PRIMARY KEY,
    account_id bigint NOT NULL
);
SELECT app_distribute_by('account_references', 'reference');

-- Persons are keyed by person; the link is the account's, without a foreign key across the two.
CREATE TABLE account_persons (
    account_id bigint NOT NULL,
    person_id bigint NOT NULL,
    role text NOT NULL CHECK (role IN ('main_customer', 'financially_responsible', 'bill_copy')),
    receives_bill boolean NOT NULL,
    PRIMARY KEY (account_id, person_id)
);
SELECT app_distribute('account_persons');
ALTER TABLE account_persons ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);
CREATE UNIQUE INDEX account_persons_main ON account_persons (account_id) WHERE role = 'main_customer';
CREATE INDEX account_persons_person ON account_persons (person_id);

CREATE TABLE account_addresses (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    addressee text NOT NULL,
    line1 text NOT NULL,
    line2 text,
    city text NOT NULL,
    region text NOT NULL,
    postcode text NOT NULL,
    country text NOT NULL,
    from_on date NOT NULL,
    to_on date,
    PRIMARY KEY (account_id, id),
    CHECK (to_on IS NULL OR to_on >= from_on)
);
SELECT app_distribute('account_addresses');
ALTER TABLE account_addresses ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);

CREATE TABLE account_notes (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    text text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('account_notes');
ALTER TABLE account_notes ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);

CREATE TABLE contracts (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    contract_type_id bigint NOT NULL,
    schedule_id bigint,
    service_point_id bigint,
    location_id bigint NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    billed_through_on date,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'stopped', 'closed', 'cancelled')),
    items jsonb NOT NULL,
    characteristics jsonb NOT NULL,
    recurring_minor bigint,
    recurring_label jsonb,
    held_until_on date,
    hold_reason text,
    segments integer NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (ends_on IS NULL OR ends_on >= starts_on)
) WITH (fillfactor = 50);
SELECT app_distribute('contracts');
ALTER TABLE contracts ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);
ALTER TABLE contracts ADD FOREIGN KEY (contract_type_id) REFERENCES contract_types (id);
ALTER TABLE contracts ADD FOREIGN KEY (schedule_id) REFERENCES rate_schedules (id);
ALTER TABLE contracts ADD FOREIGN KEY (location_id) REFERENCES service_locations (id);

-- Who is served where: contracts at one service point never overlap, across accounts.
CREATE TABLE service_point_contracts (
    service_point_id bigint NOT NULL,
    account_id bigint NOT NULL,
    contract_id bigint NOT NULL,
    starts_on date NOT NULL,
    ends_on date,
    PRIMARY KEY (service_point_id, account_id, contract_id)
);
SELECT app_distribute_by('service_point_contracts', 'service_point_id');

CREATE TABLE billable_charges (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    contract_id bigint NOT NULL,
    due_on date NOT NULL,
    amount_minor bigint NOT NULL,
    label jsonb NOT NULL,
    gl_id bigint,
    segment_id bigint,
    client_reference text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
SELECT app_distribute('billable_charges');
ALTER TABLE billable_charges ADD FOREIGN KEY (account_id, contract_id) REFERENCES contracts (account_id, id);
CREATE UNIQUE INDEX billable_charges_reference ON billable_charges (account_id, client_reference);
CREATE INDEX billable_charges_open ON billable_charges (account_id) WHERE segment_id IS NULL;
