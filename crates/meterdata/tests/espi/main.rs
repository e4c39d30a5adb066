//! Green Button: what files say, what they may not do, and that what is written is read.

#[cfg(test)]
mod astray;
#[cfg(test)]
mod made;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod said;
#[cfg(test)]
mod written;
