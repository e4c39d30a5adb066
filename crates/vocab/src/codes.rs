//! The one table of error codes: stable word, category, parameters and meaning.
//!
//! The HTTP layer maps a category to a status; `GET /v1/error-codes`, `/docs/errors` and
//! `docs/errors.md` print this table.

use serde::{Deserialize, Serialize};

/// What kind of refusal a code is; decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// The request cannot be read: 400.
    Malformed,
    /// Who is asking is not known: 401.
    Unauthenticated,
    /// The caller may not do this: 403.
    Forbidden,
    /// There is no such thing, or its existence is private: 404.
    NotFound,
    /// The thing is in the wrong state, or someone else has it: 409.
    Conflict,
    /// The caller's copy is no longer current: 412.
    Stale,
    /// The body is larger than allowed: 413.
    TooLarge,
    /// The body is of a type that is not read here: 415.
    UnsupportedMedia,
    /// A rule of the trade refuses it: 422.
    Refused,
    /// A precondition must be sent: 428.
    PreconditionMissing,
    /// Too many requests: 429.
    TooMany,
    /// Not now; try again: 503.
    Unavailable,
    /// Our fault: 500.
    Internal,
}

impl Category {
    /// Every category, by status.
    pub const ALL: &'static [Self] = &[
        Self::Malformed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Stale,
        Self::TooLarge,
        Self::UnsupportedMedia,
        Self::Refused,
        Self::PreconditionMissing,
        Self::TooMany,
        Self::Internal,
        Self::Unavailable,
    ];

    /// One sentence for a reader of the documentation.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read.",
            Self::Unauthenticated => "Who is asking is not known.",
            Self::Forbidden => "The caller may not do this.",
            Self::NotFound => "There is no such thing, or its existence is private.",
            Self::Conflict => "The thing is in the wrong state, or somebody else has it.",
            Self::Stale => "What the caller has seen is no longer current.",
            Self::TooLarge => "The body is larger than allowed.",
            Self::UnsupportedMedia => "The body is of a type that is not read here.",
            Self::Refused => "A rule of the trade refuses it.",
            Self::PreconditionMissing => "A header that is needed here is missing.",
            Self::TooMany => "Too many requests.",
            Self::Internal => "Our fault.",
            Self::Unavailable => "Not now; try again.",
        }
    }
}

/// Words that were codes once, each with what a client meets instead. A code that has been
/// published is not taken out of the table without being named here, and never used again.
pub const RETIRED: &[(&str, &str)] = &[];

macro_rules! codes {
    ($($variant:ident $text:literal $category:ident ($($param:literal),*) $meaning:literal;)*) => {
        /// A stable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code { $(
            #[doc = $meaning]
            #[serde(rename = $text)]
            $variant,
        )* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word as it is sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What kind of refusal it is.
            pub const fn category(self) -> Category {
                match self { $(Self::$variant => Category::$category,)* }
            }

            /// Names of the parameters that come with it.
            pub const fn params(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($param,)*],)* }
            }

            /// One sentence for a reader of the documentation; also the problem's title.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }

        impl std::str::FromStr for Code {
            type Err = crate::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(crate::UnknownWord { found: text.to_owned(), allowed: String::new() }),
                }
            }
        }
    };
}

codes! {
    // requests
    MalformedBody "malformed_body" Malformed () "The body is not readable JSON of the documented shape.";
    MalformedParameter "malformed_parameter" Malformed ("name") "A path, query or header parameter is not of the documented form.";
    MalformedCursor "malformed_cursor" Malformed () "The cursor is not one that this list handed out.";
    BodyTooLarge "body_too_large" TooLarge ("limit_bytes") "The body is larger than this operation takes.";
    UnsupportedMediaType "unsupported_media_type" UnsupportedMedia () "The content type is not read here.";
    NotFound "not_found" NotFound () "There is no such thing, or it is not yours to see.";
    MethodNotAllowed "method_not_allowed" NotFound ("allow") "The address exists but not with this method.";
    Unauthenticated "unauthenticated" Unauthenticated () "No valid access token was sent.";
    BadCredentials "bad_credentials" Unauthenticated () "Name and secret do not belong together.";
    RefreshTokenReused "refresh_token_reused" Unauthenticated () "The refresh token was used before; its whole family has been ended.";
    Forbidden "forbidden" Forbidden ("permission") "Your role does not include the permission that this needs.";
    TooManyRequests "too_many_requests" TooMany () "Too many requests; wait as told.";
    Unavailable "unavailable" Unavailable () "The service cannot answer now; try again shortly.";
    Internal "internal" Internal () "Something went wrong on our side; the request id finds it in the log.";
    PreconditionMissing "precondition_missing" PreconditionMissing ("header") "This operation needs the named header.";
    EtagMismatch "etag_mismatch" Stale () "The thing has changed since you read it.";
    IdempotencyKeyReused "idempotency_key_reused" Refused () "The same Idempotency-Key came with another body.";
    IdempotencyInProgress "idempotency_in_progress" Conflict () "A request with the same Idempotency-Key is still running.";

    // fields
    Invalid "invalid" Refused () "One or more fields are not acceptable; errors names them.";
    FieldRequired "field_required" Refused () "The field must be given.";
    FieldFormat "field_format" Refused () "The field is not of the documented form.";
    FieldRange "field_range" Refused () "The value lies outside what is allowed.";
    UnknownReference "unknown_reference" Refused () "The field names something that does not exist.";
    AlreadyExists "already_exists" Conflict ("existing") "Something with this name or code exists already.";

    // state
    WrongState "wrong_state" Conflict ("state") "The thing is not in a state that allows this.";
    ContractsOverlap "contracts_overlap" Conflict ("contract") "Another contract covers some of these days at the service point.";
    RunsOverlap "runs_overlap" Conflict ("run", "owner", "accounts") "Another live run of the window holds some of these accounts.";
    WindowOverlap "window_overlap" Conflict ("window") "Another window of the cycle covers some of these days.";
    WindowBusy "window_busy" Conflict ("run") "Work on the window is under way; let it end or cancel it first.";
    NoTest "no_test" Conflict ("state") "The run has no finished test that could be accepted.";
    ReviewOpen "review_open" Conflict ("flags", "errors") "Blocking flags or errors of the test are open.";
    NothingOpen "nothing_open" Refused () "No window of the cycle is in the state that this needs.";
    SomethingLeft "something_left" Refused ("accounts") "Something is left in the window: a person closes it, with a reason.";
    EmptyScope "empty_scope" Refused () "The scope selects no account.";
    BillInvoiced "bill_invoiced" Conflict ("invoice") "The bill has an invoice: it can be corrected, not reopened.";
    BillNotLatest "bill_not_latest" Conflict ("latest") "Only the account's latest bill can be reopened.";
    BillCorrected "bill_corrected" Conflict ("correction") "Segments of the bill have been corrected since: correct those, it cannot be reopened.";
    BillOpen "bill_open" Conflict ("bill") "A bill of the account is open again: complete or discard it first.";
    BillCollected "bill_collected" Conflict ("draw") "Autopay has collected for the bill, or is about to.";
    SegmentNotLatest "segment_not_latest" Conflict ("later") "A later segment of the contract stands: bill the days again, credit them, or reverse the later one too.";
    NothingToCorrect "nothing_to_correct" Conflict () "No segment of the bill stands.";
    TestStale "test_stale" Stale ("latest_test") "The test is not the run's latest.";
    SettlementDue "settlement_due" Conflict ("bank", "balance") "A bank or the agreed terms still hold something, and no day is left to settle it on: name a later last day.";
    ReadBilled "read_billed" Conflict () "The read has been billed; correct the bill instead.";
    RebillProposed "rebill_proposed" Conflict ("proposal") "The read waits in a proposal to bill again; decide about that instead.";
    ReadRefused "read_refused" Refused ("rule") "The read breaks a rule of validation; rule names it.";
    DuplicateRead "duplicate_read" Conflict () "The register has a valid read for that day.";
    ClockNotMovable "clock_not_movable" Refused () "Business time can be moved only in a sandbox, and only forward.";

    // money
    AmountNotPositive "amount_not_positive" Refused () "The amount must be more than nothing.";
    AmountTooLarge "amount_too_large" Refused () "The amount does not fit.";
    WrongCurrency "wrong_currency" Refused ("currency") "The utility bills in another currency.";
    DuplicateReference "duplicate_reference" Conflict ("existing") "A document with this client reference exists already.";
    PaymentNotReversible "payment_not_reversible" Conflict () "The payment has been reversed already.";
    GatewayRefused "gateway_refused" Refused ("reason") "The gateway refused the charge.";
    GatewayUnavailable "gateway_unavailable" Unavailable () "The gateway did not answer.";

    // billing errors, saved with a segment
    MissingStartRead "missing_start_read" Refused ("register") "The register has no read to start from.";
    MissingEndRead "missing_end_read" Refused ("register", "from", "to") "The register has no valid read in the read window.";
    TooManyEstimates "too_many_estimates" Refused ("register", "found", "most") "The register was estimated as often in a row as is allowed; it must be read.";
    NoRateVersion "no_rate_version" Refused ("rate", "on") "No version of the rate is in force on that day.";
    NoFactorValue "no_factor_value" Refused ("factor", "on") "The factor has no value on that day.";
    RolloverImplausible "rollover_implausible" Refused ("register", "start", "end") "The value fell, and a rollover is not plausible.";
    ActualBelowEstimate "actual_below_estimate" Refused ("register", "start", "end") "The read lies below an earlier estimate but not below the last actual read.";
    ExceedsMaximumBill "exceeds_maximum_bill" Refused ("maximum", "found") "The segment exceeds the contract type's maximum.";
    PredecessorFailed "predecessor_failed" Refused ("contract") "A contract that this one depends on failed.";
    NoRoutingAddress "no_routing_address" Refused ("person") "There is no address to send the bill to.";
    NoDueDateRule "no_due_date_rule" Refused ("class") "The customer class has no due date rule.";
    PeriodClosed "period_closed" Refused ("on") "The accounting period is closed.";
    UsageWithoutContract "usage_without_contract" Refused ("service_point") "Usage was read where no contract is in force.";
    QuantityMissing "quantity_missing" Refused ("quantity") "The rate needs a quantity that the contract does not have.";
    IntervalsMissing "missing_interval_data" Refused ("unit", "on") "The rate needs interval data that the meter does not have for that day.";
    NoRegister "no_register" Refused ("service_point") "The service point has no meter installed for the period.";
    GlAccountMissing "gl_account_missing" Refused ("rule") "No general ledger account is set for this.";
    ArithmeticOverflow "arithmetic_overflow" Refused () "A number is too large to compute exactly.";

    // rates
    RateInvalid "rate_invalid" Refused () "The tariff cannot be priced; errors points to the rule.";

    // files
    FileUnreadable "file_unreadable" Refused ("line") "The file is not readable as the stated format.";
    RowInvalid "row_invalid" Refused ("line", "column") "A row has a value that cannot be used.";
    UnknownMeter "unknown_meter" Refused ("line", "meter") "No meter with this number is installed.";
    ReadInFuture "read_in_future" Refused ("line") "The read lies in the future.";
    ReadTooOld "read_too_old" Refused ("line") "The read lies before what has been billed.";

    // documents and mail
    RenderFailed "render_failed" Unavailable ("reason") "The document could not be rendered.";
    DeliveryFailed "delivery_failed" Unavailable ("reason") "The message could not be handed over.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// JSON pointer to the field: `/registers/0/unit`.
    pub pointer: String,
    /// Why.
    #[cfg_attr(feature = "utoipa", schema(value_type = String))]
    pub code: Code,
    /// A sentence for people.
    pub detail: String,
}

/// A refusal: code, a sentence, and what it is about. Transport-free; HTTP is put on in one place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// A sentence for people, about this case.
    pub detail: String,
    /// Per field, when fields are at fault.
    pub errors: Vec<FieldError>,
    /// The code's parameters: name and value.
    pub params: Vec<(&'static str, String)>,
}

impl Problem {
    /// A refusal with a sentence about this case.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), params: Vec::new() }
    }

    /// The same with a parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.params.push((name, value.to_string()));
        self
    }

    /// One field at fault.
    pub fn field(pointer: impl Into<String>, code: Code, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { pointer: pointer.into(), code, detail: detail.into() }])
    }

    /// Several fields at fault.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail),
            many => format!("{} fields are not acceptable", many.len()),
        };
        Self { code: Code::Invalid, detail, errors, params: Vec::new() }
    }

    /// There is no such thing.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, Code::NotFound.meaning())
    }
}

impl From<crate::decimal::Overflow> for Problem {
    fn from(overflow: crate::decimal::Overflow) -> Self {
        Self::new(Code::ArithmeticOverflow, overflow.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_words() {
        let retired = RETIRED.iter().map(|(word, _)| *word);
        let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).chain(retired).collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
        for word in words {
            assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{word}");
        }
    }

    #[test]
    fn every_category_is_listed() {
        assert!(Code::ALL.iter().all(|code| Category::ALL.contains(&code.category())));
    }
}
