//! What is said on a bill.

use crate::samples::*;
use crate::*;
use std::collections::BTreeMap;
use vocab::*;

fn message(n: i64, audience: Audience, priority: i16, texts: &[(&str, &str)]) -> BillMessage {
    let texts = texts.iter().map(|(language, text)| (language.parse().unwrap(), (*text).to_owned()));
    BillMessage { id: BillMessageId(n), audience, texts: texts.collect::<BTreeMap<_, _>>(), priority }
}

fn said(messages: &[BillMessage], inputs: &AccountInputs) -> Vec<(i64, String)> {
    let context = RunContext::new(january());
    let draft = draft(&context, inputs);
    let english = Language::english();
    let (class_code, language) = (&inputs.class_code, &inputs.language);
    let reader = BillReader { account: inputs.account, class_code, language };
    let printed = printed_messages(messages, reader, &draft, Some(&english));
    printed.iter().map(|one| (one.message.0, one.text().to_owned())).collect()
}

#[test]
fn the_messages_that_apply_stand_by_priority_in_the_accounts_language() {
    let messages = [
        message(1, Audience::All, 50, &[("en", "Office closed"), ("es", "Oficina cerrada")]),
        message(2, Audience::Class("residential".into()), 10, &[("en", "Save water"), ("fr", "Eau")]),
        message(3, Audience::Class("industrial".into()), 1, &[("en", "not for you")]),
        message(4, Audience::Schedule(RESIDENTIAL), 50, &[("fr", "Nouveau tarif")]),
        message(5, Audience::Schedule(LAMP_RATE), 1, &[("en", "no lamps here")]),
        message(6, Audience::Account(ACCOUNT), 0, &[("es-MX", "Gracias"), ("en", "Thank you")]),
        message(7, Audience::Account(AccountId(43)), 0, &[("en", "somebody else's")]),
    ];
    let of = |language: &str| AccountInputs { language: language.parse().unwrap(), ..account() };
    let lines =
        |all: &[(i64, &str)]| all.iter().map(|(n, text)| (*n, (*text).to_owned())).collect::<Vec<_>>();
    let english = lines(&[(6, "Thank you"), (2, "Save water"), (1, "Office closed"), (4, "Nouveau tarif")]);
    assert_eq!(said(&messages, &of("en")), english);
    // A region's reader gets the base language, where there is neither the utility's first, or what there is.
    let mexican = lines(&[(6, "Gracias"), (2, "Save water"), (1, "Oficina cerrada"), (4, "Nouveau tarif")]);
    assert_eq!(said(&messages, &of("es-MX")), mexican);
    // A rate speaks where it was billed: not on the bill of an account without reads.
    let unread = AccountInputs { meters: Vec::new(), ..of("en") };
    assert!(!said(&messages, &unread).iter().any(|(n, _)| *n == 4));
    assert_eq!(said(&[], &of("en")), []);
}
