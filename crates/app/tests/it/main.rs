//! Use cases against a real database.

mod invoices;
