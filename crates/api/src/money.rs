//! Money on the wire: `{"amount":"12.34","currency":"USD"}`.

use serde::{Deserialize, Serialize};
use vocab::{Code, Currency, Money, Problem};

/// An amount of the utility's currency; a string, never a float. Negative is a credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, expecting = "an amount with its currency")]
#[schema(as = Money, example = json!({ "amount": "12.34", "currency": "USD" }))]
pub struct MoneyJson {
    /// Plain decimal notation.
    #[schema(pattern = "^-?[0-9]+(\\.[0-9]+)?$")]
    pub amount: String,
    /// ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    pub currency: String,
}

impl MoneyJson {
    /// As it is sent.
    pub fn of(currency: Currency, amount: Money) -> Self {
        Self { amount: currency.format(amount), currency: currency.code().to_owned() }
    }

    /// As it was sent; `pointer` names the field when it cannot be read.
    pub fn parse(&self, currency: Currency, pointer: &str) -> Result<Money, Problem> {
        if self.currency != currency.code() {
            let detail = format!("the utility bills in {}", currency.code());
            return Err(Problem::field(format!("{pointer}/currency"), Code::WrongCurrency, detail));
        }
        currency.parse(&self.amount).ok_or_else(|| {
            let detail = format!("a decimal with at most {} digits after the point", currency.minor_digits());
            Problem::field(format!("{pointer}/amount"), Code::FieldFormat, detail)
        })
    }
}
