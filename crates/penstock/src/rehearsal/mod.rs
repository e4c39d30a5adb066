//! What demonstrations and measurements share: an installation that reaches nothing beyond its
//! directory, a client of its API, and a made-up town founded in it.

pub mod client;
pub mod founding;
pub mod installation;
pub mod table;

pub use installation::Installation;

/// Who does everything in it.
pub const EMAIL: &str = "demo@penstock.example";
/// Known to everybody: the directory holds nothing but made-up data.
pub const PASSWORD: &str = "penstock demonstration";
/// Chooses among all towns; the same one each time.
pub const SEED: u64 = 1;
