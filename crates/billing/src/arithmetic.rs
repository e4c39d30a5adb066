//! A segment's arithmetic with its stored text, which is written once: a draft's document and the posted segment
//! are the same text.

use crate::document::Calculation;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A [`Calculation`] that changes no more. Copies share it and its text.
#[derive(Clone)]
pub struct Arithmetic(Arc<Inner>);

struct Inner {
    calc: Calculation,
    text: OnceLock<Box<RawValue>>,
}

impl Arithmetic {
    /// The text to store: written when it is first asked for.
    pub fn text(&self) -> Result<&str, serde_json::Error> {
        Ok(self.raw()?.get())
    }

    fn raw(&self) -> Result<&RawValue, serde_json::Error> {
        let inner = &*self.0;
        if inner.text.get().is_none() {
            // Another thread that wrote it meanwhile wrote the same.
            let _ = inner.text.set(to_raw_value(&inner.calc)?);
        }
        inner.text.get().map(|text| &**text).ok_or_else(|| serde::ser::Error::custom("no text was written"))
    }
}

impl From<Calculation> for Arithmetic {
    fn from(calc: Calculation) -> Self {
        Self(Arc::new(Inner { calc, text: OnceLock::new() }))
    }
}

impl Deref for Arithmetic {
    type Target = Calculation;
    fn deref(&self) -> &Calculation {
        &self.0.calc
    }
}

impl PartialEq for Arithmetic {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl std::fmt::Debug for Arithmetic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.calc.fmt(f)
    }
}

impl Serialize for Arithmetic {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.raw().map_err(serde::ser::Error::custom)?.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Arithmetic {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Calculation::deserialize(from).map(Self::from)
    }
}
