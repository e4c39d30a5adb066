-- Contracts that rest on another one, and what a contract has agreed beyond its rate: instalments, a
-- deposit, a loan, a budget. How far that has come is one amount beside the last charged day, which a
-- completion moves with it.
ALTER TABLE contracts ADD COLUMN master_contract_id bigint;
ALTER TABLE contracts ADD COLUMN terms jsonb;
ALTER TABLE contracts ADD COLUMN progress_minor bigint NOT NULL DEFAULT 0;
ALTER TABLE contracts ADD FOREIGN KEY (account_id, master_contract_id) REFERENCES contracts (account_id, id);
ALTER TABLE contracts ADD CHECK (master_contract_id <> id);

ALTER TABLE contract_types DROP CONSTRAINT contract_types_method_check;
ALTER TABLE contract_types ADD CONSTRAINT contract_types_method_check CHECK (method IN (
    'metered', 'rated_item', 'recurring', 'billable_charge', 'instalment', 'deposit', 'loan', 'sub_contract', 'not_billable'));
ALTER TABLE contract_types DROP CONSTRAINT contract_types_end_date_check;
ALTER TABLE contract_types ADD CONSTRAINT contract_types_end_date_check CHECK (end_date IN (
    'meter_read', 'calendar_period', 'anniversary', 'as_of_date'));
