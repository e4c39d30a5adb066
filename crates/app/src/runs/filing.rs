//! How the accounts of a run are cut into chunks: the heavy ones are taken first, so that nobody waits at the end for
//! one long chunk that was begun last.

use crate::Result;
use std::collections::HashMap;
use store::Tx;
use store::queue::NewChunk;

/// Accounts of one chunk: one transaction of a test or an acceptance.
const CHUNK_ACCOUNTS: usize = 500;
/// The weight that a chunk of several accounts does not exceed: twice what five hundred homes with three services
/// are. It bounds how much memory a chunk takes, and how much work is done again after a crash.
const CHUNK_WEIGHT: i64 = 5000;
/// What every account is: its row, its bill, its balance. A contract is 1.
const ACCOUNT_WEIGHT: i64 = 2;

/// Cuts accounts, given in ascending order, into chunks; the heaviest first.
pub(super) fn chunks_of(tx: &mut Tx<'_>, accounts: &[i64]) -> Result<Vec<NewChunk>> {
    let contracts: HashMap<i64, i64> = store::run_sets::weights(tx, accounts)?.into_iter().collect();
    Ok(heaviest_first(accounts, |account| {
        ACCOUNT_WEIGHT.saturating_add(contracts.get(&account).copied().unwrap_or(0))
    }))
}

/// Within a chunk accounts stay in ascending order, in which they are locked.
fn heaviest_first(accounts: &[i64], weight: impl Fn(i64) -> i64) -> Vec<NewChunk> {
    let mut chunks: Vec<NewChunk> = Vec::new();
    for &account in accounts {
        let weight = weight(account);
        match chunks.last_mut() {
            Some(last)
                if last.items.len() < CHUNK_ACCOUNTS
                    && last.weight.saturating_add(weight) <= CHUNK_WEIGHT =>
            {
                last.items.push(account);
                last.weight += weight;
            }
            _ => chunks.push(NewChunk { items: vec![account], weight }),
        }
    }
    chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.weight));
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Account 700 has many contracts; those from 1,200 on have none, and the others three.
    fn weight(account: i64) -> i64 {
        match account {
            700 => 4000,
            1200.. => 2,
            _ => 5,
        }
    }

    #[test]
    fn heavy_chunks_come_first_and_every_account_once() {
        let accounts: Vec<i64> = (1..=2000).collect();
        let chunks = heaviest_first(&accounts, weight);
        let shape: Vec<_> =
            chunks.iter().map(|chunk| (chunk.items[0], chunk.items.len(), chunk.weight)).collect();
        // The second chunk is cut before it grows too heavy.
        assert_eq!(shape[0], (501, 201, 5000), "{shape:?}");
        assert!(chunks.is_sorted_by_key(|chunk| std::cmp::Reverse(chunk.weight)), "{shape:?}");
        for chunk in &chunks {
            assert!(chunk.items.is_sorted(), "accounts are locked in ascending order");
            assert!(chunk.items.len() <= CHUNK_ACCOUNTS && chunk.weight <= CHUNK_WEIGHT, "{shape:?}");
            assert_eq!(chunk.weight, chunk.items.iter().map(|&account| weight(account)).sum::<i64>());
        }
        let mut all: Vec<i64> = chunks.into_iter().flat_map(|chunk| chunk.items).collect();
        all.sort_unstable();
        assert_eq!(all, accounts);
    }

    #[test]
    fn one_account_may_be_too_heavy_for_company() {
        let chunks = heaviest_first(&[1, 2, 3], |account| if account == 2 { 9000 } else { 5 });
        let items: Vec<_> = chunks.iter().map(|chunk| chunk.items.as_slice()).collect();
        assert_eq!(items, [&[2][..], &[1], &[3]]);
    }

    #[test]
    fn alike_accounts_are_taken_in_their_order() {
        let accounts: Vec<i64> = (1..=1200).collect();
        let firsts: Vec<i64> = heaviest_first(&accounts, |_| 5).iter().map(|chunk| chunk.items[0]).collect();
        assert_eq!(firsts, [1, 501, 1001]);
    }
}
