//! One case: a file of a folder.

use crate::{Fields, Stop, number};
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::path::{Component, Path, PathBuf};
use vocab::Decimal;

/// A tariff, inputs, and what is expected of them.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// What kind of case it is: reports count by it.
    pub kind: String,
    /// The tariff's format.
    pub format: String,
    /// The tariff, with its `format`.
    pub tariff: Map<String, Value>,
    /// Use, loads, dates.
    pub inputs: Map<String, Value>,
    /// Published decimals, or another engine's numbers.
    pub expected: Map<String, Value>,
    /// How far a found number may be off; `None` where it is no number.
    pub tolerance: Option<Decimal>,
    /// Where the paths in the case begin.
    root: PathBuf,
}

/// The cases of a folder, in order of name.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl Case {
    /// Reads a file of a folder.
    pub fn read(file: &Path, folder: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
        let value = serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
        let folder = std::path::absolute(folder)?;
        let root = folder.parent().unwrap_or(&folder);
        Self::from_value(value, root).with_context(|| format!("{} is no case", file.display()))
    }

    /// A case with the folder that its paths begin at.
    pub fn from_value(value: Value, root: &Path) -> Result<Self> {
        let Value::Object(mut whole) = value else { anyhow::bail!("it is not an object") };
        let mut object = |key: &str| match whole.remove(key) {
            Some(Value::Object(map)) => Ok(map),
            None | Some(Value::Null) => Ok(Map::new()),
            Some(_) => Err(anyhow::anyhow!("`{key}` is not an object")),
        };
        let (tariff, inputs, expected) = (object("tariff")?, object("inputs")?, object("expected")?);
        let text = |key: &str| {
            let text = whole.get(key).and_then(Value::as_str).map(str::to_owned);
            text.with_context(|| format!("`{key}` is not a text"))
        };
        Ok(Self {
            id: text("id")?,
            kind: text("kind")?,
            format: tariff.get("format").and_then(Value::as_str).unwrap_or_default().to_owned(),
            tolerance: whole.get("tolerance").map_or(Some(Decimal::ZERO), number::tolerance),
            tariff,
            inputs,
            expected,
            root: root.to_path_buf(),
        })
    }

    /// The tariff's fields; the format's name is known already.
    pub fn tariff(&self) -> Fields<'_> {
        let fields = Fields::new("tariff", &self.tariff);
        fields.describe(&["format"]);
        fields
    }

    /// The inputs' fields.
    pub fn inputs(&self) -> Fields<'_> {
        Fields::new("inputs", &self.inputs)
    }

    /// What is expected.
    pub fn expected(&self) -> Fields<'_> {
        Fields::new("expected", &self.expected)
    }

    /// The text of a file that the case names.
    pub fn file(&self, path: &str) -> Result<String, Stop> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(Stop::because(format!("the path `{path}` leaves the folder of the cases")));
        }
        std::fs::read_to_string(self.root.join(path))
            .map_err(|error| Stop::because(format!("the file `{path}` cannot be read: {error}")))
    }
}
