//! The mail house's package: one record per piece, and control totals over all of them.

use crate::InvoicingError;
use serde::{Deserialize, Serialize};
use vocab::{AccountNumber, Money, decimal::Overflow};

/// One envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Unique in the package; the vendor's acknowledgement names it.
    pub piece_id: String,
    /// The account.
    pub account_number: AccountNumber,
    /// The bill.
    pub bill_number: String,
    /// Path inside the package.
    pub file: String,
    /// Pages of the file.
    pub pages: u32,
    /// Amount due, in minor units.
    pub amount_minor: Money,
    /// Name and address as printed, one line per element.
    pub address: Vec<String>,
    /// Of the file, in hexadecimal.
    pub sha256: String,
}

/// What must agree on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ControlTotals {
    /// Envelopes.
    pub pieces: u64,
    /// Pages.
    pub pages: u64,
    /// Amounts due, in minor units.
    pub amount_minor: Money,
}

/// Pieces with their totals; the JSON form of the package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Over all pieces.
    pub totals: ControlTotals,
    /// In the order printed.
    pub pieces: Vec<Piece>,
}

impl Manifest {
    /// Pieces with the totals that follow from them.
    pub fn new(pieces: Vec<Piece>) -> Result<Self, InvoicingError> {
        let mut totals = ControlTotals::default();
        for piece in &pieces {
            totals.pieces += 1;
            totals.pages = totals.pages.checked_add(u64::from(piece.pages)).ok_or(Overflow)?;
            totals.amount_minor = totals.amount_minor.plus(piece.amount_minor)?;
        }
        Ok(Self { totals, pieces })
    }

    /// Indented JSON.
    pub fn to_json(&self) -> Result<String, InvoicingError> {
        serde_json::to_string_pretty(self).map_err(|error| InvoicingError::Manifest(error.to_string()))
    }

    /// One row per piece; the address in one field, its lines joined by ` | `.
    pub fn to_csv(&self) -> Result<String, InvoicingError> {
        let broken = |error: csv::Error| InvoicingError::Manifest(error.to_string());
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record([
            "piece_id",
            "account_number",
            "bill_number",
            "file",
            "pages",
            "amount_minor",
            "address",
            "sha256",
        ])
        .map_err(broken)?;
        for piece in &self.pieces {
            rows.write_record([
                &piece.piece_id,
                &piece.account_number.to_string(),
                &piece.bill_number,
                &piece.file,
                &piece.pages.to_string(),
                &piece.amount_minor.minor().to_string(),
                &inert(&piece.address.join(" | ")),
                &piece.sha256,
            ])
            .map_err(broken)?;
        }
        let bytes = rows.into_inner().map_err(|error| InvoicingError::Manifest(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| InvoicingError::Manifest(error.to_string()))
    }
}

/// A customer's name that begins like a formula gets an apostrophe, as spreadsheets expect.
fn inert(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: u64, name: &str) -> Piece {
        Piece {
            piece_id: format!("P{number}"),
            account_number: AccountNumber::from_random(number),
            bill_number: format!("B{number}"),
            file: format!("POSTAL/{number}.pdf"),
            pages: 2,
            amount_minor: Money::from_minor(1050),
            address: vec![name.to_owned(), "1 Main St".to_owned()],
            sha256: "00".repeat(32),
        }
    }

    #[test]
    fn totals_follow_from_the_pieces() {
        let manifest = Manifest::new(vec![piece(1, "Ann, B."), piece(2, "=1+1")]).unwrap();
        assert_eq!(
            manifest.totals,
            ControlTotals { pieces: 2, pages: 4, amount_minor: Money::from_minor(2100) }
        );
        let csv = manifest.to_csv().unwrap();
        assert_eq!(csv.lines().count(), 3);
        assert!(csv.contains("\"Ann, B. | 1 Main St\""));
        assert!(csv.contains("'=1+1 | 1 Main St"));
        assert_eq!(serde_json::from_str::<Manifest>(&manifest.to_json().unwrap()).unwrap(), manifest);
    }
}
