//! Tariffs: schedules, their immutable dated versions, and factors. A version that cannot be
//! priced is refused when it is entered, with the place of each fault.

mod book;
mod import;
mod price;
mod tariff;

pub use book::Book;
pub use import::{ImportRequest, ImportedTariff};
pub use price::{PriceRequest, Priced, PricedLine, PricedQuantity, QuantityGiven};
#[cfg(feature = "utoipa")]
pub use rating::schema::TariffForm;
pub(crate) use tariff::{always, stored as stored_tariff, unsaved};

use crate::audit::{self, Action};
use crate::naming::{check_code, check_name, decimal, unless_stale, unless_taken};
use crate::{App, Caller, Error, Result, Utility};
use rating::FactorTable;
use serde_json::{Value, json};
use store::Tx;
use store::rates::{Factor, FactorValue, RateSchedule, RateVersion};
use time::Date;
use vocab::dates::civil;
use vocab::{Code, Commodity, FactorId, Frequency, Problem, RateScheduleId, RateVersionId};

/// A factor with its values, by characteristic and day.
#[derive(Debug, Clone)]
pub struct FactorView {
    /// The factor.
    pub factor: Factor,
    /// Its values.
    pub values: Vec<FactorValue>,
}

/// A value of a factor to add.
#[derive(Debug, Clone)]
pub struct NewFactorValue {
    /// Value of the selecting characteristic; none for a factor without one.
    pub characteristic_value: Option<String>,
    /// First day of this value.
    pub effective_on: Date,
    /// Price, percentage or amount, as a decimal text.
    pub value: String,
}

/// How often a schedule's amounts are meant to be charged.
pub fn frequency(schedule: &RateSchedule) -> Result<Frequency> {
    let of_months = |frequency: &Frequency| i16::from(frequency.months()) == schedule.months;
    Frequency::ALL
        .iter()
        .copied()
        .find(of_months)
        .ok_or_else(|| Error::Fault(format!("a schedule of {} months", schedule.months)))
}

/// Defines a schedule, as yet without versions.
pub fn define_schedule(
    tx: &mut Tx<'_>,
    caller: &Caller,
    code: String,
    name: String,
    commodity: Commodity,
    frequency: Frequency,
    estimation: bool,
) -> Result<RateSchedule> {
    check_code("/code", &code)?;
    check_name("/name", &name)?;
    let id = RateScheduleId(tx.new_id()?);
    let months = frequency.months().into();
    let row = RateSchedule { id, code, name, commodity, months, estimation, version: 1 };
    unless_taken(store::rates::insert_schedule(tx, &row), &row.code)?;
    let after = json!({ "code": row.code, "name": row.name, "commodity": commodity, "frequency": frequency,
        "estimation": estimation });
    record(tx, caller, "rate_schedule.define", id.to_string(), after)?;
    Ok(row)
}

/// Adds a version to a schedule. It is never changed afterwards.
pub fn add_version(
    tx: &mut Tx<'_>,
    caller: &Caller,
    schedule: RateScheduleId,
    tariff: Value,
) -> Result<RateVersion> {
    let utility = Utility::load(tx)?;
    find_schedule(tx, schedule)?;
    let rules = tariff::read(tx, &tariff, &utility.currency)?;
    let effective_on = rules.effective_on();
    let same_day = |version: &RateVersion| version.effective_on == effective_on;
    if let Some(existing) = store::rates::versions(tx, schedule)?.into_iter().find(same_day) {
        let detail = format!("a version is in force from {} already", civil::format(effective_on));
        return Err(Problem::new(Code::AlreadyExists, detail).with("existing", existing.id).into());
    }
    let row = RateVersion {
        id: RateVersionId(tx.new_id()?),
        schedule_id: schedule,
        effective_on,
        tariff,
        created_by: caller.actor(),
        created_at: tx.as_of(),
    };
    unless_taken(store::rates::insert_version(tx, &row), &civil::format(effective_on))?;
    let after = json!({ "schedule": schedule, "effective_on": civil::format(effective_on) });
    record(tx, caller, "rate_version.add", row.id.to_string(), after)?;
    Ok(row)
}

/// Defines a factor, as yet without values.
pub fn define_factor(
    tx: &mut Tx<'_>,
    caller: &Caller,
    code: String,
    name: String,
    characteristic: Option<String>,
) -> Result<FactorView> {
    check_code("/code", &code)?;
    check_name("/name", &name)?;
    if let Some(characteristic) = &characteristic {
        check_code("/characteristic", characteristic)?;
    }
    let factor = Factor { id: FactorId(tx.new_id()?), code, name, characteristic, version: 1 };
    unless_taken(store::rates::insert_factor(tx, &factor), &factor.code)?;
    let after = json!({ "code": factor.code, "characteristic": factor.characteristic });
    record(tx, caller, "factor.define", factor.id.to_string(), after)?;
    Ok(FactorView { factor, values: Vec::new() })
}

/// Adds a dated value to a factor. A value for the same day and characteristic is a conflict.
pub fn add_factor_value(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: FactorId,
    new: NewFactorValue,
) -> Result<FactorValue> {
    let factor = store::rates::factor(tx, id)?.ok_or_else(Problem::not_found)?;
    let pointer = "/characteristic_value";
    match (&factor.characteristic, &new.characteristic_value) {
        (Some(_), Some(value)) => check_name(pointer, value)?,
        (None, None) => {}
        (Some(name), None) => {
            let detail = format!("the factor is looked up by `{name}`");
            return Err(Problem::field(pointer, Code::FieldRequired, detail).into());
        }
        (None, Some(_)) => {
            let detail = "the factor is not looked up by a characteristic";
            return Err(Problem::field(pointer, Code::FieldRange, detail).into());
        }
    }
    let row = FactorValue {
        factor_id: id,
        characteristic_value: new.characteristic_value.unwrap_or_default(),
        effective_on: new.effective_on,
        value: decimal("/value", &new.value)?,
    };
    unless_taken(
        store::rates::insert_factor_values(tx, std::slice::from_ref(&row)),
        &civil::format(row.effective_on),
    )?;
    let after = json!({
        "characteristic_value": row.characteristic_value,
        "effective_on": civil::format(row.effective_on),
        "value": row.value.normalize().to_string(),
    });
    record(tx, caller, "factor_value.add", id.to_string(), after)?;
    Ok(row)
}

/// The values of all factors.
pub(crate) fn factor_table(tx: &mut Tx<'_>) -> Result<FactorTable> {
    let known = store::rates::factors(tx)?;
    Ok(FactorTable::new(book::factor_values(&known, store::rates::all_factor_values(tx)?)?))
}

fn find_schedule(tx: &mut Tx<'_>, id: RateScheduleId) -> Result<RateSchedule> {
    Ok(store::rates::schedule(tx, id)?.ok_or_else(Problem::not_found)?)
}

fn record(tx: &mut Tx<'_>, caller: &Caller, action: &str, subject: String, after: Value) -> Result<()> {
    audit::record(tx, caller, Action { action, subject, after: Some(after), ..Action::default() })
}

impl App {
    /// All schedules, by code.
    pub fn rate_schedules(&self) -> Result<Vec<RateSchedule>> {
        self.db().tx(|tx| Ok(store::rates::schedules(tx)?))
    }

    /// One schedule.
    pub fn rate_schedule(&self, id: RateScheduleId) -> Result<RateSchedule> {
        self.db().tx(|tx| find_schedule(tx, id))
    }

    /// Changes the name of a schedule that the caller read as `version`, and whether it allows estimates;
    /// what is absent stays.
    pub fn change_rate_schedule(
        &self,
        caller: &Caller,
        id: RateScheduleId,
        version: i64,
        name: Option<String>,
        estimation: Option<bool>,
    ) -> Result<RateSchedule> {
        if let Some(name) = &name {
            check_name("/name", name)?;
        }
        self.db().tx(|tx| {
            let old = find_schedule(tx, id)?;
            let new = RateSchedule {
                name: name.unwrap_or(old.name),
                estimation: estimation.unwrap_or(old.estimation),
                version: version + 1,
                ..old
            };
            unless_stale(store::rates::update_schedule(tx, &new, version)?)?;
            let after = json!({ "name": new.name, "estimation": new.estimation });
            record(tx, caller, "rate_schedule.change", id.to_string(), after)?;
            Ok(new)
        })
    }

    /// The versions of a schedule, by day.
    pub fn rate_versions(&self, id: RateScheduleId) -> Result<Vec<RateVersion>> {
        self.db().tx(|tx| {
            find_schedule(tx, id)?;
            Ok(store::rates::versions(tx, id)?)
        })
    }

    /// One version of a schedule.
    pub fn rate_version(&self, schedule: RateScheduleId, id: RateVersionId) -> Result<RateVersion> {
        self.db().tx(|tx| Ok(store::rates::version(tx, schedule, id)?.ok_or_else(Problem::not_found)?))
    }

    /// All factors, by code.
    pub fn factors(&self) -> Result<Vec<Factor>> {
        self.db().tx(|tx| Ok(store::rates::factors(tx)?))
    }

    /// One factor with its values.
    pub fn factor(&self, id: FactorId) -> Result<FactorView> {
        self.db().tx(|tx| {
            let factor = store::rates::factor(tx, id)?.ok_or_else(Problem::not_found)?;
            Ok(FactorView { factor, values: store::rates::factor_values(tx, id)? })
        })
    }

    /// Renames a factor that the caller read as `version`.
    pub fn rename_factor(&self, caller: &Caller, id: FactorId, version: i64, name: String) -> Result<Factor> {
        check_name("/name", &name)?;
        self.db().tx(|tx| {
            let old = store::rates::factor(tx, id)?.ok_or_else(Problem::not_found)?;
            let new = Factor { name, version: version + 1, ..old };
            unless_stale(store::rates::rename_factor(tx, &new, version)?)?;
            record(tx, caller, "factor.rename", id.to_string(), json!({ "name": new.name }))?;
            Ok(new)
        })
    }
}
