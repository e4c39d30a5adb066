//! Cases of our own through every adapter, and those of others beside the project.

#[cfg(test)]
mod adapters;
#[cfg(test)]
mod tampered;
