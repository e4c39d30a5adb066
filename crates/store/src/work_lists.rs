//! What waits for a person, counted by site.

use crate::{Result, Tx};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use vocab::SiteId;

/// What waits at one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct WorkList {
    /// The site.
    #[diesel(sql_type = BigInt)]
    pub site_id: SiteId,
    /// Open blocking flags that the person is to look at.
    #[diesel(sql_type = BigInt)]
    pub flags: i64,
    /// Open blocking flags that nobody has been given.
    #[diesel(sql_type = BigInt)]
    pub unassigned_flags: i64,
    /// Errors that the person is to look at.
    #[diesel(sql_type = BigInt)]
    pub errors: i64,
    /// Errors that nobody has been given.
    #[diesel(sql_type = BigInt)]
    pub unassigned_errors: i64,
    /// Held reads.
    #[diesel(sql_type = BigInt)]
    pub held_reads: i64,
    /// Open orders to read again.
    #[diesel(sql_type = BigInt)]
    pub reread_orders: i64,
    /// Open proposals to bill again.
    #[diesel(sql_type = BigInt)]
    pub rebill_proposals: i64,
}

/// What waits for a person at each of these sites, or at all; sites where nothing waits are left out. Flags and
/// errors count while their account can still be accepted in the run that has them.
pub fn of(tx: &mut Tx<'_>, assignee: &str, sites: Option<&[SiteId]>) -> Result<Vec<WorkList>> {
    let sites: Option<Vec<i64>> = sites.map(|all| all.iter().map(|id| id.0).collect());
    Ok(diesel::sql_query(
        "WITH found AS ( \
           SELECT f.site_id, CASE WHEN f.assignee IS NULL THEN 'unassigned_flag' ELSE 'flag' END AS kind FROM flags f \
             JOIN run_items i ON i.account_id = f.account_id AND i.run_id = f.run_id AND i.live \
             WHERE f.severity = 'block' AND f.disposition = 'open' AND (f.assignee = $1 OR f.assignee IS NULL) \
           UNION ALL \
           SELECT i.site_id, CASE WHEN e.assignee IS NULL THEN 'unassigned_error' ELSE 'error' END FROM bill_errors e \
             JOIN run_items i ON i.account_id = e.account_id AND i.run_id = e.run_id AND i.live \
             WHERE e.open AND (e.assignee = $1 OR e.assignee IS NULL) \
           UNION ALL \
           SELECT l.site_id, 'held_read' FROM reads r \
             JOIN service_points p ON p.service_point_id = r.service_point_id \
             JOIN service_locations l ON l.id = p.location_id \
             WHERE r.status = 'held' AND r.status <> 'valid' \
           UNION ALL \
           SELECT l.site_id, 'reread_order' FROM reread_orders o \
             JOIN service_points p ON p.service_point_id = o.service_point_id \
             JOIN service_locations l ON l.id = p.location_id WHERE o.state = 'open' \
           UNION ALL \
           SELECT l.site_id, 'rebill_proposal' FROM rebill_proposals b \
             JOIN service_points p ON p.service_point_id = b.service_point_id \
             JOIN service_locations l ON l.id = p.location_id WHERE b.state = 'open') \
         SELECT site_id, count(*) FILTER (WHERE kind = 'flag') AS flags, \
           count(*) FILTER (WHERE kind = 'unassigned_flag') AS unassigned_flags, \
           count(*) FILTER (WHERE kind = 'error') AS errors, \
           count(*) FILTER (WHERE kind = 'unassigned_error') AS unassigned_errors, \
           count(*) FILTER (WHERE kind = 'held_read') AS held_reads, \
           count(*) FILTER (WHERE kind = 'reread_order') AS reread_orders, \
           count(*) FILTER (WHERE kind = 'rebill_proposal') AS rebill_proposals \
         FROM found WHERE $2 IS NULL OR site_id = ANY($2) GROUP BY site_id ORDER BY site_id",
    )
    .bind::<Text, _>(assignee)
    .bind::<Nullable<Array<BigInt>>, _>(sites)
    .load(tx.conn)?)
}
