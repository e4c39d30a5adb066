//! What classes of customers use: what an estimate rests on where nothing else does.

use crate::schema::usage_profiles;
use crate::{Error, Result, Tx};
use diesel::prelude::*;
use metering::UsageProfile;
use rust_decimal::Decimal;
use vocab::{Commodity, Unit, UsageProfileId};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = usage_profiles, treat_none_as_default_value = false)]
struct Row {
    id: UsageProfileId,
    class_code: String,
    commodity: Commodity,
    unit: Unit,
    bucket: Option<String>,
    per_day: Vec<Decimal>,
    version: i64,
}

/// A stored profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Row id.
    pub id: UsageProfileId,
    /// Goes up by one with every change.
    pub version: i64,
    /// The profile.
    pub profile: UsageProfile,
}

impl Row {
    fn read(self) -> Result<Stored> {
        let per_day = <[Decimal; 12]>::try_from(self.per_day)
            .map_err(|_| Error::Corrupt { what: "usage profile", why: "not twelve values".to_owned() })?;
        let profile = UsageProfile {
            class: self.class_code,
            commodity: self.commodity,
            unit: self.unit,
            tou_bucket: self.bucket,
            per_day: per_day.map(|value| value.normalize()),
        };
        Ok(Stored { id: self.id, version: self.version, profile })
    }
}

/// All profiles, by class, commodity, unit and bucket: a utility has a handful.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<Stored>> {
    let rows: Vec<Row> = usage_profiles::table
        .select(Row::as_select())
        .order((
            usage_profiles::class_code,
            usage_profiles::commodity,
            usage_profiles::unit,
            usage_profiles::bucket.asc().nulls_first(),
        ))
        .load(tx.conn)?;
    rows.into_iter().map(Row::read).collect()
}

/// The version of the profile for the same class, commodity, unit and bucket, locked; none when there is none.
pub fn lock_version(tx: &mut Tx<'_>, profile: &UsageProfile) -> Result<Option<i64>> {
    let same = usage_profiles::class_code
        .eq(&profile.class)
        .and(usage_profiles::commodity.eq(profile.commodity))
        .and(usage_profiles::unit.eq(profile.unit))
        .and(usage_profiles::bucket.is_not_distinct_from(&profile.tou_bucket));
    Ok(usage_profiles::table
        .filter(same)
        .select(usage_profiles::version)
        .for_update()
        .first(tx.conn)
        .optional()?)
}

/// Adds a profile, or replaces the one for the same class, commodity, unit and bucket.
pub fn put(tx: &mut Tx<'_>, id: UsageProfileId, profile: &UsageProfile) -> Result<Stored> {
    let row = Row {
        id,
        class_code: profile.class.clone(),
        commodity: profile.commodity,
        unit: profile.unit,
        bucket: profile.tou_bucket.clone(),
        per_day: profile.per_day.to_vec(),
        version: 1,
    };
    let row: Row = diesel::insert_into(usage_profiles::table)
        .values(&row)
        .on_conflict((
            usage_profiles::class_code,
            usage_profiles::commodity,
            usage_profiles::unit,
            usage_profiles::bucket,
        ))
        .do_update()
        .set((
            usage_profiles::per_day.eq(&row.per_day),
            usage_profiles::version.eq(usage_profiles::version + 1),
        ))
        .returning(Row::as_returning())
        .get_result(tx.conn)?;
    row.read()
}

/// Removes a profile and answers it; none when there is none.
pub fn delete(tx: &mut Tx<'_>, id: UsageProfileId) -> Result<Option<UsageProfile>> {
    let row: Option<Row> = diesel::delete(usage_profiles::table.filter(usage_profiles::id.eq(id)))
        .returning(Row::as_returning())
        .get_result(tx.conn)
        .optional()?;
    row.map(|row| Ok(row.read()?.profile)).transpose()
}
