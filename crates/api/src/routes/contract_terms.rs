//! What a contract has agreed beyond its rate, on the wire.

use crate::body::part;
use crate::money::MoneyJson;
use app::contracts::Terms;
use app::contracts::agreed;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::contracts::Contract;
use time::Date;
use vocab::dates::civil;
use vocab::{Code, Currency, GlAccountId, Problem};

/// What a contract has agreed, and how far that has come.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = ContractTerms)]
pub(crate) enum TermsJson {
    /// A payment arrangement.
    Instalment {
        principal: MoneyJson,
        /// With each bill; the last is the remainder.
        per_bill: MoneyJson,
        /// Billed so far.
        billed: MoneyJson,
        /// Still to be billed.
        remaining: MoneyJson,
    },
    /// A deposit.
    Deposit {
        required: MoneyJson,
        /// With each bill; the last is the remainder.
        per_bill: MoneyJson,
        /// Billed so far.
        billed: MoneyJson,
        /// Still to be billed.
        remaining: MoneyJson,
    },
    /// A loan, paid back in level payments.
    Loan {
        principal: MoneyJson,
        /// Interest per year, a decimal in a string.
        annual_percent: String,
        /// In how many bills.
        payments: u16,
        /// What is credited as principal is billed.
        principal_gl_account_id: GlAccountId,
        /// Principal billed so far.
        billed: MoneyJson,
        /// Principal still to be billed.
        remaining: MoneyJson,
    },
    /// Budget billing.
    Budget {
        /// With each bill.
        level: MoneyJson,
        /// Segments that begin earlier are asked as they are.
        #[serde(with = "civil")]
        since_on: Date,
        /// The segment of this day settles the difference.
        #[serde(with = "civil")]
        review_on: Date,
        /// Used and not asked yet; below nothing, asked ahead.
        outstanding: MoneyJson,
    },
}

impl TermsJson {
    pub(crate) fn of(currency: Currency, row: &Contract) -> app::Result<Option<Self>> {
        let Some(terms) = agreed(row)? else { return Ok(None) };
        let progress = row.progress_minor;
        let money = |amount| MoneyJson::of(currency, amount);
        let remaining = money(terms.whole().unwrap_or_default().minus(progress)?);
        let billed = money(progress);
        Ok(Some(match terms {
            Terms::Instalment { principal, per_bill } => {
                Self::Instalment { principal: money(principal), per_bill: money(per_bill), billed, remaining }
            }
            Terms::Deposit { required, per_bill } => {
                Self::Deposit { required: money(required), per_bill: money(per_bill), billed, remaining }
            }
            Terms::Loan { principal, annual_percent, payments, principal_gl } => Self::Loan {
                principal: money(principal),
                annual_percent: annual_percent.normalize().to_string(),
                payments,
                principal_gl_account_id: principal_gl,
                billed,
                remaining,
            },
            Terms::Budget { level, since_on, review_on } => {
                Self::Budget { level: money(level), since_on, review_on, outstanding: billed }
            }
        }))
    }
}

/// What a deposit or loan is about. Instalments come with an arrangement, budgets are put on a contract.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = NewContractTerms, example = json!({
    "kind": "deposit", "required": { "amount": "150.00", "currency": "USD" },
    "per_bill": { "amount": "50.00", "currency": "USD" }
}))]
pub(crate) enum NewTermsJson {
    /// Asked bill by bill until all of it is billed; not owed.
    Deposit(NewDeposit),
    /// Paid back in level payments of principal and interest.
    Loan(NewLoan),
}

/// A deposit to ask for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDeposit {
    required: MoneyJson,
    /// With each bill; the last is the remainder.
    per_bill: MoneyJson,
}

/// A loan to be paid back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLoan {
    principal: MoneyJson,
    /// Interest per year, 0 to 100, a decimal in a string.
    #[schema(example = "4.5")]
    annual_percent: String,
    /// In how many bills.
    #[schema(minimum = 1, maximum = 480)]
    payments: u16,
    /// What is credited as principal is billed: where the loan stands.
    principal_gl_account_id: GlAccountId,
}

impl NewTermsJson {
    /// Reads the kind first and then its fields, so that each is pointed at where it stands.
    pub(crate) fn read(mut sent: Value) -> Result<Self, Problem> {
        let kind = sent.as_object_mut().and_then(|members| members.remove("kind"));
        match kind.as_ref().map(|kind| kind.as_str().unwrap_or_default()) {
            Some("deposit") => Ok(Self::Deposit(part("/terms", sent)?)),
            Some("loan") => Ok(Self::Loan(part("/terms", sent)?)),
            Some(_) => {
                let detail = "not a word for this; there are `deposit`, `loan`";
                Err(Problem::field("/terms/kind", Code::FieldFormat, detail))
            }
            None if sent.is_object() => {
                Err(Problem::field("/terms/kind", Code::FieldFormat, "this field is needed"))
            }
            None => Err(Problem::field("/terms", Code::FieldFormat, "expected an object")),
        }
    }

    pub(crate) fn parse(self, currency: Currency) -> Result<Terms, Problem> {
        match self {
            Self::Deposit(new) => Ok(Terms::Deposit {
                required: new.required.parse(currency, "/terms/required")?,
                per_bill: new.per_bill.parse(currency, "/terms/per_bill")?,
            }),
            Self::Loan(new) => {
                let pointer = "/terms/annual_percent";
                let percent = vocab::decimal::parse(&new.annual_percent)
                    .and_then(vocab::decimal::stored)
                    .ok_or_else(|| Problem::field(pointer, Code::FieldFormat, "a decimal in a string"))?;
                Ok(Terms::Loan {
                    principal: new.principal.parse(currency, "/terms/principal")?,
                    annual_percent: percent,
                    payments: new.payments,
                    principal_gl: new.principal_gl_account_id,
                })
            }
        }
    }
}
