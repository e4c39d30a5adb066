//! Customers and third parties.

use crate::audit::{self, Action};
use crate::naming::check_name;
use crate::{App, Caller, Result};
use notifications::EmailAddress;
use serde_json::json;
use store::Tx;
use store::accounts::Person;
use vocab::{AccountId, Code, Language, PersonId, Problem};

/// Longest telephone number, with what people write beside it.
const PHONE_LENGTH_MAX: usize = 60;

/// A person to enter.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Full name.
    pub name: String,
    /// Where e-bills go.
    pub email: Option<String>,
    /// For the clerk.
    pub phone: Option<String>,
    /// Language the person reads.
    pub language: Language,
}

/// Changes of a person; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct PersonChanges {
    /// Full name.
    pub name: Option<String>,
    /// Where e-bills go; `Some(None)` takes it away.
    pub email: Option<Option<String>>,
    /// For the clerk.
    pub phone: Option<Option<String>>,
    /// Language the person reads.
    pub language: Option<Language>,
}

/// Refuses what is no e-mail address.
pub(crate) fn check_email(pointer: &str, email: Option<&str>) -> Result<()> {
    match email.map(str::parse::<EmailAddress>) {
        Some(Err(error)) => Err(Problem::field(pointer, Code::FieldFormat, error.to_string()).into()),
        _ => Ok(()),
    }
}

/// Refuses a telephone number that nobody could dial.
fn check_phone(pointer: &str, phone: Option<&str>) -> Result<()> {
    if phone.is_none_or(|phone| phone.chars().count() <= PHONE_LENGTH_MAX) {
        return Ok(());
    }
    let detail = format!("at most {PHONE_LENGTH_MAX} characters");
    Err(Problem::field(pointer, Code::FieldRange, detail).into())
}

pub(crate) fn build(tx: &mut Tx<'_>, new: NewPerson, pointer: &str) -> Result<Person> {
    check_name(&format!("{pointer}/name"), &new.name)?;
    check_phone(&format!("{pointer}/phone"), new.phone.as_deref())?;
    check_email(&format!("{pointer}/email"), new.email.as_deref())?;
    Ok(Person {
        id: PersonId(tx.new_id()?),
        name: new.name,
        email: new.email,
        phone: new.phone,
        language: new.language,
        version: 1,
    })
}

/// Enters a person.
pub fn enter(tx: &mut Tx<'_>, caller: &Caller, new: NewPerson) -> Result<Person> {
    let person = build(tx, new, "")?;
    store::accounts::insert_persons(tx, std::slice::from_ref(&person))?;
    audit::record(
        tx,
        caller,
        Action { action: "person.enter", subject: person.id.to_string(), ..Action::default() },
    )?;
    Ok(person)
}

/// A person with the accounts that the caller may see; not found when every account is out of sight.
/// Every room that starts from a person's id comes through here.
pub(crate) fn find(tx: &mut Tx<'_>, caller: &Caller, id: PersonId) -> Result<(Person, Vec<AccountId>)> {
    let person = store::accounts::person(tx, id)?.ok_or_else(Problem::not_found)?;
    let ids = store::accounts::accounts_of_person(tx, id)?;
    let accounts = store::accounts::load(tx, &ids)?;
    let linked = !accounts.is_empty();
    let seen: Vec<AccountId> = accounts
        .into_iter()
        .filter(|account| caller.principal.sees_site(account.site_id))
        .map(|account| account.account_id)
        .collect();
    if linked && seen.is_empty() {
        return Err(Problem::not_found().into());
    }
    Ok((person, seen))
}

impl App {
    /// A person, with the accounts that the caller may see.
    pub fn person(&self, caller: &Caller, id: PersonId) -> Result<(Person, Vec<AccountId>)> {
        self.db().tx(|tx| find(tx, caller, id))
    }

    /// Changes a person that the caller read as `version`.
    pub fn change_person(
        &self,
        caller: &Caller,
        id: PersonId,
        version: i64,
        changes: PersonChanges,
    ) -> Result<Person> {
        self.db().tx(|tx| {
            let (old, _) = find(tx, caller, id)?;
            if let Some(name) = &changes.name {
                check_name("/name", name)?;
            }
            if let Some(email) = &changes.email {
                check_email("/email", email.as_deref())?;
            }
            if let Some(phone) = &changes.phone {
                check_phone("/phone", phone.as_deref())?;
            }
            let new = Person {
                id,
                name: changes.name.unwrap_or_else(|| old.name.clone()),
                email: changes.email.unwrap_or_else(|| old.email.clone()),
                phone: changes.phone.unwrap_or_else(|| old.phone.clone()),
                language: changes.language.unwrap_or_else(|| old.language.clone()),
                version: version + 1,
            };
            if !store::accounts::update_person(tx, &new, version)? {
                return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
            }
            audit::record(
                tx,
                caller,
                Action {
                    action: "person.change",
                    subject: id.to_string(),
                    before: Some(json!({ "name": old.name, "email": old.email, "language": old.language })),
                    after: Some(json!({ "name": new.name, "email": new.email, "language": new.language })),
                    ..Action::default()
                },
            )?;
            Ok(new)
        })
    }
}
