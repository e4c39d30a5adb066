//! What a contract has agreed beyond its rate, on the wire.

use crate::money::MoneyJson;
use app::contracts::Terms;
use app::contracts::agreed;
use serde::{Deserialize, Serialize};
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
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = NewContractTerms, example = json!({
    "kind": "deposit", "required": { "amount": "150.00", "currency": "USD" },
    "per_bill": { "amount": "50.00", "currency": "USD" }
}))]
pub(crate) enum NewTermsJson {
    /// Asked bill by bill until all of it is billed; not owed.
    Deposit {
        required: MoneyJson,
        /// With each bill; the last is the remainder.
        per_bill: MoneyJson,
    },
    /// Paid back in level payments of principal and interest.
    Loan {
        principal: MoneyJson,
        /// Interest per year, 0 to 100, a decimal in a string.
        #[schema(example = "4.5")]
        annual_percent: String,
        /// In how many bills.
        #[schema(minimum = 1, maximum = 480)]
        payments: u16,
        /// What is credited as principal is billed: where the loan stands.
        principal_gl_account_id: GlAccountId,
    },
}

impl NewTermsJson {
    pub(crate) fn parse(self, currency: Currency) -> Result<Terms, Problem> {
        match self {
            Self::Deposit { required, per_bill } => Ok(Terms::Deposit {
                required: required.parse(currency, "/terms/required")?,
                per_bill: per_bill.parse(currency, "/terms/per_bill")?,
            }),
            Self::Loan { principal, annual_percent, payments, principal_gl_account_id } => {
                let pointer = "/terms/annual_percent";
                let percent = vocab::decimal::parse(&annual_percent)
                    .and_then(vocab::decimal::stored)
                    .ok_or_else(|| Problem::field(pointer, Code::FieldFormat, "a decimal in a string"))?;
                Ok(Terms::Loan {
                    principal: principal.parse(currency, "/terms/principal")?,
                    annual_percent: percent,
                    payments,
                    principal_gl: principal_gl_account_id,
                })
            }
        }
    }
}
