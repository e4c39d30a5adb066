-- Proposals to bill periods again, one per read that puts them in doubt. Accounts and contracts stand side by
-- side: those that were billed for the days from `from_on` through `through_on`. `against` is what was billed:
-- the read of the day, or the estimate that the read lies below.
CREATE TABLE rebill_proposals (
    service_point_id bigint NOT NULL,
    id bigint NOT NULL,
    register_id bigint NOT NULL,
    read_id bigint NOT NULL,
    read_on date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('corrected_read', 'late_actual', 'actual_below_estimate')),
    account_ids bigint[] NOT NULL,
    contract_ids bigint[] NOT NULL,
    from_on date NOT NULL,
    through_on date NOT NULL,
    against_on date,
    against_value numeric(28, 10),
    against_quality text CHECK (against_quality IN ('actual', 'estimated', 'customer', 'adjusted')),
    state text NOT NULL CHECK (state IN ('open', 'dismissed', 'withdrawn')),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    decided_reason text,
    PRIMARY KEY (service_point_id, id),
    CHECK (cardinality(account_ids) = cardinality(contract_ids)),
    CHECK (from_on <= read_on),
    CHECK ((against_on IS NULL) = (against_value IS NULL) AND (against_on IS NULL) = (against_quality IS NULL)),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (decided_reason IS NULL))
);
SELECT app_distribute_by('rebill_proposals', 'service_point_id');
CREATE UNIQUE INDEX rebill_proposals_read ON rebill_proposals (service_point_id, read_id);
CREATE UNIQUE INDEX rebill_proposals_open ON rebill_proposals (service_point_id, register_id, read_on)
    WHERE state = 'open';
CREATE INDEX rebill_proposals_accounts ON rebill_proposals USING gin (account_ids);
