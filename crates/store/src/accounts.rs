//! Accounts: what owes and pays, with the people, addresses and notes that hang on them.

use crate::schema::{
    account_addresses as addresses, account_notes as notes, account_numbers, account_persons,
    account_references, accounts, persons,
};
use crate::{Cursor, Page, Result, Tx};
use diesel::prelude::*;
use time::{Date, OffsetDateTime};
use vocab::{
    AccountId, AccountNumber, AccountState, CycleId, DeliveryPreference, DrawRule, Language, Money, PersonId,
    PersonRole, SiteId,
};

/// An account. Balances live here: whoever writes an account's money locks this row first.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
pub struct Account {
    /// Row id.
    pub account_id: AccountId,
    /// The resident's look-up code.
    pub number: AccountNumber,
    /// Which group it bills with.
    pub cycle_id: CycleId,
    /// The billing site: that of its main service location.
    pub site_id: SiteId,
    /// Customer class.
    pub class_code: String,
    /// Language of notices.
    pub language: Language,
    /// How bills go out.
    pub delivery: DeliveryPreference,
    /// Life.
    pub state: AccountState,
    /// Civil day of opening.
    pub opened_on: Date,
    /// The client's own name for it, unique for ever.
    pub client_reference: Option<String>,
    /// Asked now.
    pub current_minor: Money,
    /// Owed if closed today.
    pub payoff_minor: Money,
    /// The last completed bill.
    pub last_bill_id: Option<i64>,
    /// Its ending balance.
    pub last_bill_ending_minor: Money,
    /// Not billed before the day after.
    pub held_until_on: Option<Date>,
    /// Why it is held.
    pub hold_reason: Option<String>,
    /// The method that autopay draws from; none: no autopay.
    pub autopay_method_id: Option<i64>,
    /// When autopay draws.
    pub autopay_rule: Option<DrawRule>,
    /// For [`DrawRule::DaysBefore`].
    pub autopay_days_before: Option<i16>,
    /// Above it nothing is drawn.
    pub autopay_maximum_minor: Option<Money>,
    /// Failures in a row.
    pub autopay_failures: i16,
    /// Goes up by one with every change of the account's own data.
    pub version: i64,
}

/// A customer or third party.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = persons, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Person {
    /// Row id.
    pub id: PersonId,
    /// Full name.
    pub name: String,
    /// Where e-bills go.
    pub email: Option<String>,
    /// For the clerk.
    pub phone: Option<String>,
    /// Language the person reads.
    pub language: Language,
    /// Goes up by one with every change.
    pub version: i64,
}

/// What a person is to an account.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = account_persons, treat_none_as_default_value = false)]
pub struct AccountPerson {
    /// Whose.
    pub account_id: AccountId,
    /// Who.
    pub person_id: PersonId,
    /// As what.
    pub role: PersonRole,
    /// Whether bills go there.
    pub receives_bill: bool,
}

/// A mailing address with dates.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = addresses, treat_none_as_default_value = false)]
pub struct Address {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
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
    /// First day of use.
    pub from_on: Date,
    /// Last day of use.
    pub to_on: Option<Date>,
}

/// A note of staff.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = notes)]
pub struct Note {
    /// Whose.
    pub account_id: AccountId,
    /// Row id.
    pub id: i64,
    /// The note.
    pub text: String,
    /// Opaque id of the writer.
    pub created_by: String,
    /// Business time.
    pub created_at: OffsetDateTime,
}

/// Which accounts a list shows.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// Only these sites.
    pub sites: Option<Vec<SiteId>>,
    /// Only this cycle.
    pub cycle: Option<CycleId>,
    /// Only this state.
    pub state: Option<AccountState>,
    /// Only accounts that owe at least this.
    pub owing_at_least: Option<Money>,
    /// A number, or the beginning of a customer's name.
    pub q: Option<String>,
}

/// Inserts accounts with their numbers and references in the directories.
pub fn insert(tx: &mut Tx<'_>, rows: &[Account]) -> Result<()> {
    diesel::insert_into(account_numbers::table)
        .values(
            rows.iter()
                .map(|row| {
                    (
                        account_numbers::number.eq(row.number.as_i64()),
                        account_numbers::account_id.eq(row.account_id.0),
                    )
                })
                .collect::<Vec<_>>(),
        )
        .execute(tx.conn)?;
    let references: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let reference = row.client_reference.as_deref()?;
            Some((
                account_references::reference.eq(reference),
                account_references::account_id.eq(row.account_id.0),
            ))
        })
        .collect();
    diesel::insert_into(account_references::table).values(references).execute(tx.conn)?;
    diesel::insert_into(accounts::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// Of these numbers, the ones that are taken.
pub fn taken_numbers(tx: &mut Tx<'_>, numbers: &[AccountNumber]) -> Result<Vec<i64>> {
    let numbers: Vec<i64> = numbers.iter().map(|number| number.as_i64()).collect();
    Ok(account_numbers::table
        .filter(account_numbers::number.eq_any(numbers))
        .select(account_numbers::number)
        .load(tx.conn)?)
}

/// One account.
pub fn find(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<Account>> {
    Ok(accounts::table
        .filter(accounts::account_id.eq(id))
        .select(Account::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The account with this number.
pub fn id_by_number(tx: &mut Tx<'_>, number: AccountNumber) -> Result<Option<AccountId>> {
    Ok(account_numbers::table
        .find(number.as_i64())
        .select(account_numbers::account_id)
        .first::<i64>(tx.conn)
        .optional()?
        .map(AccountId))
}

/// Locks accounts, ascending, and answers them as they are now. Taken before anything that
/// writes their money.
pub fn lock(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<Account>> {
    Ok(accounts::table
        .filter(accounts::account_id.eq_any(ids))
        .select(Account::as_select())
        .order(accounts::account_id)
        .for_no_key_update()
        .load(tx.conn)?)
}

/// Accounts by id, without locking them.
pub fn load(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<Account>> {
    Ok(accounts::table
        .filter(accounts::account_id.eq_any(ids))
        .select(Account::as_select())
        .order(accounts::account_id)
        .load(tx.conn)?)
}

/// A list of accounts, by id.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &AccountFilter,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Page<Account>> {
    let mut query = accounts::table.select(Account::as_select()).into_boxed();
    if let Some(sites) = &filter.sites {
        query = query.filter(accounts::site_id.eq_any(sites));
    }
    if let Some(cycle) = filter.cycle {
        query = query.filter(accounts::cycle_id.eq(cycle));
    }
    if let Some(state) = filter.state {
        query = query.filter(accounts::state.eq(state));
    }
    if let Some(least) = filter.owing_at_least {
        query = query.filter(accounts::current_minor.ge(least));
    }
    if let Some(q) = &filter.q {
        if let Ok(number) = q.parse::<AccountNumber>() {
            query = query.filter(accounts::number.eq(number));
        } else {
            let pattern = format!("{}%", like_escaped(&q.to_lowercase()));
            let named = account_persons::table
                .inner_join(persons::table.on(persons::id.eq(account_persons::person_id)))
                .filter(account_persons::account_id.eq(accounts::account_id))
                .filter(lower(persons::name).like(pattern));
            query = query.filter(diesel::dsl::exists(named.select(account_persons::person_id)));
        }
    }
    if let Some(id) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(accounts::account_id.gt(AccountId(id)));
    }
    let rows = query.order(accounts::account_id).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.account_id.0])))
}

diesel::define_sql_function! {
    /// SQL's lower case.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

/// The text with LIKE's wildcards taken literally.
fn like_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Replaces the account's own data and its autopay settings when `version` is still the stored
/// Sets the state of a locked account; its version goes up by one.
pub fn set_state(tx: &mut Tx<'_>, id: AccountId, state: AccountState) -> Result<()> {
    diesel::update(accounts::table.filter(accounts::account_id.eq(id)))
        .set((accounts::state.eq(state), accounts::version.eq(accounts::version + 1)))
        .execute(tx.conn)?;
    Ok(())
}

/// one; `false` otherwise. Money columns are never written here.
pub fn update(tx: &mut Tx<'_>, row: &Account, version: i64) -> Result<bool> {
    let changed = diesel::update(
        accounts::table.filter(accounts::account_id.eq(row.account_id).and(accounts::version.eq(version))),
    )
    .set((
        accounts::cycle_id.eq(row.cycle_id),
        accounts::site_id.eq(row.site_id),
        accounts::class_code.eq(&row.class_code),
        accounts::language.eq(&row.language),
        accounts::delivery.eq(row.delivery),
        accounts::state.eq(row.state),
        accounts::held_until_on.eq(row.held_until_on),
        accounts::hold_reason.eq(&row.hold_reason),
        accounts::autopay_method_id.eq(row.autopay_method_id),
        accounts::autopay_rule.eq(row.autopay_rule),
        accounts::autopay_days_before.eq(row.autopay_days_before),
        accounts::autopay_maximum_minor.eq(row.autopay_maximum_minor),
        accounts::version.eq(version + 1),
    ))
    .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Inserts persons.
pub fn insert_persons(tx: &mut Tx<'_>, rows: &[Person]) -> Result<()> {
    diesel::insert_into(persons::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// One person.
pub fn person(tx: &mut Tx<'_>, id: PersonId) -> Result<Option<Person>> {
    Ok(persons::table.filter(persons::id.eq(id)).select(Person::as_select()).first(tx.conn).optional()?)
}

/// Persons by id.
pub fn persons(tx: &mut Tx<'_>, ids: &[PersonId]) -> Result<Vec<Person>> {
    Ok(persons::table
        .filter(persons::id.eq_any(ids))
        .select(Person::as_select())
        .order(persons::id)
        .load(tx.conn)?)
}

/// Replaces a person when `version` is still the stored one; `false` otherwise. The row given
/// carries the new version.
pub fn update_person(tx: &mut Tx<'_>, row: &Person, version: i64) -> Result<bool> {
    let changed =
        diesel::update(persons::table.filter(persons::id.eq(row.id).and(persons::version.eq(version))))
            .set(row)
            .execute(tx.conn)?;
    Ok(changed == 1)
}

/// Links persons to accounts.
pub fn insert_account_persons(tx: &mut Tx<'_>, rows: &[AccountPerson]) -> Result<()> {
    diesel::insert_into(account_persons::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// The links of accounts, by account and person.
pub fn account_persons(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<AccountPerson>> {
    Ok(account_persons::table
        .filter(account_persons::account_id.eq_any(ids))
        .select(AccountPerson::as_select())
        .order((account_persons::account_id, account_persons::person_id))
        .load(tx.conn)?)
}

/// The accounts of a person.
pub fn accounts_of_person(tx: &mut Tx<'_>, id: PersonId) -> Result<Vec<AccountId>> {
    Ok(account_persons::table
        .filter(account_persons::person_id.eq(id))
        .select(account_persons::account_id)
        .order(account_persons::account_id)
        .load(tx.conn)?)
}

/// Adds mailing addresses.
pub fn insert_addresses(tx: &mut Tx<'_>, rows: &[Address]) -> Result<()> {
    diesel::insert_into(addresses::table).values(rows).execute(tx.conn)?;
    Ok(())
}

/// The mailing addresses of accounts, by account and first day.
pub fn addresses(tx: &mut Tx<'_>, ids: &[AccountId]) -> Result<Vec<Address>> {
    Ok(addresses::table
        .filter(addresses::account_id.eq_any(ids))
        .select(Address::as_select())
        .order((addresses::account_id, addresses::from_on, addresses::id))
        .load(tx.conn)?)
}

/// Ends the open addresses of an account the day before `from_on`.
pub fn end_addresses(tx: &mut Tx<'_>, id: AccountId, from_on: Date) -> Result<()> {
    let last_on = from_on.previous_day().unwrap_or(from_on);
    diesel::update(
        addresses::table.filter(
            addresses::account_id
                .eq(id)
                .and(addresses::from_on.lt(from_on))
                .and(addresses::to_on.is_null().or(addresses::to_on.ge(from_on))),
        ),
    )
    .set(addresses::to_on.eq(last_on))
    .execute(tx.conn)?;
    Ok(())
}

/// Adds a note.
pub fn insert_note(tx: &mut Tx<'_>, row: &Note) -> Result<()> {
    diesel::insert_into(notes::table).values(row).execute(tx.conn)?;
    Ok(())
}

/// The notes of an account, newest first.
pub fn notes(tx: &mut Tx<'_>, id: AccountId, after: Option<&Cursor>, limit: i64) -> Result<Page<Note>> {
    let mut query = notes::table.filter(notes::account_id.eq(id)).select(Note::as_select()).into_boxed();
    if let Some(last) = after.map(Cursor::one::<i64>).transpose()? {
        query = query.filter(notes::id.lt(last));
    }
    let rows = query.order(notes::id.desc()).limit(limit + 1).load(tx.conn)?;
    Ok(Page::from_rows(rows, limit, |row| Cursor::new([row.id])))
}
