//! The QR code of the pay link, as a small SVG: one path of horizontal runs.

use crate::InvoicingError;
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// Modules of white around the code that scanners need.
const QUIET_MODULES: usize = 4;

/// An SVG of the text as a QR code, one unit per module, black on white.
pub fn qr_svg(text: &str) -> Result<String, InvoicingError> {
    let code =
        QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| InvoicingError::LinkTooLong)?;
    let width = code.width();
    let side = width + 2 * QUIET_MODULES;
    let mut path = String::new();
    for (y, row) in code.to_colors().chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                // Writing to a String cannot fail.
                let _ = write!(
                    path,
                    "M{} {}h{}v1h-{}z",
                    x + QUIET_MODULES,
                    y + QUIET_MODULES,
                    run.len(),
                    run.len()
                );
            }
            x += run.len();
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"{side}\" height=\"{side}\">\
         <path d=\"M0 0h{side}v{side}h-{side}z\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_painted_once() {
        let svg = qr_svg("https://pay.example/7f3a").unwrap();
        let code = QrCode::with_error_correction_level("https://pay.example/7f3a", EcLevel::M).unwrap();
        let dark = code.to_colors().iter().filter(|c| **c == Color::Dark).count();
        let painted: usize = svg
            .split("fill=\"#fff\"/><path d=\"")
            .nth(1)
            .unwrap()
            .split('h')
            .skip(1)
            .filter(|part| !part.starts_with('-'))
            .map(|part| part.split('v').next().unwrap().parse::<usize>().unwrap_or(0))
            .sum();
        assert_eq!(painted, dark);
    }

    #[test]
    fn a_link_beyond_the_largest_code_is_refused() {
        assert_eq!(qr_svg(&"x".repeat(3000)), Err(InvoicingError::LinkTooLong));
    }
}
