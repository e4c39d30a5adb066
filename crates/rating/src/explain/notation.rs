//! Formulas with values in place of names.

/// The formula with each name replaced by its value; functions and unknown names stay. A negative
/// value is put in parentheses where something stands before it.
pub fn filled(formula: &str, operands: &[(String, String)]) -> String {
    let mut text = String::with_capacity(formula.len() + 16);
    let mut rest = formula;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if !is_part(first) {
            text.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(length);
        let value = operands.iter().find(|(name, _)| name == word).map(|(_, value)| value.as_str());
        match value {
            Some(value) if !tail.trim_start().starts_with('(') => {
                let is_first = text.trim_end().is_empty() || text.trim_end().ends_with(['(', ',']);
                if value.starts_with('-') && !is_first {
                    text.extend(["(", value, ")"]);
                } else {
                    text.push_str(value);
                }
            }
            _ => text.push_str(word),
        }
        rest = tail;
    }
    text
}

/// A name that a formula can hold: letters, digits and `_`, no digit first.
pub(super) fn name(of: &str) -> String {
    let mut name: String = of.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// The same of several, each with a name of its own: `on_peak` and `on-peak` are `on_peak` and
/// `on_peak_2`.
pub(super) fn names<'n>(of: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for text in of {
        let plain = name(text);
        let mut numbered = plain.clone();
        let mut number = 2;
        while all.contains(&numbered) {
            numbered = format!("{plain}_{number}");
            number += 1;
        }
        all.push(numbered);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_with(formula: &str, operands: &[(&str, &str)]) -> String {
        let operands: Vec<(String, String)> =
            operands.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        filled(formula, &operands)
    }

    #[test]
    fn names_give_way_to_values() {
        let operands = [("kw", "50"), ("kwh", "-3"), ("min", "7"), ("proration", "15/30")];
        for (formula, expected) in [
            ("kw × kwh", "50 × (-3)"),
            ("kwh + kw", "-3 + 50"),
            ("min(kwh, min) × proration", "min(-3, 7) × 15/30"),
            ("kw*0.95/unknown", "50*0.95/unknown"),
            ("", ""),
        ] {
            assert_eq!(filled_with(formula, &operands), expected);
        }
    }

    #[test]
    fn any_bucket_has_a_name() {
        assert_eq!([name("on-peak"), name("4-9pm"), name("Süd")], ["on_peak", "_4_9pm", "S_d"]);
    }

    #[test]
    fn different_buckets_have_different_names() {
        let buckets = ["on-peak", "on_peak", "on_peak_2", "on peak"];
        assert_eq!(names(buckets.into_iter()), ["on_peak", "on_peak_2", "on_peak_2_2", "on_peak_3"]);
    }
}
