//! Worked bills, published bills, properties and stored forms of the rating engine.

#[cfg(test)]
mod banks;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod derived;
#[cfg(test)]
mod discounts;
#[cfg(test)]
mod documented;
#[cfg(test)]
#[path = "../../examples/bill.rs"]
mod example;
#[cfg(test)]
mod explained;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod intervals;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod published;
#[cfg(test)]
#[path = "../random/mod.rs"]
mod random;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod seasons;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tiers;
#[cfg(test)]
mod time_of_use;
#[cfg(test)]
mod urdb;
#[cfg(test)]
mod written;
