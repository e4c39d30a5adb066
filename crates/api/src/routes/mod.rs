//! The routes, a file per room.

pub mod accounts;
pub mod adjustments;
pub mod arrangements;
pub mod audit;
pub mod auth;
pub mod balances;
pub mod bill_errors;
pub mod bill_messages;
pub mod bill_runs;
pub mod bills;
pub mod budgets;
pub mod bulk_corrections;
pub mod charges;
pub mod contract_terms;
pub mod contract_types;
pub mod contracts;
pub mod corrections;
pub mod cycles;
pub mod dashboard;
pub mod deliveries;
pub mod exemptions;
pub mod explanations;
pub mod factors;
pub mod held_reads;
pub mod interval_data;
pub mod interval_gaps;
pub mod interval_history;
pub mod invoices;
pub mod ledger;
pub mod ledger_setup;
pub mod meters;
pub mod operations;
pub mod payment_methods;
pub mod payment_runs;
pub mod payments;
pub mod persons;
pub mod places;
pub mod portal;
pub mod rates;
pub mod reading_exports;
pub mod reading_formats;
pub mod reading_imports;
pub mod reads;
pub mod rebill_proposals;
pub mod reread_orders;
pub mod review;
pub mod rule_forms;
pub mod schedules;
pub mod settings;
pub mod single_bills;
pub mod staff;
pub mod system;
pub mod tariff_imports;
pub mod usage_profiles;
pub mod what_if;
pub mod window_steps;
pub mod windows;
pub mod work_lists;

use utoipa_actix_web::service_config::ServiceConfig;

/// Every route of the API.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .configure(auth::configure)
        .configure(accounts::configure)
        .configure(persons::configure)
        .configure(staff::configure)
        .configure(settings::configure)
        .configure(usage_profiles::configure)
        .configure(audit::configure)
        .configure(operations::configure)
        .configure(bill_runs::configure)
        .configure(review::configure)
        .configure(bill_errors::configure)
        .configure(work_lists::configure)
        .configure(bills::configure)
        .configure(single_bills::configure)
        .configure(corrections::configure)
        .configure(bulk_corrections::configure)
        .configure(balances::configure)
        .configure(explanations::configure)
        .configure(interval_gaps::configure)
        .configure(invoices::configure)
        .configure(deliveries::configure)
        .configure(ledger_setup::configure)
        .configure(rates::configure)
        .configure(tariff_imports::configure)
        .configure(factors::configure)
        .configure(what_if::configure)
        .configure(contract_types::configure)
        .configure(cycles::configure)
        .configure(windows::configure)
        .configure(window_steps::configure)
        .configure(schedules::configure)
        .configure(bill_messages::configure)
        .configure(contracts::configure)
        .configure(arrangements::configure)
        .configure(budgets::configure)
        .configure(charges::configure)
        .configure(exemptions::configure)
        .configure(places::configure)
        .configure(meters::configure)
        .configure(held_reads::configure)
        .configure(reads::configure)
        .configure(reading_exports::configure)
        .configure(reading_formats::configure)
        .configure(interval_data::configure)
        .configure(interval_history::configure)
        .configure(reread_orders::configure)
        .configure(rebill_proposals::configure)
        .configure(reading_imports::configure)
        .configure(adjustments::configure)
        .configure(ledger::configure)
        .configure(payments::configure)
        .configure(payment_methods::configure)
        .configure(payment_runs::configure)
        .configure(dashboard::configure)
        .configure(portal::configure)
        .configure(system::configure);
}
