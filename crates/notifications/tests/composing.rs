//! Messages as customers get them, in every shipped language.
#![allow(clippy::expect_used, reason = "helpers of tests")]

use notifications::{
    AfterFailure, AutopayFailed, Composed, Draw, EBill, KEYS, Line, Missing, Notice, Reader, Receipt, Sender,
    Texts, compose,
};
use time::macros::date;
use vocab::{AccountNumber, Currency, Language, MessageKind, Money, TenderKind};

fn texts() -> Texts {
    Texts::built_in().expect("the built-in texts can be read")
}

fn language(tag: &str) -> Language {
    tag.parse().expect("a language tag")
}

fn sender() -> Sender {
    Sender {
        utility: Line::of("Río Verde Water & Light"),
        contact: Line::of("555-0100"),
        currency: Currency::USD,
    }
}

fn reader(tag: &str, second: Option<&str>) -> Reader {
    Reader {
        name: Line::of("Ada Lovelace"),
        account_number: AccountNumber::from_random(7),
        language: language(tag),
        second_language: second.map(language),
    }
}

fn bill() -> EBill {
    EBill {
        bill: Line::of("B-1007"),
        billed_on: date!(2026 - 03 - 01),
        due_on: date!(2026 - 03 - 23),
        amount_due: Money::from_minor(123_450),
        draw: None,
        attached: true,
        link: Some("https://pay.example/b?id=1&t=abc".parse().expect("a link")),
    }
}

/// Every branch of every kind.
fn notices() -> Vec<Notice> {
    let mut notices = Vec::new();
    let draw = Draw { draw_on: date!(2026 - 03 - 20), amount: Money::from_minor(100_000) };
    for (amount_due, draw) in [(123_450, None), (123_450, Some(draw)), (0, None), (-500, Some(draw))] {
        notices.push(Notice::EBill(EBill { amount_due: Money::from_minor(amount_due), draw, ..bill() }));
    }
    for &tender in TenderKind::ALL {
        notices.push(Notice::Receipt(Receipt {
            reference: Line::of("R-9"),
            received_on: date!(2026 - 03 - 05),
            amount: Money::from_minor(2_226),
            tender,
            ending: Some(Line::of("4242")),
            balance: Some(Money::from_minor(-100)),
        }));
    }
    for next in [
        AfterFailure::Retry { retry_on: date!(2026 - 03 - 26) },
        AfterFailure::Pay,
        AfterFailure::SwitchedOff,
    ] {
        notices.push(Notice::AutopayFailed(AutopayFailed {
            bill: Line::of("B-1007"),
            amount: Money::from_minor(4_351),
            tried_on: date!(2026 - 03 - 23),
            due_on: date!(2026 - 03 - 23),
            next,
            link: bill().link,
        }));
    }
    notices
}

fn say(tag: &str, second: Option<&str>, notice: &Notice) -> Composed {
    compose(&texts(), notice, &sender(), &reader(tag, second))
}

#[test]
fn every_shipped_language_is_complete() {
    let texts = texts();
    let tags: Vec<&str> = texts.languages().map(Language::as_str).collect();
    assert_eq!(tags, ["en", "es", "fr"]);
    for language in texts.languages() {
        assert_eq!(texts.lacks(language), Vec::<&str>::new(), "{language}");
    }
    assert_eq!(texts.lacks(&language("de")), KEYS);
}

#[test]
fn nothing_is_left_unresolved_in_any_language() {
    for tag in ["en", "es", "fr", "fr-CA"] {
        for notice in notices() {
            let composed = say(tag, None, &notice);
            assert_eq!(composed.missing, [], "{tag} {notice:?}");
            for body in [composed.subject.as_str(), &composed.text] {
                assert!(!body.contains(['{', '}']) && !body.contains(['\u{2068}', '\u{2069}']), "{body}");
            }
            for key in KEYS.iter().filter(|key| key.contains('-')) {
                assert!(!composed.text.contains(key), "{tag} says the key {key}");
            }
        }
    }
}

#[test]
fn every_kind_is_said() {
    for kind in MessageKind::ALL {
        assert!(notices().iter().any(|notice| notice.kind() == *kind), "{kind}");
    }
}

#[test]
fn an_e_bill_as_it_is_read() {
    let composed = say("en", None, &Notice::EBill(bill()));
    let number = AccountNumber::from_random(7);
    assert_eq!(
        composed.subject.as_str(),
        "Your Río Verde Water & Light bill is ready: $1,234.50 due March 23, 2026"
    );
    assert_eq!(
        composed.text,
        format!(
            "Hello Ada Lovelace,\n\n\
             Your bill B-1007 dated March 1, 2026 is ready.\n\n\
             It is attached to this message as a PDF file.\n\n\
             Account number: {number}\nBill number: B-1007\nBill date: March 1, 2026\n\
             Amount due: $1,234.50\nDue date: March 23, 2026\n\n\
             Please pay $1,234.50 by March 23, 2026.\n\n\
             Pay your bill:\nhttps://pay.example/b?id=1&t=abc\n\n\
             Questions? We are glad to help: 555-0100\n\n\
             Thank you, Río Verde Water & Light\n"
        )
    );
}

#[test]
fn a_drawn_bill_does_not_ask_to_be_paid() {
    let drawn = say("en", None, &notices()[1]);
    assert!(drawn.text.contains("$1,000.00 will be drawn automatically on March 20, 2026"));
    assert!(!drawn.text.contains("Please pay") && !drawn.text.contains("Pay your bill"));
    let credit = say("en", None, &notices()[3]);
    assert!(credit.text.contains("No payment is due.") && credit.text.contains("Amount due: -$5.00"));
    assert!(!credit.text.contains("drawn"));
}

#[test]
fn two_languages_stand_beneath_each_other() {
    let composed = say("es", Some("en"), &Notice::EBill(bill()));
    assert!(
        composed.subject.as_str().starts_with("Su factura de")
            && composed.subject.as_str().contains(" / Your ")
    );
    let (spanish, english) =
        (composed.text.find("Hola, Ada").unwrap(), composed.text.find("Hello Ada").unwrap());
    assert!(spanish < english);
    assert!(composed.html.contains("<html lang=\"es\" dir=\"ltr\">"));
    assert!(composed.html.contains("<section lang=\"en\" dir=\"ltr\""));
    assert_eq!(composed.html.matches("<h1").count(), 1);
    let same = say("fr", Some("fr-CA"), &Notice::EBill(bill()));
    assert_eq!(same.text.matches("Bonjour").count(), 1, "one language is not said twice");
}

#[test]
fn what_a_language_lacks_is_said_in_english_and_reported() {
    let german = language("de");
    let texts = texts()
        .with(german.clone(), "greeting = Guten Tag { $name },\nclosing = Danke, { $nobody }\n")
        .unwrap();
    let composed = compose(&texts, &notices()[4], &sender(), &reader("de", None));
    assert!(composed.text.starts_with("Guten Tag Ada Lovelace,\n\nWe received your payment of $22.26"));
    let missed =
        |key: &str| composed.missing.contains(&Missing { language: german.clone(), key: key.to_owned() });
    assert!(missed("receipt-thanks"));
    assert!(missed("closing"), "a text that asks for something unknown is not used");
    assert!(!missed("greeting"));
    assert!(!composed.text.contains("nobody"));
}

#[test]
fn a_utility_may_use_its_own_words() {
    let texts = texts().with(language("en"), "closing = Cheers, { $utility }\n").unwrap();
    let composed = compose(&texts, &notices()[0], &sender(), &reader("en", None));
    assert!(composed.text.ends_with("Cheers, Río Verde Water & Light\n"));
    assert_eq!(composed.missing, []);
    assert!(Texts::built_in().unwrap().with(language("en"), "not fluent").is_err());
    assert!(Texts::built_in().unwrap().with(language("en"), "a = 1\na = 2\n").is_err());
}

#[test]
fn right_to_left_is_marked_and_isolated() {
    let texts = texts().with(language("he"), "direction = rtl\ngreeting = שלום { $name },\n").unwrap();
    let composed = compose(&texts, &notices()[0], &sender(), &reader("he", None));
    assert!(composed.html.contains("<html lang=\"he\" dir=\"rtl\">"));
    assert!(composed.text.starts_with("שלום \u{2068}Ada Lovelace\u{2069},"));
}

#[test]
fn names_are_neither_markup_nor_paragraphs() {
    let mut reader = reader("en", None);
    reader.name = Line::of("<script>alert('x')</script>\n\nPay \"here\" & now { $amount }");
    let composed = compose(&texts(), &notices()[0], &sender(), &reader);
    assert!(!composed.html.contains("<script"));
    assert!(composed.html.contains(
        "Hello &lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; Pay &quot;here&quot; &amp; now { $amount },"
    ));
    assert!(
        composed.text.starts_with("Hello <script>alert('x')</script> Pay \"here\" & now { $amount },\n\n")
    );
    assert!(composed.html.contains("href=\"https://pay.example/b?id=1&amp;t=abc\""));
}

#[test]
fn notices_are_kept_as_json() {
    for notice in notices() {
        let json = serde_json::to_string(&notice).unwrap();
        assert!(json.contains(&format!("\"kind\":\"{}\"", notice.kind())), "{json}");
        assert_eq!(serde_json::from_str::<Notice>(&json).unwrap(), notice);
    }
}
