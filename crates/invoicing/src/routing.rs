//! Where an invoice's file lies in its run's folders.

use vocab::{AccountNumber, Channel};

/// `EMAIL/1234567897-2026-000123.pdf`: the folder of the way it goes, account and bill number.
///
/// Characters of a bill number that mean something to a file system become `_`, so that no bill
/// number leaves its folder.
pub fn file_name(channel: Channel, account: AccountNumber, bill_number: &str) -> String {
    let folder = match channel {
        Channel::Email => "EMAIL",
        Channel::Postal => "POSTAL",
    };
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let bill: String = bill_number.chars().map(safe).collect();
    format!("{folder}/{account}-{bill}.pdf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_number_stays_in_its_folder() {
        let account = AccountNumber::from_random(3);
        assert_eq!(file_name(Channel::Email, account, "2026-0001"), format!("EMAIL/{account}-2026-0001.pdf"));
        assert_eq!(file_name(Channel::Postal, account, "../a/b"), format!("POSTAL/{account}-___a_b.pdf"));
    }
}
