//! The routes, a file per room.

pub mod accounts;
pub mod audit;
pub mod auth;
pub mod bill_runs;
pub mod bills;
pub mod deliveries;
pub mod invoices;
pub mod operations;
pub mod persons;
pub mod review;
pub mod settings;
pub mod staff;
pub mod system;

use utoipa_actix_web::service_config::ServiceConfig;

/// Every route of the API.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .configure(auth::configure)
        .configure(accounts::configure)
        .configure(persons::configure)
        .configure(staff::configure)
        .configure(settings::configure)
        .configure(audit::configure)
        .configure(operations::configure)
        .configure(bill_runs::configure)
        .configure(review::configure)
        .configure(bills::configure)
        .configure(invoices::configure)
        .configure(deliveries::configure)
        .configure(system::configure);
}
