//! The role × permission matrix is locked: a change of who may do what shows in review.

use std::fmt::Write as _;

use access::Permission;
use vocab::Role;

const LOCKED: &str = include_str!("matrix.txt");

fn printed() -> String {
    let width = Permission::ALL.iter().map(|permission| permission.as_str().len()).max().unwrap_or(0);
    let mut text = format!("{:width$}", "");
    for role in Role::ALL {
        let _ = write!(text, "  {role}");
    }
    text.push('\n');
    for &permission in Permission::ALL {
        let mut line = format!("{:width$}", permission.as_str());
        for &role in Role::ALL {
            let mark = if permission.is_held_by(role) { "x" } else { "." };
            let _ = write!(line, "  {mark:^0$}", role.as_str().len());
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[test]
fn the_matrix_is_as_agreed() {
    let now = printed();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix.txt"), &now).unwrap();
        return;
    }
    assert!(now == LOCKED, "tests/matrix.txt differs; UPDATE_GOLDEN=1 writes it anew:\n{now}");
}

#[test]
fn words_are_unique_and_of_one_shape() {
    let mut words: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Permission::ALL.len());
    for word in words {
        let (resource, action) = word.split_once('.').unwrap();
        for part in [resource, action] {
            assert!(!part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{word}");
        }
        assert_eq!(word.parse::<Permission>().unwrap().as_str(), word);
    }
    assert!("accounts.burn".parse::<Permission>().is_err());
}

#[test]
fn posts_grow_and_viewers_only_read() {
    let holds = |role| Permission::of(role).collect::<std::collections::BTreeSet<_>>();
    let (viewer, clerk, manager, admin) =
        (holds(Role::Viewer), holds(Role::Clerk), holds(Role::Manager), holds(Role::Admin));
    assert!(viewer.is_subset(&clerk) && clerk.is_subset(&manager) && manager.is_subset(&admin));
    assert_eq!(admin.len(), Permission::ALL.len(), "nothing is out of everybody's reach");
    assert!(viewer.iter().all(|permission| permission.as_str().ends_with(".read")));
    for guarded in [
        Permission::BillRunsAccept,
        Permission::BillsAccept,
        Permission::BillsCorrect,
        Permission::AdjustmentsWrite,
        Permission::DeliveriesApprove,
        Permission::PaymentsReverse,
        Permission::PaymentRunsExecute,
    ] {
        assert!(!guarded.is_held_by(Role::Clerk), "{guarded} wants a second pair of eyes");
        assert!(!guarded.is_held_by(Role::Integration), "{guarded} wants a person");
    }
    for appointed in [Permission::UsersWrite, Permission::ApiClientsWrite, Permission::SettingsWrite] {
        assert_eq!(appointed.roles(), [Role::Admin], "{appointed}");
    }
}
