//! Orders to read again: placed by clerks and by reviews, done by the next read that comes in.

use crate::audit::{self, Action};
use crate::places::find_point;
use crate::runs::review::{self, Refusal, Review, Reviewed};
use crate::{App, Caller, Result};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use store::flags::FlagRow;
use store::registers::RegisterRow;
use store::reread_orders::{self as orders, RereadFilter, RereadOrder};
use store::{Cursor, Page, Tx};
use vocab::{
    AccountId, Code, Disposition, FieldError, FlagId, Problem, RegisterId, RegisterKind, RereadOrderId,
    RereadState, ServicePointId, SiteId,
};

/// Most orders of one request.
pub const ORDERS_MAX: usize = 1000;
/// Most characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// An order to be placed.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Where.
    pub point: ServicePointId,
    /// Which register; none: all of the service point.
    pub register: Option<RegisterId>,
    /// Why.
    pub reason: String,
    /// The flag whose review orders it.
    pub flag: Option<FlagId>,
}

/// What became of an order: placed, or refused by what is wrong below its place in the request.
pub type Ordered = std::result::Result<RereadOrder, FieldError>;

/// Places orders, each by itself: one that cannot be placed keeps no other from it.
pub fn order(tx: &mut Tx<'_>, caller: &Caller, new: Vec<NewOrder>) -> Result<Vec<Ordered>> {
    if new.is_empty() || new.len() > ORDERS_MAX {
        let detail = format!("1 to {ORDERS_MAX} orders at a time");
        return Err(Problem::field("/items", Code::FieldRange, detail).into());
    }
    let mut points: Vec<ServicePointId> = new.iter().map(|order| order.point).collect();
    points.sort_unstable();
    points.dedup();
    let seen: HashSet<ServicePointId> = store::exchange::sites_of(tx, &points)?
        .into_iter()
        .filter(|(_, site)| caller.principal.sees_site(*site))
        .map(|(point, _)| point)
        .collect();
    let mut registers: HashMap<ServicePointId, Vec<RegisterRow>> = HashMap::new();
    for row in store::registers::at(tx, &points)? {
        if row.removed_on.is_none() && row.kind != RegisterKind::Interval {
            registers.entry(row.service_point_id).or_default().push(row);
        }
    }
    let mut items: Vec<Ordered> = Vec::with_capacity(new.len());
    for (place, order) in new.into_iter().enumerate() {
        let there = registers.get(&order.point).map_or(&[][..], Vec::as_slice);
        items.push(match fault(&order, place, seen.contains(&order.point), there) {
            Some(fault) => Err(fault),
            None => Ok(RereadOrder {
                service_point_id: order.point,
                id: tx.new_id()?,
                register_id: order.register.map(|register| register.n),
                reason: order.reason,
                state: RereadState::Open,
                ordered_by: caller.actor(),
                ordered_at: tx.as_of(),
                flag_account_id: order.flag.map(|flag| flag.owner),
                flag_id: order.flag.map(|flag| flag.n),
                read_id: None,
                done_at: None,
                cancelled_by: None,
                cancelled_at: None,
                cancelled_reason: None,
            }),
        });
    }
    let rows: Vec<RereadOrder> = items.iter().filter_map(|item| item.as_ref().ok()).cloned().collect();
    let placed: HashSet<i64> = orders::insert(tx, &rows)?.into_iter().collect();
    for (place, item) in items.iter_mut().enumerate() {
        if item.as_ref().is_ok_and(|row| !placed.contains(&row.id)) {
            let detail = "there is an open order for it already";
            *item = Err(error(place, "", Code::AlreadyExists, detail));
        }
    }
    if let Some(first) = items.iter().find_map(|item| item.as_ref().ok()) {
        let (subject, reason) = (first.order_id().to_string(), Some(first.reason.clone()));
        let after = Some(json!({ "orders": placed.len() }));
        audit::record(
            tx,
            caller,
            Action { action: "reread.order", subject, after, reason, ..Action::default() },
        )?;
    }
    Ok(items)
}

fn error(place: usize, field: &str, code: Code, detail: &str) -> FieldError {
    FieldError { pointer: format!("/items/{place}{field}"), code, detail: detail.to_owned() }
}

/// Why an order cannot be placed.
fn fault(order: &NewOrder, place: usize, is_seen: bool, there: &[RegisterRow]) -> Option<FieldError> {
    if !is_seen {
        let detail = "there is no such service point";
        return Some(error(place, "/service_point_id", Code::UnknownReference, detail));
    }
    if check_reason(&order.reason).is_err() {
        return Some(error(place, "/reason", Code::FieldRange, "1 to 500 characters"));
    }
    match order.register {
        Some(register) => {
            let is_there = register.owner == order.point && there.iter().any(|row| row.id == register.n);
            let detail = "no register with dials that is installed there";
            (!is_there).then(|| error(place, "/register_id", Code::UnknownReference, detail))
        }
        None => there.is_empty().then(|| {
            error(place, "/service_point_id", Code::FieldRange, "no meter with dials is installed there")
        }),
    }
}

fn check_reason(reason: &str) -> std::result::Result<(), Problem> {
    if reason.trim().is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        return Err(Problem::field("/reason", Code::FieldRange, "1 to 500 characters"));
    }
    Ok(())
}

/// Takes an order back.
pub fn cancel(tx: &mut Tx<'_>, caller: &Caller, id: RereadOrderId, reason: String) -> Result<RereadOrder> {
    check_reason(&reason)?;
    let found = find(tx, caller, id)?;
    if !orders::cancel(tx, id, &caller.actor(), &reason)? {
        // Whoever came first decides; what it is now is what the answer says.
        let now = orders::find(tx, id)?.map_or(found.state, |row| row.state);
        return Err(Problem::new(Code::WrongState, format!("the order is {now}")).with("state", now).into());
    }
    let subject = id.to_string();
    audit::record(
        tx,
        caller,
        Action { action: "reread.cancel", subject, reason: Some(reason), ..Action::default() },
    )?;
    find(tx, caller, id)
}

fn find(tx: &mut Tx<'_>, caller: &Caller, id: RereadOrderId) -> Result<RereadOrder> {
    find_point(tx, caller, id.owner)?;
    Ok(orders::find(tx, id)?.ok_or_else(Problem::not_found)?)
}

/// Decides flags; where a reread is ordered, places the orders: for the flag's register, or the service
/// point of its contract. A flag on what cannot be read again stays undecided, with the reason; what has an
/// open order gets no second.
pub fn review(tx: &mut Tx<'_>, caller: &Caller, wanted: Review) -> Result<Vec<Reviewed>> {
    if wanted.disposition != Some(Disposition::RereadOrdered) {
        return review::review(tx, caller, wanted);
    }
    let reason: String = wanted.reason.iter().flat_map(|text| text.chars()).take(REASON_CHARS_MAX).collect();
    review::review_but(tx, caller, wanted, |tx, flags| order_for(tx, caller, flags, &reason))
}

/// Places the orders of flags; answers why those of some flags are not.
fn order_for(
    tx: &mut Tx<'_>,
    caller: &Caller,
    flags: &[FlagRow],
    reason: &str,
) -> Result<HashMap<(AccountId, i64), Refusal>> {
    let contracts: Vec<(AccountId, i64)> =
        flags.iter().filter_map(|row| Some((row.account_id, row.contract_id?))).collect();
    let points: HashMap<(AccountId, i64), ServicePointId> =
        store::contracts::points_of(tx, &contracts)?.into_iter().collect();
    let (mut new, mut refused) = (Vec::new(), HashMap::new());
    for row in flags {
        match row.contract_id.and_then(|contract| points.get(&(row.account_id, contract)).copied()) {
            Some(point) => new.push(NewOrder {
                point,
                register: row.register_id.map(|register| RegisterId::new(point, register)),
                reason: reason.to_owned(),
                flag: Some(FlagId::new(row.account_id, row.id)),
            }),
            None => {
                let detail = "the flag is on no service point that could be read again".to_owned();
                refused.insert((row.account_id, row.id), (Code::NoRegister, detail));
            }
        }
    }
    if new.is_empty() {
        return Ok(refused);
    }
    let of: Vec<Option<FlagId>> = new.iter().map(|order| order.flag).collect();
    for (flag, ordered) in of.into_iter().flatten().zip(order(tx, caller, new)?) {
        if let Err(error) = ordered
            && error.code != Code::AlreadyExists
        {
            refused.insert((flag.owner, flag.n), (Code::NoRegister, error.detail));
        }
    }
    Ok(refused)
}

impl App {
    /// Orders that the caller may see, by service point; of one site or all.
    pub fn reread_orders(
        &self,
        caller: &Caller,
        site: Option<SiteId>,
        state: Option<RereadState>,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<RereadOrder>> {
        self.db().tx(|tx| {
            let sites = match site {
                Some(site) => {
                    caller.find_in(site)?;
                    Some(vec![site])
                }
                None => caller.sites(),
            };
            Ok(orders::list(tx, &RereadFilter { sites, state }, after, limit)?)
        })
    }

    /// An order.
    pub fn reread_order(&self, caller: &Caller, id: RereadOrderId) -> Result<RereadOrder> {
        self.db().tx(|tx| find(tx, caller, id))
    }
}
