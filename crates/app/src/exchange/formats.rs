//! How a file is read: formats stored under the utility's own names, those that come with the program,
//! and the choice of one for a file that says nothing.

use crate::audit::{self, Action};
use crate::{App, Caller, Result};
use meterdata::FileForm;
use meterdata::csv::ColumnMap;
use serde_json::json;
use store::reading_formats::{self as stored, StoredFormat};
use store::{Cursor, Page, Tx};
use vocab::{Code, FieldError, Problem, ReadingFormatId, Zone};

/// First bytes of a file that its format is told from.
pub(super) const BEGINNING_BYTES: u64 = 64 * 1024;

/// How the sender says that a file is to be read.
#[derive(Debug, Clone, Default)]
pub enum Asked {
    /// Not at all: the file itself must tell.
    #[default]
    Nothing,
    /// By the name of a stored format, of one that comes with the program, or of a format that needs no
    /// more than its name (`nem`).
    Named(String),
    /// In full.
    Form(FileForm),
}

/// Formats that need no more than their names.
fn plain(name: &str) -> Option<FileForm> {
    serde_json::from_value(json!({ "format": name })).ok()
}

/// Formats that come with the program.
pub fn built_in() -> Vec<(String, FileForm)> {
    let plain_ones = ["nem", "green_button", "cmep", "beacon", "itron", "d0010"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), plain(name)?)));
    let shipped = FileForm::shipped().into_iter().map(|(name, form)| (name.to_owned(), form));
    shipped.chain(plain_ones).collect()
}

/// The form of this name: one of the utility's own, or one that comes with the program.
pub(super) fn named(tx: &mut Tx<'_>, name: &str) -> Result<Option<FileForm>> {
    if let Some(found) = stored::named(tx, name)? {
        return Ok(Some(form_of(&found)?));
    }
    Ok(built_in().into_iter().find(|(known, _)| known == name).map(|(_, form)| form))
}

/// The form that a file is to be read by, with its name when it has one.
pub(super) fn choose(
    tx: &mut Tx<'_>,
    asked: &Asked,
    beginning: &[u8],
    zone: &Zone,
) -> Result<(Option<String>, FileForm)> {
    match asked {
        Asked::Form(form) => {
            check(form, "/form")?;
            Ok((None, form.clone()))
        }
        Asked::Named(name) => {
            let form = named(tx, name)?.ok_or_else(|| {
                let detail = format!("there is no format {name:?}; GET /v1/reading-formats lists them");
                Problem::new(Code::MalformedParameter, detail).with("name", "format")
            })?;
            Ok((Some(name.clone()), form))
        }
        Asked::Nothing => detected(tx, beginning, zone),
    }
}

/// By what the file begins with: a format that can be told, the columns of an exported file, or those of
/// the one stored mapping that fits.
fn detected(tx: &mut Tx<'_>, beginning: &[u8], zone: &Zone) -> Result<(Option<String>, FileForm)> {
    match meterdata::detect(beginning) {
        // Its header does not say whether the values are of dials or of intervals.
        Some(FileForm::Itron { .. }) => {
            let detail = "an export of Itron: say with `format=itron` that it has registers, or with `form` that \
                          it has intervals";
            return Err(Problem::new(Code::FileUnreadable, detail).with("line", 1).into());
        }
        Some(form) => return Ok((None, form)),
        None => {}
    }
    let own = FileForm::Csv(ColumnMap::reading_export());
    if fits(&own, beginning, zone) {
        return Ok((None, own));
    }
    let mut fitting: Vec<(String, FileForm)> = Vec::new();
    for found in stored::all(tx)? {
        let form = form_of(&found)?;
        if fits(&form, beginning, zone) {
            fitting.push((found.name, form));
        }
    }
    let names: Vec<&str> = fitting.iter().map(|(name, _)| name.as_str()).collect();
    let detail = match names.len() {
        1 => {
            return Ok(fitting
                .pop()
                .map(|(name, form)| (Some(name), form))
                .ok_or_else(Problem::not_found)?);
        }
        0 => "the format cannot be told from the file: name one with `format`, or send a mapping as `form`"
            .to_owned(),
        _ => format!("several formats fit the file: {}; name one with `format`", names.join(", ")),
    };
    Err(Problem::new(Code::FileUnreadable, detail).with("line", 1).into())
}

/// Whether a file that begins so has the columns of a mapping. Layouts of fixed width fit almost anything,
/// so they must be named.
fn fits(form: &FileForm, beginning: &[u8], zone: &Zone) -> bool {
    matches!(form, FileForm::Csv(_)) && form.open(beginning, zone).is_ok()
}

pub(super) fn form_of(stored: &StoredFormat) -> Result<FileForm> {
    Ok(serde_json::from_value(stored.form.clone())?)
}

/// Refuses a form that nothing can be read by, with pointers below `at`.
pub(super) fn check(form: &FileForm, at: &str) -> std::result::Result<(), Problem> {
    let Err(faults) = form.check() else { return Ok(()) };
    let mut errors = faults.into_iter().map(|(pointer, detail)| FieldError {
        pointer: format!("{at}{pointer}"),
        code: Code::FieldRange,
        detail,
    });
    let Some(first) = errors.next() else { return Ok(()) };
    let mut problem = Problem::field(first.pointer, first.code, first.detail);
    problem.errors.extend(errors);
    Err(problem)
}

/// A format to be stored.
#[derive(Debug, Clone)]
pub struct NewFormat {
    /// Its name, unique in the utility.
    pub name: String,
    /// How files of it are read.
    pub form: FileForm,
}

fn check_new(new: &NewFormat) -> Result<()> {
    crate::naming::check_code("/name", &new.name)?;
    if built_in().iter().any(|(name, _)| *name == new.name) {
        let detail = "a format that comes with the program has this name";
        return Err(Problem::field("/name", Code::FieldRange, detail).into());
    }
    Ok(check(&new.form, "/form")?)
}

/// Stores a format.
pub fn add(tx: &mut Tx<'_>, caller: &Caller, new: NewFormat) -> Result<StoredFormat> {
    check_new(&new)?;
    let row = StoredFormat {
        id: ReadingFormatId(tx.new_id()?),
        name: new.name,
        form: serde_json::to_value(&new.form)?,
        version: 1,
        created_by: caller.actor(),
        created_at: tx.as_of(),
    };
    if !stored::insert(tx, &row)? {
        return Err(taken(tx, &row.name)?.into());
    }
    record(tx, caller, "reading_format.add", &row)?;
    Ok(row)
}

fn taken(tx: &mut Tx<'_>, name: &str) -> Result<Problem> {
    let existing = stored::named(tx, name)?.map(|row| row.id.to_string()).unwrap_or_default();
    let detail = format!("there is a format {name} already");
    Ok(Problem::new(Code::AlreadyExists, detail).with("existing", existing))
}

/// Changes a format that is still of this version. Imports keep the form that they were read by.
fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: ReadingFormatId,
    version: i64,
    new: NewFormat,
) -> Result<StoredFormat> {
    let old = stored::lock(tx, id)?.ok_or_else(Problem::not_found)?;
    if old.version != version {
        return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
    }
    check_new(&new)?;
    let other = stored::named(tx, &new.name)?;
    if other.is_some_and(|other| other.id != id) {
        return Err(taken(tx, &new.name)?.into());
    }
    let row = StoredFormat {
        name: new.name,
        form: serde_json::to_value(&new.form)?,
        version: old.version + 1,
        ..old
    };
    stored::update(tx, &row)?;
    record(tx, caller, "reading_format.change", &row)?;
    Ok(row)
}

/// Removes a format.
fn remove(tx: &mut Tx<'_>, caller: &Caller, id: ReadingFormatId) -> Result<()> {
    let row = stored::lock(tx, id)?.ok_or_else(Problem::not_found)?;
    stored::delete(tx, id)?;
    record(tx, caller, "reading_format.remove", &row)
}

fn record(tx: &mut Tx<'_>, caller: &Caller, action: &str, row: &StoredFormat) -> Result<()> {
    let after = Some(json!({ "name": row.name, "form": row.form }));
    audit::record(tx, caller, Action { action, subject: row.id.to_string(), after, ..Action::default() })
}

impl App {
    /// The utility's formats, by name.
    pub fn reading_formats(&self, after: Option<&Cursor>, limit: i64) -> Result<Page<StoredFormat>> {
        self.db().tx(|tx| Ok(stored::list(tx, after, limit)?))
    }

    /// Changes a format.
    pub fn change_reading_format(
        &self,
        caller: &Caller,
        id: ReadingFormatId,
        version: i64,
        new: NewFormat,
    ) -> Result<StoredFormat> {
        self.db().tx(|tx| change(tx, caller, id, version, new))
    }

    /// Removes a format.
    pub fn remove_reading_format(&self, caller: &Caller, id: ReadingFormatId) -> Result<()> {
        self.db().tx(|tx| remove(tx, caller, id))
    }

    /// One of the utility's formats.
    pub fn reading_format(&self, id: ReadingFormatId) -> Result<StoredFormat> {
        self.db().tx(|tx| Ok(stored::find(tx, id)?.ok_or_else(Problem::not_found)?))
    }
}
