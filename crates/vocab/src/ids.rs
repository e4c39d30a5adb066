//! Typed ids. A *plain* id is one number; an *owned* id carries the account (or service
//! point) it belongs to, because every query on owned rows names their owner.

use crate::opaque::{BadId, Encoded, decode, encode};

macro_rules! text_form {
    ($name:ident, $prefix:literal) => {
        impl $name {
            /// The prefix of the text form.
            pub const PREFIX: &'static str = $prefix;
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.text().as_str())
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        #[cfg(feature = "utoipa")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!("Opaque id: `", $prefix, "_…`")))
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-hjkmnp-tv-z]{3,36}$")))
                    .into()
            }
        }
        #[cfg(feature = "utoipa")]
        impl utoipa::ToSchema for $name {}
    };
}

macro_rules! plain_id {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
        #[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::BigInt))]
        pub struct $name(pub i64);

        impl $name {
            fn text(&self) -> Encoded {
                encode($prefix, &[self.0])
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text().as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                decode::<1>($prefix, text).map(|[id]| Self(id))
            }
        }
        text_form!($name, $prefix);
        #[cfg(feature = "diesel")]
        impl diesel::serialize::ToSql<diesel::sql_types::BigInt, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<diesel::sql_types::BigInt, diesel::pg::Pg>::to_sql(&self.0, out)
            }
        }
        #[cfg(feature = "diesel")]
        impl diesel::deserialize::FromSql<diesel::sql_types::BigInt, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                <i64 as diesel::deserialize::FromSql<diesel::sql_types::BigInt, diesel::pg::Pg>>::from_sql(bytes)
                    .map(Self)
            }
        }
    )*};
}

macro_rules! owned_id {
    ($($(#[$doc:meta])* $name:ident $prefix:literal of $owner:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// Whose row it is.
            pub owner: $owner,
            /// The row's own number.
            pub n: i64,
        }

        impl $name {
            /// The id of row `n` of this owner.
            pub const fn new(owner: $owner, n: i64) -> Self {
                Self { owner, n }
            }

            fn text(&self) -> Encoded {
                encode($prefix, &[self.owner.0, self.n])
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text().as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                decode::<2>($prefix, text).map(|[owner, n]| Self { owner: $owner(owner), n })
            }
        }
        text_form!($name, $prefix);
    )*};
}

plain_id! {
    /// What owes and pays.
    AccountId "acct";
    /// A customer or third party.
    PersonId "pers";
    /// A building, community or route.
    SiteId "site";
    /// An address with an optional map pin.
    LocationId "loc";
    /// One commodity delivered at a service location.
    ServicePointId "sp";
    /// A device with a serial number.
    MeterId "mtr";
    /// How contracts of a kind bill.
    ContractTypeId "ctyp";
    /// A tariff.
    RateScheduleId "rate";
    /// A dated version of a tariff.
    RateVersionId "rver";
    /// A dated price, percentage or charge looked up by characteristic.
    FactorId "fact";
    /// A recurring group of accounts.
    CycleId "cyc";
    /// One dated occurrence of a cycle.
    WindowId "win";
    /// Work that starts by itself.
    ScheduleId "sched";
    /// A sentence for bills.
    BillMessageId "bmsg";
    /// One batch over a window and a scope.
    RunId "run";
    /// One test of a bill run: a snapshot of drafts.
    TestId "test";
    /// Long work with progress.
    OperationId "op";
    /// One export of meters to read.
    ReadingExportId "rexp";
    /// One import of reads.
    ReadingImportId "rimp";
    /// What a class of customers uses.
    UsageProfileId "uprof";
    /// A stored format of files of readings.
    ReadingFormatId "rfmt";
    /// One batch of invoices.
    InvoiceRunId "irun";
    /// One batch that collects autopay.
    PaymentRunId "prun";
    /// One trial of other rates on what has been billed.
    WhatIfRunId "wrun";
    /// Money received in one piece.
    TenderId "tend";
    /// A kind of charge or credit that does not come from a segment.
    AdjustmentTypeId "atyp";
    /// An account of the general ledger.
    GlAccountId "gl";
    /// A member of staff.
    UserId "user";
    /// A program with credentials of its own.
    ApiClientId "apic";
    /// An entry of the audit log.
    AuditId "aud";
    /// A notice template.
    TemplateId "tmpl";
}

owned_id! {
    /// An account's agreement for a service.
    ContractId "ctr" of AccountId;
    /// A mailing address of an account.
    AddressId "addr" of AccountId;
    /// The account's document.
    BillId "bill" of AccountId;
    /// One contract's part of a bill.
    SegmentId "seg" of AccountId;
    /// What was done to a posted bill.
    CorrectionId "corr" of AccountId;
    /// A financial transaction.
    FtId "ft" of AccountId;
    /// A charge or credit that does not come from a segment.
    AdjustmentId "adj" of AccountId;
    /// A one-time or passed-through charge.
    ChargeId "chg" of AccountId;
    /// A certificate by which a tax is not charged.
    TaxExemptionId "txe" of AccountId;
    /// An account's share of a tender.
    PaymentId "pay" of AccountId;
    /// Part of a credit joined to a debit.
    AllocationId "allo" of AccountId;
    /// A stored way to pay.
    PaymentMethodId "pm" of AccountId;
    /// An autopay instruction of a bill.
    DrawId "draw" of AccountId;
    /// The rendered document of a bill for one recipient.
    InvoiceId "inv" of AccountId;
    /// One sending of an invoice or notice.
    DeliveryId "dlv" of AccountId;
    /// Something said to a person.
    MessageId "msg" of AccountId;
    /// A finding of a review.
    FlagId "flag" of AccountId;
    /// A note of staff on an account.
    NoteId "note" of AccountId;
    /// A register of a meter at its service point.
    RegisterId "reg" of ServicePointId;
    /// A register's value at an instant.
    ReadId "read" of ServicePointId;
    /// An order to read again.
    RereadOrderId "rord" of ServicePointId;
    /// A proposal to bill periods again.
    RebillProposalId "rebill" of ServicePointId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_travel_as_text_and_kinds_do_not_mix() {
        let bill = BillId::new(AccountId(42), 1001);
        let text = serde_json::to_string(&bill).unwrap();
        assert_eq!(serde_json::from_str::<BillId>(&text).unwrap(), bill);
        assert!(serde_json::from_str::<SegmentId>(&text).is_err());
        assert!(bill.to_string().parse::<AccountId>().is_err());
        assert_eq!(AccountId(42).to_string().parse(), Ok(AccountId(42)));
    }
}
