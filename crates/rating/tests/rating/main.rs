//! Worked bills, published bills, properties and stored forms of the rating engine.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod documented;
#[cfg(test)]
#[path = "../../examples/bill.rs"]
mod example;
#[cfg(test)]
mod explained;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod published;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod table;
