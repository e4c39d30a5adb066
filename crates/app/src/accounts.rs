//! Opening, finding and changing accounts.

use crate::audit::{self, Action};
use crate::ledger::check_reference;
use crate::persons::{self, NewPerson};
use crate::{App, Caller, Error, Result, Utility, keys};
use serde_json::json;
use store::accounts::{Account, AccountFilter, AccountPerson, Address, Note, Person};
use store::{Cursor, Page, Tx};
use time::Date;
use vocab::{
    AccountId, AccountNumber, AccountState, Code, CycleId, DeliveryPreference, Language, Money, PersonId,
    PersonRole, Problem, SiteId,
};

/// How often a random number may be taken before something must be wrong.
const NUMBER_TRIES: usize = 20;

/// An account to open, with its main customer and first mailing address.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Which group it bills with.
    pub cycle: CycleId,
    /// The billing site.
    pub site: SiteId,
    /// Customer class.
    pub class_code: String,
    /// Language of notices.
    pub language: Language,
    /// How bills go out.
    pub delivery: DeliveryPreference,
    /// Who: known already, or new.
    pub customer: Customer,
    /// Where letters go.
    pub mailing_address: Option<NewAddress>,
    /// The client's own name for it, unique for ever.
    pub client_reference: Option<String>,
    /// First day; today when absent.
    pub opened_on: Option<Date>,
}

/// The main customer of a new account.
#[derive(Debug, Clone)]
pub enum Customer {
    /// Known already.
    Known(PersonId),
    /// Entered with the account.
    New(NewPerson),
}

/// A mailing address to add.
#[derive(Debug, Clone)]
pub struct NewAddress {
    /// First line.
    pub addressee: String,
    /// Street and number.
    pub line1: String,
    /// Flat, care of.
    pub line2: Option<String>,
    /// City.
    pub city: String,
    /// State or province.
    pub region: String,
    /// Postcode.
    pub postcode: String,
    /// ISO 3166 two letters.
    pub country: String,
    /// First day of use; today when absent.
    pub from_on: Option<Date>,
}

/// Changes of an account; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChanges {
    /// Customer class.
    pub class_code: Option<String>,
    /// Language of notices.
    pub language: Option<Language>,
    /// How bills go out.
    pub delivery: Option<DeliveryPreference>,
    /// Which group it bills with.
    pub cycle: Option<CycleId>,
    /// Not billed before the day after; `Some(None)` lifts the hold.
    pub hold: Option<Option<(Date, String)>>,
}

/// An account with what hangs on it.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// Its people.
    pub people: Vec<(AccountPerson, Person)>,
    /// Its mailing addresses, oldest first.
    pub addresses: Vec<Address>,
}

/// Opens an account.
pub fn open(tx: &mut Tx<'_>, caller: &Caller, new: NewAccount) -> Result<AccountView> {
    let utility = Utility::load(tx)?;
    caller.find_in(new.site).map_err(|_| unknown("/site_id"))?;
    check_reference(new.client_reference.as_deref())?;
    let opened_on = new.opened_on.unwrap_or_else(|| utility.day(tx.as_of()));
    let account_id = AccountId(tx.new_id()?);
    let person = match new.customer {
        Customer::Known(id) => persons::find(tx, caller, id).map_err(unseen("/customer/person_id"))?.0,
        Customer::New(person) => {
            let person = persons::build(tx, person, "/customer")?;
            store::accounts::insert_persons(tx, std::slice::from_ref(&person))?;
            person
        }
    };
    let account = Account {
        account_id,
        number: free_numbers(tx, 1)?.remove(0),
        cycle_id: new.cycle,
        site_id: new.site,
        class_code: new.class_code,
        language: new.language,
        delivery: new.delivery,
        state: AccountState::Pending,
        opened_on,
        client_reference: new.client_reference,
        current_minor: Money::ZERO,
        payoff_minor: Money::ZERO,
        last_bill_id: None,
        last_bill_ending_minor: Money::ZERO,
        held_until_on: None,
        hold_reason: None,
        autopay_method_id: None,
        autopay_rule: None,
        autopay_days_before: None,
        autopay_maximum_minor: None,
        autopay_failures: 0,
        version: 1,
    };
    insert(tx, &account)?;
    let link = AccountPerson {
        account_id,
        person_id: person.id,
        role: PersonRole::MainCustomer,
        receives_bill: true,
    };
    store::accounts::insert_account_persons(tx, std::slice::from_ref(&link))?;
    let mut addresses = Vec::new();
    if let Some(address) = new.mailing_address {
        addresses.push(build_address(tx, account_id, address, opened_on, "/mailing_address")?);
        store::accounts::insert_addresses(tx, &addresses)?;
    }
    audit::record(
        tx,
        caller,
        Action {
            action: "account.open",
            subject: account_id.to_string(),
            after: Some(json!({ "number": account.number, "class": account.class_code })),
            ..Action::default()
        },
    )?;
    Ok(AccountView { account, people: vec![(link, person)], addresses })
}

fn insert(tx: &mut Tx<'_>, account: &Account) -> Result<()> {
    match store::accounts::insert(tx, std::slice::from_ref(account)) {
        Err(store::Error::Exists { constraint }) if constraint.starts_with("account_references") => Err(
            Problem::new(Code::DuplicateReference, "an account with this client reference exists already")
                .into(),
        ),
        Err(store::Error::Refused { constraint }) => Err(match constraint.as_str() {
            "accounts_cycle_id_fkey" => unknown("/cycle_id"),
            "accounts_site_id_fkey" => unknown("/site_id"),
            "accounts_class_code_fkey" => unknown("/class_code"),
            _ => Problem::new(Code::Invalid, constraint),
        }
        .into()),
        other => Ok(other?),
    }
}

/// Random account numbers that nobody has, as many as asked for.
pub(crate) fn free_numbers(tx: &mut Tx<'_>, count: usize) -> Result<Vec<AccountNumber>> {
    let mut numbers: Vec<AccountNumber> = Vec::with_capacity(count);
    for _ in 0..NUMBER_TRIES {
        let mut fresh = Vec::with_capacity(count - numbers.len());
        for _ in numbers.len()..count {
            fresh.push(AccountNumber::from_random(u64::from_be_bytes(keys::random()?)));
        }
        fresh.sort_unstable();
        fresh.dedup();
        let taken = store::accounts::taken_numbers(tx, &fresh)?;
        fresh.retain(|number| !taken.contains(&number.as_i64()) && !numbers.contains(number));
        numbers.append(&mut fresh);
        if numbers.len() == count {
            return Ok(numbers);
        }
    }
    Err(Error::Fault("no free account number was found".to_owned()))
}

fn build_address(
    tx: &mut Tx<'_>,
    account_id: AccountId,
    new: NewAddress,
    today: Date,
    pointer: &str,
) -> Result<Address> {
    let mandatory = [
        ("addressee", &new.addressee),
        ("line1", &new.line1),
        ("city", &new.city),
        ("postcode", &new.postcode),
    ];
    for (name, value) in mandatory {
        if value.trim().is_empty() || value.len() > 200 {
            return Err(
                Problem::field(format!("{pointer}/{name}"), Code::FieldRange, "1 to 200 characters").into()
            );
        }
    }
    if new.country.len() != 2 || !new.country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(
            Problem::field(format!("{pointer}/country"), Code::FieldFormat, "two capital letters").into()
        );
    }
    Ok(Address {
        account_id,
        id: tx.new_id()?,
        addressee: new.addressee,
        line1: new.line1,
        line2: new.line2,
        city: new.city,
        region: new.region,
        postcode: new.postcode,
        country: new.country,
        from_on: new.from_on.unwrap_or(today),
        to_on: None,
    })
}

/// Finds an account that the caller may see. Every room that starts from an account id comes
/// through here, or through [`lock`].
pub fn find(tx: &mut Tx<'_>, caller: &Caller, id: AccountId) -> Result<Account> {
    let account = store::accounts::find(tx, id)?.ok_or_else(Problem::not_found)?;
    caller.find_in(account.site_id)?;
    Ok(account)
}

/// Locks an account that the caller may see, before its money is written.
pub fn lock(tx: &mut Tx<'_>, caller: &Caller, id: AccountId) -> Result<Account> {
    let account = store::accounts::lock(tx, &[id])?.pop().ok_or_else(Problem::not_found)?;
    caller.find_in(account.site_id)?;
    Ok(account)
}

fn view(tx: &mut Tx<'_>, account: Account) -> Result<AccountView> {
    let id = account.account_id;
    let links = store::accounts::account_persons(tx, &[id])?;
    let ids: Vec<PersonId> = links.iter().map(|link| link.person_id).collect();
    let persons = store::accounts::persons(tx, &ids)?;
    let people = links
        .into_iter()
        .filter_map(|link| {
            let person = persons.iter().find(|person| person.id == link.person_id)?.clone();
            Some((link, person))
        })
        .collect();
    let addresses = store::accounts::addresses(tx, &[id])?;
    Ok(AccountView { account, people, addresses })
}

impl App {
    /// An account with what hangs on it.
    pub fn account(&self, caller: &Caller, id: AccountId) -> Result<AccountView> {
        self.db().tx(|tx| {
            let account = find(tx, caller, id)?;
            view(tx, account)
        })
    }

    /// A list of the accounts that the caller may see.
    pub fn accounts(
        &self,
        caller: &Caller,
        filter: AccountFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Account>> {
        let sites = match (filter.sites.clone(), caller.sites()) {
            (Some(asked), Some(own)) => Some(asked.into_iter().filter(|site| own.contains(site)).collect()),
            (asked, own) => asked.or(own),
        };
        let filter = AccountFilter { sites, ..filter };
        self.db().tx(|tx| Ok(store::accounts::list(tx, &filter, after, limit)?))
    }

    /// Changes an account that the caller read as `version`.
    pub fn change_account(
        &self,
        caller: &Caller,
        id: AccountId,
        version: i64,
        changes: AccountChanges,
    ) -> Result<AccountView> {
        self.db().tx(|tx| {
            let old = find(tx, caller, id)?;
            let mut new = old.clone();
            if let Some(class_code) = changes.class_code {
                new.class_code = class_code;
            }
            if let Some(language) = changes.language {
                new.language = language;
            }
            if let Some(delivery) = changes.delivery {
                new.delivery = delivery;
            }
            if let Some(cycle) = changes.cycle {
                new.cycle_id = cycle;
            }
            if let Some(hold) = changes.hold {
                (new.held_until_on, new.hold_reason) = hold.unzip();
            }
            if !update(tx, &new, version)? {
                return Err(Problem::new(Code::EtagMismatch, Code::EtagMismatch.meaning()).into());
            }
            new.version = version + 1;
            audit::record(
                tx,
                caller,
                Action {
                    action: "account.change",
                    subject: id.to_string(),
                    before: Some(summary(&old)),
                    after: Some(summary(&new)),
                    reason: new.hold_reason.clone(),
                },
            )?;
            view(tx, new)
        })
    }

    /// The notes of an account.
    pub fn notes(
        &self,
        caller: &Caller,
        id: AccountId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Note>> {
        self.db().tx(|tx| {
            find(tx, caller, id)?;
            Ok(store::accounts::notes(tx, id, after, limit)?)
        })
    }
}

fn update(tx: &mut Tx<'_>, account: &Account, version: i64) -> Result<bool> {
    match store::accounts::update(tx, account, version) {
        Err(store::Error::Refused { constraint }) => Err(match constraint.as_str() {
            "accounts_cycle_id_fkey" => unknown("/cycle_id"),
            "accounts_class_code_fkey" => unknown("/class_code"),
            _ => Problem::new(Code::Invalid, constraint),
        }
        .into()),
        other => Ok(other?),
    }
}

fn summary(account: &Account) -> serde_json::Value {
    json!({
        "class": account.class_code,
        "language": account.language,
        "delivery": account.delivery,
        "cycle": account.cycle_id,
        "held_until_on": account.held_until_on.map(vocab::dates::civil::format),
    })
}

/// Adds a mailing address; the open one ends the day before.
pub fn add_address(tx: &mut Tx<'_>, caller: &Caller, id: AccountId, new: NewAddress) -> Result<Address> {
    let utility = Utility::load(tx)?;
    find(tx, caller, id)?;
    let today = utility.day(tx.as_of());
    let address = build_address(tx, id, new, today, "")?;
    store::accounts::end_addresses(tx, id, address.from_on)?;
    store::accounts::insert_addresses(tx, std::slice::from_ref(&address))?;
    audit::record(
        tx,
        caller,
        Action { action: "account.address", subject: id.to_string(), ..Action::default() },
    )?;
    Ok(address)
}

/// Adds a note.
pub fn add_note(tx: &mut Tx<'_>, caller: &Caller, id: AccountId, text: String) -> Result<Note> {
    find(tx, caller, id)?;
    if text.trim().is_empty() || text.len() > 4000 {
        return Err(Problem::field("/text", Code::FieldRange, "1 to 4000 characters").into());
    }
    let note =
        Note { account_id: id, id: tx.new_id()?, text, created_by: caller.actor(), created_at: tx.as_of() };
    store::accounts::insert_note(tx, &note)?;
    Ok(note)
}

/// What is not to be seen is, as a field, as unknown as what does not exist.
fn unseen(pointer: &str) -> impl FnOnce(Error) -> Error {
    move |error| match error {
        Error::Refused(problem) if problem.code == Code::NotFound => unknown(pointer).into(),
        other => other,
    }
}

fn unknown(pointer: &str) -> Problem {
    Problem::field(pointer, Code::UnknownReference, "there is no such thing")
}
