//! When something that runs over several periods is settled.

use serde::{Deserialize, Serialize};
use time::{Date, Month};
use vocab::Period;

/// When something that runs over several periods is settled. A final segment always settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema), schema(as = TariffSettlement))]
#[serde(tag = "every", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settlement {
    /// With every period.
    #[default]
    Period,
    /// With the period that holds the last day of this month.
    Year {
        /// 1 for January.
        month: u8,
    },
    /// Only with the final segment.
    Never,
}

impl Settlement {
    pub(crate) const fn never() -> Self {
        Self::Never
    }

    /// For serde.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) const fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }

    /// For serde.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) const fn is_every_period(&self) -> bool {
        matches!(self, Self::Period)
    }

    /// Whether this period settles.
    pub fn is_due(self, period: Period, is_final: bool) -> bool {
        is_final
            || match self {
                Self::Period => true,
                Self::Never => false,
                Self::Year { .. } => {
                    self.last_before(period.last_on()).is_some_and(|day| period.contains(day))
                }
            }
    }

    /// Days of the year that begins after this settling day, to the next one.
    pub(crate) fn days_of_year(after: Date) -> Option<i64> {
        let next = after.year().checked_add(1)?;
        let next = Date::from_calendar_date(next, after.month(), after.month().length(next)).ok()?;
        Some((next - after).whole_days())
    }

    /// The last settling day that is not after this one, of a yearly settlement.
    pub fn last_before(self, on: Date) -> Option<Date> {
        let Self::Year { month } = self else { return None };
        let month = Month::try_from(month).ok()?;
        let of = |year| Date::from_calendar_date(year, month, month.length(year)).ok();
        of(on.year()).filter(|day| *day <= on).or_else(|| of(on.year() - 1))
    }
}
