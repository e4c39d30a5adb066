//! Elements by where they stand: one of the same name in another place is another.

/// An element, by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Feed,
    Entry,
    Link,
    Title,
    Content,
    UsagePoint,
    ServiceCategory,
    MeterReading,
    ReadingType,
    IntervalBlock,
    IntervalReading,
    TimePeriod,
    ReadingQuality,
    LocalTime,
    Summary,
    BillingPeriod,
    Consumption,
    /// One whose text is wanted.
    Leaf(&'static str),
    Other,
}

/// Texts that are wanted, by what they stand in.
const LEAVES: &[(Tag, &[&str])] = &[
    (Tag::ServiceCategory, &["kind"]),
    (
        Tag::ReadingType,
        &["uom", "powerOfTenMultiplier", "flowDirection", "accumulationBehaviour", "defaultQuality"],
    ),
    (Tag::IntervalReading, &["value"]),
    (Tag::TimePeriod, &["start", "duration"]),
    (Tag::ReadingQuality, &["quality"]),
    (Tag::LocalTime, &["tzOffset", "dstOffset", "dstStartRule", "dstEndRule"]),
    (Tag::BillingPeriod, &["start", "duration"]),
    (Tag::Consumption, &["uom", "powerOfTenMultiplier", "value"]),
];

pub(super) fn tag_of(parent: Option<Tag>, name: &str) -> Tag {
    match (parent, name) {
        (None, "feed") => Tag::Feed,
        (None | Some(Tag::Feed), "entry") => Tag::Entry,
        (Some(Tag::Entry), "link") => Tag::Link,
        (Some(Tag::Entry), "title") => Tag::Title,
        (Some(Tag::Entry), "content") => Tag::Content,
        (Some(Tag::Content), "UsagePoint") => Tag::UsagePoint,
        (Some(Tag::Content), "MeterReading") => Tag::MeterReading,
        (Some(Tag::Content), "ReadingType") => Tag::ReadingType,
        (Some(Tag::Content), "IntervalBlock") => Tag::IntervalBlock,
        (Some(Tag::Content), "LocalTimeParameters") => Tag::LocalTime,
        (Some(Tag::Content), "UsageSummary" | "ElectricPowerUsageSummary") => Tag::Summary,
        (Some(Tag::UsagePoint), "ServiceCategory") => Tag::ServiceCategory,
        (Some(_), "IntervalReading") => Tag::IntervalReading,
        (Some(Tag::IntervalReading), "timePeriod") => Tag::TimePeriod,
        (Some(Tag::IntervalReading), "ReadingQuality") => Tag::ReadingQuality,
        (Some(Tag::Summary), "billingPeriod") => Tag::BillingPeriod,
        (Some(Tag::Summary), "currentBillingPeriodOverAllConsumption") => Tag::Consumption,
        (Some(parent), name) => LEAVES
            .iter()
            .filter(|(place, _)| *place == parent)
            .find_map(|(_, names)| names.iter().find(|&&leaf| leaf == name))
            .map_or(Tag::Other, |&leaf| Tag::Leaf(leaf)),
        (None, _) => Tag::Other,
    }
}
