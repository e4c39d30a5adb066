//! What every use case needs to know of the utility, kept for a few seconds.

use crate::{App, Error, Result};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use store::Tx;
use vocab::calendar::Holidays;
use vocab::{Code, Currency, Language, Problem, Zone};

/// Another process may have changed the settings; this is how long that may go unnoticed.
const FRESH: Duration = Duration::from_secs(5);

/// The utility in typed form.
#[derive(Debug, Clone)]
pub struct Utility {
    /// The settings as stored.
    pub settings: store::settings::Settings,
    /// The one currency.
    pub currency: Currency,
    /// The civil time zone.
    pub zone: Zone,
    /// Languages of bills, the default first.
    pub languages: Vec<Language>,
    /// Days on which utility and bank are closed.
    pub holidays: Holidays,
}

impl Utility {
    /// Reads the utility within a transaction.
    pub fn load(tx: &mut Tx<'_>) -> Result<Self> {
        let settings = store::settings::find(tx)?.ok_or_else(|| {
            Problem::new(Code::Unavailable, "the utility has not been set up yet; PUT /v1/settings does that")
        })?;
        let corrupt = |why: String| Error::Fault(format!("settings: {why}"));
        let digits = u8::try_from(settings.minor_digits).unwrap_or(u8::MAX);
        let currency =
            Currency::new(&settings.currency, digits).ok_or_else(|| corrupt("currency".to_owned()))?;
        let zone = settings
            .time_zone
            .parse()
            .map_err(|error: vocab::zone::UnknownZone| corrupt(error.to_string()))?;
        let languages = settings
            .languages
            .iter()
            .map(|tag| tag.parse().map_err(|error: vocab::language::NotALanguage| corrupt(error.to_string())))
            .collect::<Result<Vec<Language>>>()?;
        let holidays = store::settings::holidays(tx)?.into_iter().map(|(day, _)| day).collect();
        Ok(Self { settings, currency, zone, languages, holidays })
    }

    /// The civil day of an instant.
    pub fn day(&self, at: time::OffsetDateTime) -> time::Date {
        self.zone.date_of(at)
    }
}

#[derive(Default)]
pub(crate) struct Cache(RwLock<Option<(Instant, Arc<Utility>)>>);

impl App {
    /// The utility as it was a few seconds ago at the latest.
    pub fn utility(&self) -> Result<Arc<Utility>> {
        let kept = self.0.utility.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, utility)) = kept
            && at.elapsed() < FRESH
        {
            return Ok(utility);
        }
        let utility = Arc::new(self.db().tx(Utility::load)?);
        *self.0.utility.0.write().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), utility.clone()));
        Ok(utility)
    }

    /// Forgets what was kept, after a change.
    pub(crate) fn forget_utility(&self) {
        *self.0.utility.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
