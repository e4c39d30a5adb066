//! A stored record that was changed anywhere in its arithmetic is found out.

#[cfg(test)]
mod tampered;
#[cfg(test)]
mod worked_out;
