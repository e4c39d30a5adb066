//! The statements. Every one takes a range (`$1`, `$2`] of its key and answers account, row id, detail.

use super::{Check, Invariant, Key, Subject};

const FTS: &str = "SELECT count(*) AS n FROM fts WHERE account_id > $1 AND account_id <= $2";
const ACCOUNTS: &str = "SELECT count(*) AS n FROM accounts WHERE account_id > $1 AND account_id <= $2";
const BILLS: &str =
    "SELECT count(*) AS n FROM bills WHERE account_id > $1 AND account_id <= $2 AND state = 'complete'";
const ITEMS: &str = "SELECT count(*) AS n FROM run_items WHERE account_id > $1 AND account_id <= $2";
const RUNS: &str = "SELECT count(*) AS n FROM bill_runs WHERE id > $1 AND id <= $2";
const TENDERS: &str = "SELECT count(*) AS n FROM tenders WHERE id > $1 AND id <= $2";
/// Counted by the invariant's other checks.
const COUNTED: &str = "SELECT 0::bigint AS n WHERE $1::bigint IS NOT NULL AND $2::bigint IS NOT NULL";

const fn of_account(
    invariant: Invariant,
    subject: Subject,
    find: &'static str,
    count: &'static str,
) -> Check {
    Check { invariant, key: Key::Account, subject, find, count }
}

/// Every statement; I6's arithmetic and part of I4 need more than a statement.
pub const CHECKS: &[Check] = &[
    of_account(Invariant::I1, Subject::Ft, JOURNAL, FTS),
    of_account(Invariant::I2, Subject::Account, BALANCE, ACCOUNTS),
    of_account(Invariant::I2, Subject::Ft, HOMELESS, COUNTED),
    of_account(Invariant::I2, Subject::Ft, APPLIED, COUNTED),
    of_account(Invariant::I2, Subject::Account, SIDE_BY_SIDE, COUNTED),
    of_account(Invariant::I3, Subject::Bill, TWO_BILLS, BILLS),
    of_account(Invariant::I3, Subject::Segment, OVERLAP, COUNTED),
    of_account(Invariant::I3, Subject::Segment, BILLLESS, COUNTED),
    of_account(Invariant::I3, Subject::Segment, CHARGE_TWICE, COUNTED),
    of_account(Invariant::I3, Subject::Segment, CHARGE_UNMARKED, COUNTED),
    Check { invariant: Invariant::I4, key: Key::Run, subject: Subject::Run, find: RUN_COUNT, count: RUNS },
    of_account(Invariant::I4, Subject::Run, ITEM_WITHOUT_OUTCOME, ITEMS),
    of_account(Invariant::I4, Subject::Run, OUTCOME_WITHOUT_REASON, COUNTED),
    of_account(Invariant::I4, Subject::Bill, ACCEPTED_OTHERWISE, COUNTED),
    of_account(Invariant::I5, Subject::Bill, BILL_SUM, BILLS),
    of_account(Invariant::I5, Subject::Bill, CHAIN, COUNTED),
    of_account(Invariant::I5, Subject::Account, CHAIN_ENDS, COUNTED),
    of_account(Invariant::I5, Subject::Ft, ON_TWO_BILLS, COUNTED),
    of_account(Invariant::I5, Subject::Account, UNBILLED, ACCOUNTS),
    of_account(Invariant::I6, Subject::Segment, SEGMENT_FT, COUNTED),
    of_account(Invariant::I6, Subject::Contract, PROGRESS, COUNTED),
    Check {
        invariant: Invariant::I7,
        key: Key::Tender,
        subject: Subject::Tender,
        find: TENDER_SUM,
        count: TENDERS,
    },
    of_account(Invariant::I7, Subject::Payment, PAYMENT_FT, COUNTED),
    of_account(Invariant::I7, Subject::Draw, DRAW_TENDER, COUNTED),
    of_account(Invariant::I7, Subject::Draw, DRAWN_TWICE, COUNTED),
];

const JOURNAL: &str = "\
    SELECT account_id AS account, id AS n, format('the journal adds up to %s', total) AS detail \
    FROM (SELECT account_id, id, (SELECT coalesce(sum(x), 0) FROM unnest(gl_minor) AS x) AS total FROM fts \
          WHERE account_id > $1 AND account_id <= $2) AS f \
    WHERE total <> 0";

const BALANCE: &str = "\
    SELECT a.account_id AS account, a.account_id AS n, \
      format('balance %s and payoff %s, the transactions add up to %s and %s', \
             a.current_minor, a.payoff_minor, coalesce(f.current, 0), coalesce(f.payoff, 0)) AS detail \
    FROM accounts a LEFT JOIN (SELECT account_id, sum(current_minor) AS current, sum(payoff_minor) AS payoff \
      FROM fts WHERE account_id > $1 AND account_id <= $2 GROUP BY account_id) f USING (account_id) \
    WHERE a.account_id > $1 AND a.account_id <= $2 \
      AND (a.current_minor <> coalesce(f.current, 0) OR a.payoff_minor <> coalesce(f.payoff, 0))";

const HOMELESS: &str = "\
    SELECT f.account_id AS account, f.id AS n, 'its account does not exist' AS detail FROM fts f \
    WHERE f.account_id > $1 AND f.account_id <= $2 \
      AND NOT EXISTS (SELECT FROM accounts a WHERE a.account_id = f.account_id)";

/// Live joins of each transaction by the side on which it stands: 1 a debit, -1 a credit.
macro_rules! joined {
    () => {
        "SELECT account_id, debit_ft_id AS ft_id, 1 AS side, sum(amount_minor) AS total FROM allocations \
         WHERE account_id > $1 AND account_id <= $2 AND freed_at IS NULL GROUP BY 1, 2 \
         UNION ALL \
         SELECT account_id, credit_ft_id, -1, sum(amount_minor) FROM allocations \
         WHERE account_id > $1 AND account_id <= $2 AND freed_at IS NULL GROUP BY 1, 2"
    };
}

const APPLIED: &str = concat!(
    "SELECT f.account_id AS account, f.id AS n, \
       format('%s, of which %s are applied as a %s', f.current_minor, j.total, \
              CASE j.side WHEN 1 THEN 'debit' ELSE 'credit' END) AS detail \
     FROM (",
    joined!(),
    ") AS j JOIN fts f ON f.account_id = j.account_id AND f.id = j.ft_id \
     WHERE sign(f.current_minor) <> j.side OR j.total > abs(f.current_minor)"
);

const SIDE_BY_SIDE: &str = concat!(
    "SELECT account_id AS account, account_id AS n, \
       format('%s are open beside a credit of %s that is not applied', sum(rest) FILTER (WHERE rest > 0), \
              -sum(rest) FILTER (WHERE rest < 0)) AS detail \
     FROM (SELECT f.account_id, f.current_minor - sign(f.current_minor) * coalesce(j.total, 0) AS rest \
       FROM fts f LEFT JOIN (",
    joined!(),
    ") AS j ON j.account_id = f.account_id AND j.ft_id = f.id AND j.side = sign(f.current_minor) \
       WHERE f.account_id > $1 AND f.account_id <= $2) AS r \
     GROUP BY account_id HAVING bool_or(rest > 0) AND bool_or(rest < 0)"
);

const TWO_BILLS: &str = "\
    SELECT account_id AS account, max(id) AS n, format('%s bills in one window', count(*)) AS detail FROM bills \
    WHERE account_id > $1 AND account_id <= $2 AND window_id IS NOT NULL AND state <> 'cancelled' \
    GROUP BY account_id, window_id HAVING count(*) > 1";

const OVERLAP: &str = "\
    SELECT account_id AS account, id AS n, \
      format('charges from %s, but its contract is charged through %s already', first_on, before_on) AS detail \
    FROM (SELECT s.account_id, s.id, s.first_on, max(s.last_on) OVER (PARTITION BY s.account_id, s.contract_id \
            ORDER BY s.first_on, s.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_on \
          FROM segments s JOIN contracts c ON c.account_id = s.account_id AND c.id = s.contract_id \
          JOIN contract_types t ON t.id = c.contract_type_id \
          WHERE s.account_id > $1 AND s.account_id <= $2 AND s.state <> 'cancelled' \
            AND t.method <> 'billable_charge') AS s \
    WHERE first_on <= before_on";

const BILLLESS: &str = "\
    SELECT s.account_id AS account, s.id AS n, 'its bill does not exist' AS detail FROM segments s \
    WHERE s.account_id > $1 AND s.account_id <= $2 \
      AND NOT EXISTS (SELECT FROM bills b WHERE b.account_id = s.account_id AND b.id = s.bill_id)";

const CHARGE_TWICE: &str = "\
    SELECT s.account_id AS account, max(s.id) AS n, \
      format('charge %s is on %s segments', c ->> 'charge', count(*)) AS detail \
    FROM segments s CROSS JOIN LATERAL json_array_elements(s.document::json -> 'charges') AS c \
    WHERE s.account_id > $1 AND s.account_id <= $2 AND s.state <> 'cancelled' AND s.document::json -> 'charges' IS NOT NULL \
    GROUP BY s.account_id, c ->> 'charge' HAVING count(*) > 1";

const CHARGE_UNMARKED: &str = "\
    SELECT s.account_id AS account, s.id AS n, \
      format('bills %s charges, %s are marked as billed by it', \
             json_array_length(s.document::json -> 'charges'), coalesce(m.marked, 0)) AS detail \
    FROM segments s LEFT JOIN (SELECT account_id, segment_id, count(*) AS marked FROM billable_charges \
      WHERE account_id > $1 AND account_id <= $2 AND segment_id IS NOT NULL GROUP BY account_id, segment_id) m \
      ON m.account_id = s.account_id AND m.segment_id = s.id \
    WHERE s.account_id > $1 AND s.account_id <= $2 AND s.state <> 'cancelled' AND s.document::json -> 'charges' IS NOT NULL \
      AND json_array_length(s.document::json -> 'charges') <> coalesce(m.marked, 0)";

const RUN_COUNT: &str = "\
    SELECT NULL::bigint AS account, r.id AS n, \
      format('%s accounts in scope, %s items', r.accounts, count(i.account_id)) AS detail \
    FROM bill_runs r LEFT JOIN run_items i ON i.run_id = r.id WHERE r.id > $1 AND r.id <= $2 \
    GROUP BY r.id, r.accounts HAVING r.accounts <> count(i.account_id)";

// The drafts of a run that has ended are dropped with it.
const ITEM_WITHOUT_OUTCOME: &str = "\
    SELECT i.account_id AS account, i.run_id AS n, \
      format('%s, without %s', i.state, CASE WHEN i.state = 'accepted' THEN 'a bill' \
             WHEN i.state = 'queued' THEN 'an outcome after the test' ELSE 'a draft or a reason' END) AS detail \
    FROM run_items i JOIN bill_runs r ON r.id = i.run_id \
    WHERE i.account_id > $1 AND i.account_id <= $2 AND CASE \
      WHEN i.state = 'queued' THEN r.state IN ('tested', 'accepting', 'accepted', 'invoicing', 'invoiced') \
      WHEN i.state = 'accepted' THEN NOT EXISTS (SELECT FROM bills b \
        WHERE b.account_id = i.account_id AND b.id = i.bill_id AND b.run_id = i.run_id) \
      WHEN r.state IN ('cancelled', 'closed') THEN false \
      ELSE i.reason IS NULL AND NOT EXISTS (SELECT FROM drafts d \
        WHERE d.run_id = i.run_id AND d.account_id = i.account_id) END";

const OUTCOME_WITHOUT_REASON: &str = "\
    SELECT d.account_id AS account, d.run_id AS n, \
      format('contract %s is %s, without saying why', s ->> 'contract', coalesce(s ->> 'outcome', 'nothing')) AS detail \
    FROM drafts d CROSS JOIN LATERAL jsonb_array_elements(d.document::jsonb -> 'segments') AS s \
    WHERE d.account_id > $1 AND d.account_id <= $2 AND CASE \
      WHEN s ->> 'outcome' = 'billed' THEN NOT s ? 'calc' \
      WHEN s ->> 'outcome' = 'error' THEN NOT s ? 'error' \
      WHEN s ->> 'outcome' IS NULL THEN true \
      ELSE NOT (s ? 'reason' OR s ? 'error') END \
    UNION ALL \
    SELECT d.account_id, d.run_id, format('contract %s stands in the draft %s times', s ->> 'contract', count(*)) \
    FROM drafts d CROSS JOIN LATERAL jsonb_array_elements(d.document::jsonb -> 'segments') AS s \
    WHERE d.account_id > $1 AND d.account_id <= $2 \
    GROUP BY d.account_id, d.run_id, d.test_id, s ->> 'contract' HAVING count(*) > 1";

const ACCEPTED_OTHERWISE: &str = "\
    WITH latest AS ( \
      SELECT DISTINCT ON (i.account_id, i.run_id) i.account_id, i.bill_id, d.document::jsonb AS document \
      FROM run_items i JOIN drafts d ON d.run_id = i.run_id AND d.account_id = i.account_id \
      JOIN run_tests t ON t.id = d.test_id \
      WHERE i.account_id > $1 AND i.account_id <= $2 AND i.state = 'accepted' \
      ORDER BY i.account_id, i.run_id, t.number DESC), \
    drafted AS ( \
      SELECT l.account_id, l.bill_id, count(*) FILTER (WHERE s ->> 'outcome' = 'billed') AS segments, \
        coalesce(sum((s ->> 'total')::bigint) FILTER (WHERE s ->> 'outcome' = 'billed'), 0) AS total \
      FROM latest l LEFT JOIN LATERAL jsonb_array_elements(l.document -> 'segments') AS s ON true GROUP BY 1, 2) \
    SELECT d.account_id AS account, d.bill_id AS n, \
      format('the draft bills %s in %s segments, the bill has %s in %s', \
             d.total, d.segments, coalesce(sum(s.total_minor), 0), count(s.id)) AS detail \
    FROM drafted d JOIN bills b ON b.account_id = d.account_id AND b.id = d.bill_id AND b.reopened_at IS NULL \
    LEFT JOIN segments s ON s.account_id = d.account_id AND s.bill_id = d.bill_id AND s.rebills_id IS NULL \
    WHERE d.bill_id IS NOT NULL GROUP BY d.account_id, d.bill_id, d.segments, d.total \
    HAVING count(s.id) <> d.segments OR coalesce(sum(s.total_minor), 0) <> d.total";

const BILL_SUM: &str = "\
    SELECT b.account_id AS account, b.id AS n, \
      format('previous %s + swept %s + new %s = %s, its transactions: swept %s, new %s', b.previous_minor, \
             b.swept_minor, b.new_minor, b.ending_minor, coalesce(s.total, 0), coalesce(f.total, 0)) AS detail \
    FROM bills b \
    LEFT JOIN (SELECT s.account_id, s.bill_id, sum(f.current_minor) AS total FROM swept_fts s \
      JOIN fts f ON f.account_id = s.account_id AND f.id = s.ft_id \
      WHERE s.account_id > $1 AND s.account_id <= $2 GROUP BY 1, 2) s \
      ON s.account_id = b.account_id AND s.bill_id = b.id \
    LEFT JOIN (SELECT account_id, born_on_bill_id, sum(current_minor) AS total FROM fts \
      WHERE account_id > $1 AND account_id <= $2 AND born_on_bill_id IS NOT NULL GROUP BY 1, 2) f \
      ON f.account_id = b.account_id AND f.born_on_bill_id = b.id \
    WHERE b.account_id > $1 AND b.account_id <= $2 \
      AND (coalesce(s.total, 0) <> b.swept_minor OR coalesce(f.total, 0) <> b.new_minor \
           OR b.previous_minor + b.swept_minor + b.new_minor <> b.ending_minor)";

const CHAIN: &str = "\
    SELECT b.account_id AS account, b.id AS n, format('begins with %s, the bill before it ended with %s', \
      b.previous_minor, coalesce(p.ending_minor::text, 'nothing')) AS detail \
    FROM bills b LEFT JOIN bills p ON p.account_id = b.account_id AND p.id = b.previous_bill_id \
    WHERE b.account_id > $1 AND b.account_id <= $2 AND b.state = 'complete' \
      AND (b.previous_minor <> coalesce(p.ending_minor, 0) OR (b.previous_bill_id IS NOT NULL AND p.id IS NULL))";

const CHAIN_ENDS: &str = "\
    SELECT a.account_id AS account, a.account_id AS n, \
      format('%s bills, %s of them follow one another; the last ended with %s, the account says %s', \
             count(b.id), count(DISTINCT b.previous_bill_id), coalesce(max(l.ending_minor), 0), \
             a.last_bill_ending_minor) AS detail \
    FROM accounts a LEFT JOIN bills b ON b.account_id = a.account_id AND b.state = 'complete' \
    LEFT JOIN bills l ON l.account_id = a.account_id AND l.id = a.last_bill_id AND l.state = 'complete' \
    WHERE a.account_id > $1 AND a.account_id <= $2 GROUP BY a.account_id \
    HAVING a.last_bill_ending_minor <> coalesce(max(l.ending_minor), 0) \
      OR count(DISTINCT b.previous_bill_id) <> greatest(count(b.id) - 1, 0) \
      OR (count(b.id) > 0 AND count(l.id) = 0) OR count(*) FILTER (WHERE b.previous_bill_id = l.id) > 0";

const ON_TWO_BILLS: &str = "\
    SELECT f.account_id AS account, f.id AS n, 'stands on two bills' AS detail FROM fts f \
    JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id \
    WHERE f.account_id > $1 AND f.account_id <= $2 AND f.born_on_bill_id IS NOT NULL \
    UNION ALL \
    SELECT f.account_id, f.id, 'was born on a bill that does not exist' FROM fts f \
    WHERE f.account_id > $1 AND f.account_id <= $2 AND f.born_on_bill_id IS NOT NULL AND NOT EXISTS ( \
      SELECT FROM bills b WHERE b.account_id = f.account_id AND b.id = f.born_on_bill_id)";

const UNBILLED: &str = "\
    SELECT a.account_id AS account, a.account_id AS n, \
      format('balance %s; the last bill ended with %s, since then %s', \
             a.current_minor, a.last_bill_ending_minor, coalesce(f.total, 0) + coalesce(o.total, 0)) AS detail \
    FROM accounts a LEFT JOIN (SELECT account_id, sum(new_minor) AS total FROM bills \
      WHERE account_id > $1 AND account_id <= $2 AND state = 'pending' GROUP BY account_id) o USING (account_id) \
    LEFT JOIN (SELECT f.account_id, sum(f.current_minor) AS total FROM fts f \
      LEFT JOIN swept_fts s ON s.account_id = f.account_id AND s.ft_id = f.id \
      WHERE f.account_id > $1 AND f.account_id <= $2 AND f.born_on_bill_id IS NULL AND s.ft_id IS NULL \
      GROUP BY f.account_id) f USING (account_id) \
    WHERE a.account_id > $1 AND a.account_id <= $2 \
      AND a.current_minor <> a.last_bill_ending_minor + coalesce(f.total, 0) + coalesce(o.total, 0)";

const SEGMENT_FT: &str = "\
    SELECT s.account_id AS account, s.id AS n, format('asks %s and is owed %s, its transaction posts %s and %s', \
      s.total_minor, s.owed, coalesce(f.total::text, 'nothing'), coalesce(f.owed::text, 'nothing')) AS detail \
    FROM (SELECT account_id, id, total_minor, total_minor - CASE WHEN document::json -> 'terms' IS NULL THEN 0 ELSE \
        (SELECT coalesce(sum((t ->> 'amount')::bigint), 0) FROM json_array_elements(document::json -> 'terms') AS t \
         WHERE t ->> 'kind' IN ('instalment', 'deposit', 'budget')) END AS owed \
      FROM segments WHERE account_id > $1 AND account_id <= $2) s \
    LEFT JOIN (SELECT account_id, source_id, sum(current_minor) AS total, sum(payoff_minor) AS owed FROM fts \
      WHERE account_id > $1 AND account_id <= $2 AND kind = 'segment' GROUP BY 1, 2) f \
      ON f.account_id = s.account_id AND f.source_id = s.id \
    WHERE s.total_minor IS DISTINCT FROM f.total OR s.owed IS DISTINCT FROM f.owed \
    UNION ALL \
    SELECT s.account_id, s.id, format('%s, and its transactions leave %s asked and %s owed', s.state, f.total, f.owed) \
    FROM segments s JOIN (SELECT account_id, source_id, sum(current_minor) AS total, sum(payoff_minor) AS owed, \
        count(*) FILTER (WHERE kind = 'segment_cancel') AS reversals FROM fts \
      WHERE account_id > $1 AND account_id <= $2 AND kind IN ('segment', 'segment_cancel') GROUP BY 1, 2) f \
      ON f.account_id = s.account_id AND f.source_id = s.id \
    WHERE s.account_id > $1 AND s.account_id <= $2 AND CASE s.state \
      WHEN 'cancelled' THEN f.total <> 0 OR f.owed <> 0 OR f.reversals = 0 ELSE f.reversals > 0 END \
    UNION ALL \
    SELECT f.account_id, f.source_id, format('does not exist, but transaction %s posts %s', f.id, f.current_minor) \
    FROM fts f WHERE f.account_id > $1 AND f.account_id <= $2 AND f.kind = 'segment' AND NOT EXISTS ( \
      SELECT FROM segments s WHERE s.account_id = f.account_id AND s.id = f.source_id)";

const PROGRESS: &str = "\
    SELECT c.account_id AS account, c.id AS n, format('its terms have come to %s, its segments say %s', \
      c.progress_minor, coalesce(s.total, 0)) AS detail \
    FROM contracts c LEFT JOIN (SELECT s.account_id, s.contract_id, sum(CASE t ->> 'kind' \
          WHEN 'budget' THEN -(t ->> 'amount')::bigint WHEN 'interest' THEN 0 ELSE (t ->> 'amount')::bigint END) AS total \
        FROM segments s CROSS JOIN LATERAL json_array_elements(s.document::json -> 'terms') AS t \
        WHERE s.account_id > $1 AND s.account_id <= $2 AND s.state <> 'cancelled' AND s.document::json -> 'terms' IS NOT NULL \
        GROUP BY 1, 2) s ON s.account_id = c.account_id AND s.contract_id = c.id \
    WHERE c.account_id > $1 AND c.account_id <= $2 AND c.progress_minor <> coalesce(s.total, 0)";

// A reversed payment either left the utility again or went back into suspense.
const TENDER_SUM: &str = "\
    SELECT NULL::bigint AS account, t.id AS n, \
      format('%s received: %s in payments, %s reversed, %s in suspense', \
             t.amount_minor, coalesce(p.posted, 0), coalesce(p.reversed, 0), t.suspense_minor) AS detail \
    FROM tenders t LEFT JOIN (SELECT tender_id, \
        coalesce(sum(amount_minor) FILTER (WHERE state = 'posted'), 0) AS posted, \
        coalesce(sum(amount_minor) FILTER (WHERE state = 'reversed'), 0) AS reversed \
      FROM payments WHERE tender_id > $1 AND tender_id <= $2 GROUP BY tender_id) p ON p.tender_id = t.id \
    WHERE t.id > $1 AND t.id <= $2 AND NOT ( \
      coalesce(p.posted, 0) + t.suspense_minor <= t.amount_minor \
      AND coalesce(p.posted, 0) + coalesce(p.reversed, 0) + t.suspense_minor >= t.amount_minor) \
    UNION ALL \
    SELECT p.account_id, p.tender_id, format('does not exist, but is paid from by payment %s', p.id) FROM payments p \
    WHERE p.tender_id > $1 AND p.tender_id <= $2 AND NOT EXISTS (SELECT FROM tenders t WHERE t.id = p.tender_id)";

const PAYMENT_FT: &str = "\
    SELECT p.account_id AS account, p.id AS n, format('%s %s, its transactions post %s', p.state, p.amount_minor, \
      coalesce(f.total, 0)) AS detail \
    FROM payments p LEFT JOIN (SELECT account_id, source_id, sum(current_minor) AS total FROM fts \
      WHERE account_id > $1 AND account_id <= $2 AND kind IN ('payment', 'payment_cancel') GROUP BY 1, 2) f \
      ON f.account_id = p.account_id AND f.source_id = p.id \
    WHERE p.account_id > $1 AND p.account_id <= $2 \
      AND coalesce(f.total, 0) <> CASE p.state WHEN 'posted' THEN -p.amount_minor ELSE 0 END";

const DRAW_TENDER: &str = "\
    SELECT d.account_id AS account, d.id AS n, \
      format('%s %s, its payment %s, its tender %s', d.state, coalesce(d.amount_minor::text, 'nothing'), \
             coalesce(p.amount_minor::text, 'none'), coalesce(t.gateway_reference, 'none')) AS detail \
    FROM draws d LEFT JOIN payments p ON p.account_id = d.account_id AND p.id = d.payment_id \
    LEFT JOIN tenders t ON t.id = p.tender_id \
    WHERE d.account_id > $1 AND d.account_id <= $2 AND CASE WHEN d.state = 'succeeded' \
      THEN p.id IS NULL OR p.amount_minor <> d.amount_minor \
        OR t.gateway_reference IS DISTINCT FROM d.gateway_reference \
      ELSE d.payment_id IS NOT NULL END";

const DRAWN_TWICE: &str = "\
    SELECT account_id AS account, max(id) AS n, format('payment %s belongs to %s draws', payment_id, count(*)) AS detail \
    FROM draws WHERE account_id > $1 AND account_id <= $2 AND payment_id IS NOT NULL \
    GROUP BY account_id, payment_id HAVING count(*) > 1";
