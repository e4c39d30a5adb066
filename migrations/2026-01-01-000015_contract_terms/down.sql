ALTER TABLE contract_types DROP CONSTRAINT contract_types_end_date_check;
ALTER TABLE contract_types ADD CONSTRAINT contract_types_end_date_check CHECK (end_date IN ('meter_read', 'calendar_period'));
ALTER TABLE contract_types DROP CONSTRAINT contract_types_method_check;
ALTER TABLE contract_types ADD CONSTRAINT contract_types_method_check CHECK (method IN ('metered', 'rated_item', 'recurring', 'billable_charge'));
ALTER TABLE contracts DROP COLUMN progress_minor;
ALTER TABLE contracts DROP COLUMN terms;
ALTER TABLE contracts DROP COLUMN master_contract_id;
