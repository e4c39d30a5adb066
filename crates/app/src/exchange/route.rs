//! The way of a meter reader through a window: each service point once, in the order of its address.

use super::each_to_read;
use crate::Result;
use std::collections::HashMap;
use store::Tx;
use store::exchange::ToRead;
use store::windows::Window;
use time::Date;
use vocab::{AccountId, ServicePointId, SiteId};

/// A service point on the way.
pub(super) struct Stop {
    pub point: ServicePointId,
    /// Who is served there; none: nobody.
    pub account: Option<AccountId>,
}

/// The service points of the metered services that a window bills; or of those, and of the vacant ones, that
/// are ordered to be read again.
pub(super) fn of_window(
    tx: &mut Tx<'_>,
    window: &Window,
    sites: Option<Vec<SiteId>>,
    only_rereads: bool,
) -> Result<Vec<Stop>> {
    let ordered: Option<Vec<ServicePointId>> = match only_rereads {
        true => Some(store::reread_orders::open_points(tx)?),
        false => None,
    };
    let is_ordered =
        |point: ServicePointId| ordered.as_ref().is_none_or(|ordered| ordered.binary_search(&point).is_ok());
    let mut served: HashMap<ServicePointId, (Claim, AccountId)> = HashMap::new();
    each_to_read(tx, window, sites.clone(), |_, services| {
        for of in services.iter().filter(|of| is_ordered(of.service_point)) {
            let claim = (claim(of, window.ends_on), of.account);
            served.entry(of.service_point).and_modify(|known| *known = claim.max(*known)).or_insert(claim);
        }
        Ok(())
    })?;
    let mut points: Vec<ServicePointId> = served.keys().copied().collect();
    if let Some(ordered) = ordered {
        let rest = ordered.into_iter().filter(|point| !served.contains_key(point)).collect();
        points.extend(vacant(tx, window, sites, rest)?);
    }
    let way = store::places::in_walking_order(tx, &points)?;
    let stop = |point| Stop { point, account: served.get(&point).map(|(_, account)| *account) };
    Ok(way.into_iter().map(stop).collect())
}

/// How good an account's claim to a service point is: served on the window's last day, else until latest.
type Claim = (bool, Date, Date);

fn claim(of: &ToRead, on: Date) -> Claim {
    let covers = of.starts_on <= on && of.ends_on.is_none_or(|ends_on| on <= ends_on);
    (covers, of.ends_on.unwrap_or(Date::MAX), of.starts_on)
}

/// Those at these sites that nobody is served at in the window's days.
fn vacant(
    tx: &mut Tx<'_>,
    window: &Window,
    sites: Option<Vec<SiteId>>,
    mut points: Vec<ServicePointId>,
) -> Result<Vec<ServicePointId>> {
    if let Some(sites) = sites {
        let own = store::exchange::sites_of(tx, &points)?;
        points = own.into_iter().filter(|(_, site)| sites.contains(site)).map(|(point, _)| point).collect();
    }
    let services = store::reads::services_by_point(tx, &points)?;
    let is_vacant = |point: &ServicePointId| {
        let mut there = services.get(point).into_iter().flatten();
        !there.any(|of| {
            let reaches = of.ends_on.is_none_or(|ends_on| window.starts_on <= ends_on);
            of.state != vocab::ContractState::Cancelled && of.starts_on <= window.ends_on && reaches
        })
    };
    Ok(points.into_iter().filter(is_vacant).collect())
}
