//! Worked bills, published bills, properties and stored forms of the rating engine.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod published;
#[cfg(test)]
mod table;
