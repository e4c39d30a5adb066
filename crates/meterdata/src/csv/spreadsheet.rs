//! Text that a spreadsheet would run as a formula.
//!
//! On the way out such text gets a leading apostrophe; on the way in exactly that apostrophe is
//! taken off again, so that what was exported comes back unchanged.

use std::borrow::Cow;

fn is_risky(first: char) -> bool {
    matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠' | '\'')
}

/// The text as it may stand in a cell: no control characters, never a formula.
pub fn neutralised(text: &str) -> Cow<'_, str> {
    let text = if text.chars().any(char::is_control) {
        Cow::Owned(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    };
    if text.trim_start().starts_with(is_risky) { Cow::Owned(format!("'{text}")) } else { text }
}

/// The text that was neutralised.
pub(super) fn restored(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.trim_start().starts_with(is_risky) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_become_text() {
        assert_eq!(neutralised("=1+1"), "'=1+1");
        assert_eq!(neutralised("\t=1+1"), "' =1+1");
        assert_eq!(neutralised("12 High St"), "12 High St");
        assert_eq!(neutralised("O'Brien"), "O'Brien");
        assert_eq!(restored("'A12"), "'A12");
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_back(text in "[-=+@' A0＝]{0,6}") {
            let cell = neutralised(&text).into_owned();
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '＝']));
            prop_assert_eq!(restored(&cell), text);
        }
    }
}
