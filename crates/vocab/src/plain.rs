//! What a reader of JSON or of a query found wrong, in words for people: the reader's own talk names types and
//! places of its program.

/// The same in plain words.
pub fn plain(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(before, _)| before);
    if message.starts_with("missing field `") {
        return "this field is needed".to_owned();
    }
    if let Some(rest) = message.strip_prefix("unknown field `") {
        return match rest.split_once("`, expected ") {
            Some((_, known)) => format!("there is no such field; there {}", known_words(known, "is")),
            None => "there is no such field".to_owned(),
        };
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        return match rest.split_once("`, expected ") {
            Some((found, known)) => {
                format!("`{found}` is not a word for this; there {}", known_words(known, "is"))
            }
            None => "not a word for this".to_owned(),
        };
    }
    if message.starts_with("duplicate field `") {
        return "it stands there twice".to_owned();
    }
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some((found, expected)) =
            message.strip_prefix(kind).and_then(|rest| rest.rsplit_once(", expected "))
        {
            return format!("expected {}, not {}", wanted(expected), given(kind, found));
        }
    }
    if message.starts_with("data did not match any variant") {
        return "it has none of the documented forms".to_owned();
    }
    match message {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "a whole number".to_owned()
        }
        "number too large to fit in target type" | "number too small to fit in target type" => {
            "a whole number that is not so large".to_owned()
        }
        "provided string was not `true` or `false`" => "true or false".to_owned(),
        other => other.to_owned(),
    }
}

/// "one of `a`, `b`" or "`a` or `b`", as a list.
fn known_words(known: &str, verb: &str) -> String {
    let words = known.strip_prefix("one of ").unwrap_or(known).replace("` or `", "`, `");
    let verb = if words.contains(", ") { "are" } else { verb };
    format!("{verb} {words}")
}

/// What should stand there.
fn wanted(expected: &str) -> String {
    let first = expected.split(' ').next().unwrap_or_default();
    match expected {
        "a string" | "str" | "a borrowed string" | "string" => "a text",
        "a sequence" | "a tuple" => "an array",
        "a map" => "an object",
        "a boolean" => "true or false",
        "unit" => "null",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not below 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "string or map" | "string only" => "a word",
        _ => match first {
            "struct" | "internally" | "adjacently" => "an object",
            "enum" | "variant" => "a word",
            "tuple" => "an array",
            _ => return expected.to_owned(),
        },
    }
    .to_owned()
}

/// What stands there.
fn given(kind: &str, found: &str) -> String {
    match found.split(' ').next().unwrap_or_default() {
        _ if kind == "invalid length " => format!("{found} of them"),
        "string" | "character" => "a text".to_owned(),
        "integer" => found.replacen("integer ", "", 1).replace('`', ""),
        "floating" => "a number with decimals".to_owned(),
        "boolean" => found.replacen("boolean ", "", 1).replace('`', ""),
        "sequence" => "an array".to_owned(),
        "map" => "an object".to_owned(),
        "null" | "unit" => "null".to_owned(),
        _ => found.replace('`', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_readers_talk_becomes_plain() {
        for (said, expected) in [
            ("missing field `name` at line 1 column 2", "this field is needed"),
            (
                "unknown field `x`, expected `a` or `b` at line 1 column 4",
                "there is no such field; there are `a`, `b`",
            ),
            (
                "unknown field `x`, expected one of `a`, `b`, `c`",
                "there is no such field; there are `a`, `b`, `c`",
            ),
            ("unknown field `x`, expected `a`", "there is no such field; there is `a`"),
            ("unknown field `x`, there are no fields", "there is no such field"),
            (
                "unknown variant `gas`, expected one of `water`, `electricity`",
                "`gas` is not a word for this; there are `water`, `electricity`",
            ),
            (
                "invalid type: string \"ten\", expected u16 at line 1 column 20",
                "expected a whole number, not below 0, not a text",
            ),
            ("invalid type: integer `5`, expected a string", "expected a text, not 5"),
            ("invalid type: null, expected struct MoneyJson", "expected an object, not null"),
            ("invalid type: map, expected a sequence", "expected an array, not an object"),
            ("invalid value: integer `-1`, expected u32", "expected a whole number, not below 0, not -1"),
            ("invalid length 3, expected an array of 2", "expected an array of 2, not 3 of them"),
            ("duplicate field `a`", "it stands there twice"),
            ("data did not match any variant of untagged enum Of", "it has none of the documented forms"),
            ("a day is written 2026-01-31 at line 3 column 9", "a day is written 2026-01-31"),
            ("invalid digit found in string", "a whole number"),
        ] {
            assert_eq!(plain(said), expected, "{said}");
        }
    }
}
