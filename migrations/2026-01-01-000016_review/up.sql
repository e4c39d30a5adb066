-- A draft stands until a later test of its run replaces it: what the review looked at besides the charges, what
-- the item said, and the outcome of each contract, so that an account that did not change is told without
-- reading its document. Drafts of before are made again by the next test: their review digest fits nothing.
ALTER TABLE drafts ADD COLUMN review_digest bytea NOT NULL DEFAULT '';
ALTER TABLE drafts ADD COLUMN reason text;
ALTER TABLE drafts ADD COLUMN reason_code text;
ALTER TABLE drafts ADD COLUMN contracts bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE drafts ADD COLUMN outcomes text[] NOT NULL DEFAULT '{}';
-- A test wrote all of its totals; from now on it writes what it changes, so only those of the last one count.
DELETE FROM run_totals r USING run_tests t WHERE NOT r.posted AND t.id = r.test_id
    AND EXISTS (SELECT FROM run_tests l WHERE l.run_id = t.run_id AND l.number > t.number);
-- Which part of the run a test was of; empty for all.
ALTER TABLE run_tests ADD COLUMN scope jsonb NOT NULL DEFAULT '{}';
-- How many of a chunk's items were as they had been.
ALTER TABLE chunks ADD COLUMN unchanged integer NOT NULL DEFAULT 0;
-- Why an item stays behind, as a stable word.
ALTER TABLE run_items ADD COLUMN reason_code text;
ALTER TABLE bill_errors ADD COLUMN schedule_id bigint;
ALTER TABLE bill_errors ADD COLUMN assignee text;
CREATE INDEX bill_errors_open ON bill_errors (code, run_id) WHERE open;
CREATE INDEX flags_assignee ON flags (assignee, run_id) WHERE assignee IS NOT NULL AND disposition <> 'released';
-- When the money of a draft is worth a look, `billing::ReviewChecks`.
ALTER TABLE settings ADD COLUMN review jsonb NOT NULL DEFAULT '{}';
