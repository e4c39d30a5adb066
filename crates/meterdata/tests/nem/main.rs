//! NEM12 and NEM13: what is taken, what is rejected, and the files of the trade.

#[cfg(test)]
mod beside;
#[cfg(test)]
mod files;
#[cfg(test)]
mod intervals;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod readings;
#[cfg(test)]
mod whole_files;
