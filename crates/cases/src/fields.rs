//! Reading a JSON object so that no key is passed over in silence.

use crate::{Stop, number};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use time::Date;
use vocab::Decimal;

/// A JSON object that knows which of its keys were asked for.
pub struct Fields<'a> {
    at: String,
    map: &'a Map<String, Value>,
    taken: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Fields<'a> {
    /// An object with the name of its place.
    pub fn new(at: impl Into<String>, map: &'a Map<String, Value>) -> Self {
        Self { at: at.into(), map, taken: RefCell::default() }
    }

    /// The same for a value that must be an object.
    pub fn of(at: impl Into<String>, value: &'a Value) -> Result<Self, Stop> {
        let at = at.into();
        match value {
            Value::Object(map) => Ok(Self::new(at, map)),
            _ => Err(Stop::because(format!("`{at}` is not an object"))),
        }
    }

    /// The name of a key's place.
    pub fn place(&self, key: &str) -> String {
        format!("{}.{key}", self.at)
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.map.keys().map(String::as_str)
    }

    /// A value, when it is there and not null.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        let (name, value) = self.map.get_key_value(key)?;
        self.taken.borrow_mut().insert(name.as_str());
        (!value.is_null()).then_some(value)
    }

    /// A value that must be there.
    pub fn need(&self, key: &str) -> Result<&'a Value, Stop> {
        self.get(key).ok_or_else(|| Stop::because(format!("`{}` is missing", self.place(key))))
    }

    /// A text, when it is there.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Stop> {
        self.get(key).map(|value| value.as_str().ok_or_else(|| self.wrong(key, "a text"))).transpose()
    }

    /// A text that must be there.
    pub fn need_text(&self, key: &str) -> Result<&'a str, Stop> {
        self.need(key)?.as_str().ok_or_else(|| self.wrong(key, "a text"))
    }

    /// A decimal, when it is there.
    pub fn number(&self, key: &str) -> Result<Option<Decimal>, Stop> {
        self.get(key).map(|value| number::needed(value, &self.place(key))).transpose()
    }

    /// A decimal that must be there.
    pub fn need_number(&self, key: &str) -> Result<Decimal, Stop> {
        number::needed(self.need(key)?, &self.place(key))
    }

    /// A small whole number, when it is there.
    pub fn whole(&self, key: &str) -> Result<Option<i64>, Stop> {
        let whole = |value| number::whole(value, 1_000_000).ok_or_else(|| self.wrong(key, "a whole number"));
        self.number(key)?.map(whole).transpose()
    }

    /// True or false; absent is false.
    pub fn flag(&self, key: &str) -> Result<bool, Stop> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(self.wrong(key, "true or false")),
        }
    }

    /// A list; absent is empty.
    pub fn list(&self, key: &str) -> Result<&'a [Value], Stop> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.wrong(key, "a list")),
        }
    }

    /// An object, when it is there.
    pub fn object(&self, key: &str) -> Result<Option<Fields<'a>>, Stop> {
        self.get(key).map(|value| Fields::of(self.place(key), value)).transpose()
    }

    /// A civil date, when it is there.
    pub fn date(&self, key: &str) -> Result<Option<Date>, Stop> {
        let read = |text| date(text).ok_or_else(|| self.wrong(key, "a date"));
        self.text(key)?.map(read).transpose()
    }

    /// Keys that say nothing about amounts.
    pub fn describe(&self, keys: &[&str]) {
        for key in keys {
            self.get(key);
        }
    }

    /// Refuses the keys that nobody asked for.
    pub fn finish(&self) -> Result<(), Stop> {
        match self.left().first() {
            None => Ok(()),
            Some(key) => Err(Stop::because(format!("`{}` is not known", self.place(key)))),
        }
    }

    /// The keys that nobody asked for, with a value.
    pub fn left(&self) -> Vec<&'a str> {
        let taken = self.taken.borrow();
        let left = self.map.iter().filter(|(key, value)| !value.is_null() && !taken.contains(key.as_str()));
        left.map(|(key, _)| key.as_str()).collect()
    }

    /// A value of another kind than is needed.
    pub fn wrong(&self, key: &str, kind: &str) -> Stop {
        Stop::because(format!("`{}` is not {kind}", self.place(key)))
    }

    /// A word that has no meaning here.
    pub fn unknown(&self, key: &str, value: &str) -> Stop {
        Stop::because(format!("`{}`: `{value}` is not known", self.place(key)))
    }
}

/// A civil date, also as the beginning of a time at midnight.
pub fn date(text: &str) -> Option<Date> {
    let day = text.get(..10).and_then(vocab::dates::civil::parse)?;
    let rest = text.get(10..)?;
    matches!(rest, "" | "T00:00" | "T00:00:00").then_some(day)
}
