//! Tariffs and accounts made from bytes, and what must hold for every one of them.
//!
//! The same function is driven by the property tests, by `examples/exercise.rs` with seeds, and by
//! the fuzzer with bytes of its own. The bytes choose; where they end, zeros go on, so that every
//! sequence is an input and a shorter one is a simpler input.

mod account;
mod bytes;
mod charges;
mod tariff;

pub use bytes::Bytes;

use account::Account;
use rating::{InForce, LinesDocument, RateVersion, Rated};
use vocab::{Currency, Money, RateVersionId};

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The tariff was refused.
    Refused,
    /// The account could not be rated, and it was said why.
    Unrated,
    /// Rated and proven.
    Proven {
        /// How many lines.
        lines: usize,
    },
}

/// Makes a tariff and an account from the bytes; parses, checks, rates and proves.
///
/// # Errors
/// What does not hold. A panic is a fault as well.
pub fn run(bytes: &[u8]) -> Result<Verdict, String> {
    let mut bytes = Bytes::new(bytes);
    let (json, more) = (tariff::json(&mut bytes), tariff::second(&mut bytes));
    let currency = Currency::USD;
    let Ok(version) = RateVersion::parse(&json, &currency) else { return Ok(Verdict::Refused) };
    let written = version.to_json().map_err(|error| error.to_string())?;
    if RateVersion::parse(&written, &currency).as_ref() != Ok(&version) {
        return Err(format!("written otherwise than read: {json}"));
    }
    let account = Account::new(&mut bytes).ok_or("the account is not well made")?;
    let second = more.map(|effective_on| dated(&json, &effective_on));
    let second = second.and_then(|json| RateVersion::parse(&json, &currency).ok());
    let Some(changed) = tariff::json_after(&mut bytes) else {
        return checked(&account, &version, second.as_ref(), None, &json);
    };
    let changed = RateVersion::parse(&changed, &currency).ok();
    checked(&account, &version, second.as_ref(), changed.as_ref(), &json)
}

/// The tariff from another day on.
fn dated(json: &str, effective_on: &str) -> String {
    json.replacen(tariff::EFFECTIVE_ON, effective_on, 1)
}

fn checked(
    account: &Account,
    version: &RateVersion,
    same: Option<&RateVersion>,
    changed: Option<&RateVersion>,
    json: &str,
) -> Result<Verdict, String> {
    let first = InForce { id: RateVersionId(1), version };
    let alone = account.rate(&[first]);
    if let Some(same) = same {
        let twice = account.rate(&[first, InForce { id: RateVersionId(2), version: same }]);
        if amounts(&alone) != amounts(&twice) {
            return Err(format!("an identical version changed the lines: {json}\n{alone:?}\n{twice:?}"));
        }
        if let Ok(twice) = &twice {
            proven(twice, json)?;
        }
    }
    if let Some(changed) = changed
        && let Ok(both) = account.rate(&[first, InForce { id: RateVersionId(2), version: changed }])
    {
        proven(&both, json)?;
    }
    let Ok(rated) = alone else { return Ok(Verdict::Unrated) };
    proven(&rated, json)?;
    if account.rate(&[first]).as_ref() != Ok(&rated) {
        return Err(format!("rated again, otherwise: {json}"));
    }
    Ok(Verdict::Proven { lines: rated.lines().len() })
}

/// The lines without the version that they name; errors are compared by what they say.
fn amounts(of: &Result<Rated, rating::RatingError>) -> Result<Vec<rating::Line>, String> {
    let rated = of.as_ref().map_err(ToString::to_string)?;
    let unnamed = |line: &rating::Line| rating::Line { version: RateVersionId(0), ..line.clone() };
    Ok(rated.lines().iter().map(unnamed).collect())
}

/// The lines add up, and the verifier agrees with them from the stored text alone.
fn proven(rated: &Rated, json: &str) -> Result<(), String> {
    if Money::sum(rated.lines().iter().map(|line| line.amount_minor)) != Ok(rated.total()) {
        return Err(format!("the lines do not add up: {json}"));
    }
    let text = rated.clone().into_document().to_json().map_err(|error| error.to_string())?;
    let again = LinesDocument::parse(&text).map_err(|error| error.to_string())?;
    if again.lines() != rated.lines() {
        return Err(format!("stored otherwise than rated: {text}"));
    }
    match proof::verify_lines(&text, rated.total().minor(), Currency::USD.minor_digits()) {
        Ok(_) => Ok(()),
        Err(found) => {
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(format!("{}\n{json}\n{text}", found.join("; ")))
        }
    }
}
