//! The rows that nearly every test needs below the ones it is about.

use crate::TestDatabase;
use anyhow::Result;

impl TestDatabase {
    /// A utility that bills in US dollars at UTC, with sites 1 and 2, cycle 1, class `residential`,
    /// the ledger accounts 1 receivable, 2 cash, 3 suspense and 4 fees (named in the settings),
    /// and adjustment type 1, `fee`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn lay_ground(&self) -> Result<()> {
        self.execute(
            "INSERT INTO gl_accounts (id, code, name) VALUES \
               (1, '1100', 'Receivable'), (2, '1000', 'Cash'), (3, '2100', 'Suspense'), (4, '4100', 'Fees'); \
             INSERT INTO settings (id, utility_name, contact_phone, contact_email, website, pay_address, currency, \
               minor_digits, time_zone, languages, sandbox, review_delay_hours, read_days_before, read_days_after, \
               checks, pay_link_base, receivable_gl_id, cash_gl_id, suspense_gl_id, version) VALUES \
               (1, 'Mill Creek Utilities', '555-0100', 'office@millcreek.example', 'https://millcreek.example', \
               ARRAY['1 Mill Lane'], 'USD', 2, 'UTC', ARRAY['en', 'es'], true, 4, 7, 5, '{}', \
               'https://millcreek.example/pay', 1, 2, 3, 1); \
             INSERT INTO sites (id, code, name, version) VALUES (1, 'north', 'North', 1), (2, 'south', 'South', 1); \
             INSERT INTO bill_cycles (id, code, name, version) VALUES (1, 'C1', 'First', 1); \
             INSERT INTO customer_classes (code, name, due_days) VALUES ('residential', 'Residential', 20); \
             INSERT INTO adjustment_types (id, code, name, gl_id) VALUES (1, 'fee', 'Fee', 4);",
        )
    }
}
