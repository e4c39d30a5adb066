//! What a file may not do: no type of document, no bomb, no other encoding, no end without an end.

use std::io::{BufReader, Cursor, Read};

use meterdata::FileFault;
use meterdata::espi::EspiFile;

use crate::made::*;

/// The reason and line of a file that is refused.
fn refused(bytes: &[u8]) -> (u64, String) {
    let mut file = EspiFile::new(bytes);
    let fault = file.by_ref().find_map(Result::err);
    assert!(file.next().is_none(), "nothing comes after a fault");
    match fault {
        Some(FileFault::Format { line, reason }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_green_button_file() {
    for (text, line, reason) in [
        ("NMI,1,2\n", 1, "text outside"),
        ("\n\n<rss/>", 3, "no Atom feed"),
        ("<feed xmlns=\"urn:other\"/>", 1, "no Atom feed"),
        ("<feed><entry>\n</entry></feed>\n", 3, "no Green Button resource"),
        ("<feed>\n</entry>", 2, "expected `</feed>`"),
        ("<feed/>\n<feed/>", 2, "more than one root"),
        ("<feed/>x", 1, "text outside"),
        ("<feed/>&amp;", 1, "text outside"),
        ("<feed>\u{1}</feed>", 1, "control character"),
        ("<feed>&#1;</feed>", 1, "control character"),
        ("<feed>&#0;</feed>", 1, "not permitted"),
        ("<feed>&#xD800;</feed>", 1, "codepoint"),
        ("<feed>\n& </feed>", 2, "reference"),
        ("<feed a='1' a='2'/>", 1, "duplicate"),
        ("<feed a=1/>", 1, "must be enclosed"),
    ] {
        let found = refused(text.as_bytes());
        assert_eq!(found.0, line, "{text}: {found:?}");
        assert!(found.1.to_lowercase().contains(&reason.to_lowercase()), "{text}: {found:?}");
    }
    for empty in ["", " \n", "\u{feff}", "<?xml version=\"1.0\"?>\n<!-- -->"] {
        assert!(matches!(read(empty.as_bytes()), (_, Some(FileFault::Empty))), "{empty}");
    }
}

#[test]
fn document_types_and_entities_are_refused() {
    let rest = one_block(&hours(&["1"])).replace("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "");
    let laughs: String = (1..10).fold("<!ENTITY l0 \"lol\">".to_owned(), |text, level| {
        text + &format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10))
    });
    for declared in [
        "<!DOCTYPE feed>".to_owned(),
        "<!doctype feed>".to_owned(),
        "<!DOCTYPE feed SYSTEM \"http://127.0.0.1/feed.dtd\">".to_owned(),
        "<!DOCTYPE feed [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>".to_owned(),
        "<!DOCTYPE feed [<!ENTITY % x SYSTEM \"http://127.0.0.1/\"> %x;]>".to_owned(),
        format!("<!DOCTYPE feed [{laughs}]>"),
    ] {
        let used = rest.replace("<value>1</value>", "<value>&l9;</value>");
        for rest in [&rest, &used] {
            let found = refused(format!("<?xml version=\"1.0\"?>\n{declared}\n{rest}").as_bytes());
            assert_eq!(found.0, 2);
            assert!(found.1.contains("DOCTYPE"), "{found:?}");
        }
    }
    // Beyond what a piece may have, and inside the feed.
    let long = format!("<!DOCTYPE feed [{}]>", laughs.repeat(100));
    assert_eq!(refused(format!("{long}{rest}").as_bytes()).0, 1);
    assert!(refused(rest.replace("</feed>", "<!DOCTYPE x></feed>").as_bytes()).1.contains("DOCTYPE"));
    for entity in ["&x;", "&l9;", "&nbsp;", "&;"] {
        let found = refused(one_block(&hours(&[entity])).as_bytes());
        assert!(found.0 == 5 && found.1.contains("entity"), "{found:?}");
        let attribute = feed(&[format!("<entry><link rel=\"self\" href=\"{entity}\"/></entry>")]);
        assert_eq!(refused(attribute.as_bytes()).0, 3);
    }
}

#[test]
fn bombs_are_refused() {
    let feed = |inner: &str| format!("<feed xmlns=\"http://www.w3.org/2005/Atom\">\n{inner}</feed>");
    let many = |count: usize| -> String { (0..count).map(|number| format!(" a{number}=\"\"")).collect() };
    let spaces: String = (0..60).map(|number| format!(" xmlns:n{number}=\"urn:{number}\"")).collect();
    for (inner, reason) in [
        ("<a>".repeat(100_000), "deep"),
        ("<a>".repeat(100_000) + &"</a>".repeat(100_000), "deep"),
        (format!("<a{}/>", many(33)), "attributes"),
        (format!("<a{}/>", many(100_000)), "16384 bytes"),
        (format!("<a><b{spaces}><c{spaces}><d{spaces}/></c></b></a>"), "attributes"),
        (format!("<a b=\"{}\"/>", "x".repeat(1_000_000)), "16384 bytes"),
        (format!("<a{}/>", "x".repeat(1_000_000)), "16384 bytes"),
        (format!("<a{}", " ".repeat(1_000_000)), "16384 bytes"),
        ("x".repeat(1_000_000), "16384 bytes"),
        ("x".repeat(8_193), "8192 bytes"),
        ("x&amp;".repeat(10_000), "8192 bytes"),
        ("<![CDATA[x]]>".repeat(10_000), "8192 bytes"),
        (format!("<![CDATA[{}]]>", "x".repeat(1_000_000)), "16384 bytes"),
        (format!("<!--{}-->", "x".repeat(1_000_000)), "16384 bytes"),
        (format!("<?x {}?>", "x".repeat(1_000_000)), "16384 bytes"),
        (format!("&{};", "x".repeat(1_000_000)), "16384 bytes"),
        (format!("&#{};", "9".repeat(1_000)), "number too large"),
    ] {
        let found = refused(feed(&inner).as_bytes());
        // A text begins where the tag before it ends.
        assert!((1..=2).contains(&found.0), "{found:?}");
        assert!(found.1.contains(reason) && found.1.len() < 1_000, "{reason}: {found:?}");
    }
}

/// An endless text is left where its bound is.
#[test]
fn no_more_is_read_than_the_bounds_allow() {
    for start in
        ["<feed>", "<feed ", "<!--", "<feed><![CDATA[", "<feed>&", "<?", "<!DOCTYPE x [", "<feed a='"]
    {
        let endless = Cursor::new(start).chain(std::io::repeat(b'x')).take(1 << 40);
        let mut file = EspiFile::new(BufReader::new(endless));
        assert!(matches!(file.next(), Some(Err(FileFault::Format { line: 1, .. }))), "{start}");
        assert!(file.next().is_none());
    }
}

#[test]
fn other_encodings_are_refused() {
    let text = one_block(&hours(&["1"]));
    let utf_16 = |bytes: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    for bytes in [utf_16(u16::to_le_bytes, true), utf_16(u16::to_be_bytes, true)] {
        assert!(matches!(read(&bytes).1, Some(FileFault::Utf16)));
    }
    for bytes in [utf_16(u16::to_le_bytes, false), utf_16(u16::to_be_bytes, false)] {
        assert!(!matches!(read(&bytes), (_, None)));
    }
    for encoding in ["ISO-8859-1", "UTF-16", "UTF-7", "windows-1252"] {
        let found = refused(text.replace("UTF-8", encoding).as_bytes());
        assert!(found.0 == 1 && found.1.contains(encoding), "{found:?}");
    }
    for encoding in ["utf-8", "UTF8", "US-ASCII"] {
        assert!(read(text.replace("UTF-8", encoding).as_bytes()).1.is_none());
    }
    for bad in [&b"<title>caf\xe9</title>"[..], b"<a b='\xff'/>", b"<!-- \xc0\x80 -->", b"<\xff/>"] {
        let bytes = [b"<feed>\n", bad, b"</feed>"].concat();
        let found = refused(&bytes);
        assert!(found.0 == 2 && found.1.contains("UTF-8"), "{found:?}");
    }
}

/// Wherever a file is cut, it says so, and what it said before is whole.
#[test]
fn a_cut_file_says_so() {
    let text = feed(&[meter_entry(), type_entry(), block_entry(&hours(&["1", "2", "3"]))]);
    let root = text.find("<feed").unwrap();
    let whole = items(&text);
    for end in 0..text.len() {
        let (found, fault) = read(&text.as_bytes()[..end]);
        match fault {
            Some(FileFault::Empty) => assert!(end <= root),
            Some(FileFault::CutOff { .. }) => assert!(end > 0),
            other => panic!("{end}: {other:?}"),
        }
        for found in intervals(&found) {
            assert!(intervals(&whole)[0].values.starts_with(&found.values), "{end}");
        }
    }
}
