-- A start that was counted from a window that had been closed before is noted, with the reason.
ALTER TABLE schedule_starts DROP CONSTRAINT schedule_starts_state_check;
ALTER TABLE schedule_starts ADD CONSTRAINT schedule_starts_state_check
    CHECK (state IN ('started', 'refused', 'skipped'));
ALTER TABLE schedule_starts DROP CONSTRAINT schedule_starts_check;
ALTER TABLE schedule_starts ADD CONSTRAINT schedule_starts_check CHECK ((state = 'started') = (code IS NULL));

-- Certificates by which a tax is not charged to an account on some days; open at the end without a last day.
CREATE TABLE tax_exemptions (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    tax text NOT NULL,
    certificate text NOT NULL,
    first_on date NOT NULL,
    last_on date,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (account_id, id),
    CHECK (first_on <= last_on)
);
SELECT app_distribute('tax_exemptions');
ALTER TABLE tax_exemptions ADD FOREIGN KEY (account_id) REFERENCES accounts (account_id);
CREATE UNIQUE INDEX tax_exemptions_certificate ON tax_exemptions (account_id, tax, certificate, first_on);
