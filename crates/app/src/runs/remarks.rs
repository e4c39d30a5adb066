//! Reads that a reviewer should know of: held ones about the window's end, and valid ones that came with
//! warnings; days of interval data alike, on any day.

use super::inputs::Reads;
use crate::Result;
use billing::{PointMeters, ReadRemark, RunContext};
use metering::validate::Rule;
use store::Tx;
use store::intervals::DaySum;
use vocab::dates::plus_days;
use vocab::{ReadStatus, RegisterId, ServicePointId};

/// What begins the reason of a read that a person released.
pub(crate) const RELEASED: &str = "released: ";

/// Of the service points: for a test all, for what is to be billed those held, which the digest has. A
/// held read that a valid one of its day stands for says nothing any more.
pub(super) fn load(
    tx: &mut Tx<'_>,
    context: &RunContext,
    meters: &[PointMeters],
    reads: Reads,
) -> Result<Vec<ReadRemark>> {
    let points: Vec<ServicePointId> = meters.iter().map(|point| point.service_point).collect();
    if points.is_empty() {
        return Ok(Vec::new());
    }
    let window = context.window();
    let about_on =
        plus_days(window.ends_on, -i64::from(context.read_window().days_before)).unwrap_or(window.ends_on);
    let last_on = context.last_read_on();
    let rows = match reads {
        Reads::WithHistory => store::reads::remarked(tx, &points, window.starts_on.min(about_on), last_on)?,
        Reads::Billed => store::reads::waiting(tx, &points, about_on, last_on)?,
    };
    let is_replaced = |register: RegisterId, on| {
        let at = meters.binary_search_by_key(&register.owner, |point| point.service_point);
        let registers = at.ok().and_then(|at| meters.get(at)).map_or(&[][..], |point| &point.registers);
        registers.iter().any(|of| of.register.id == register && of.as_metered().valid_on(on).is_some())
    };
    let mut remarks = Vec::with_capacity(rows.len());
    for row in rows {
        let register = RegisterId::new(row.service_point_id, row.register_id);
        let is_held = row.status == ReadStatus::Held;
        let reason = row.reason.unwrap_or_default();
        let rules = if is_held { reason } else { warnings(&reason) };
        let counts = if is_held {
            about_on <= row.read_on && !is_replaced(register, row.read_on)
        } else {
            !rules.is_empty()
        };
        if counts {
            let (read_on, value) = (row.read_on, row.value);
            remarks.push(ReadRemark { register, read_on, value, is_day: false, is_held, rules });
        }
    }
    Ok(remarks)
}

/// What a day of interval data has for the reviewer.
pub(super) fn of_day(row: &DaySum) -> Option<ReadRemark> {
    let broken = row.rules.as_deref().unwrap_or_default();
    let rules = if row.is_held { broken.to_owned() } else { warnings(broken) };
    (row.is_held || !rules.is_empty()).then(|| ReadRemark {
        register: RegisterId::new(row.service_point_id, row.register_id),
        read_on: row.day,
        value: row.total,
        is_day: true,
        is_held: row.is_held,
        rules,
    })
}

/// The rules among a read's reasons that the review does not look at itself.
fn warnings(reason: &str) -> String {
    if reason.starts_with(RELEASED) {
        return String::new();
    }
    let counts = |word: &&str| {
        let rule = serde_json::from_value::<Rule>(serde_json::Value::from(*word));
        rule.is_ok_and(|rule| !matches!(rule, Rule::HighUsage | Rule::LowUsage | Rule::ZeroUsage))
    };
    reason.split(", ").filter(counts).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::warnings;

    #[test]
    fn what_the_review_finds_itself_and_what_a_person_wrote_are_no_warnings() {
        assert_eq!(warnings("serial_mismatch, high_usage, trouble_code"), "serial_mismatch, trouble_code");
        assert_eq!(warnings("low_usage"), "");
        assert_eq!(warnings("wrong house"), "");
        assert_eq!(warnings("released: decreasing, conflicting"), "");
    }
}
