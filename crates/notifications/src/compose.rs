//! From a notice to a subject and two bodies, in one language or two.

use crate::letter::{Block, Letter, html, text};
use crate::notice::{AfterFailure, AutopayFailed, EBill, Notice, Reader, Receipt, Sender};
use crate::texts::{Missing, Texts, Voice};
use crate::{Line, Link};
use vocab::Language;

/// A message in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The first language.
    pub language: Language,
    /// The subject, both languages when there are two.
    pub subject: Line,
    /// The plain-text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
    /// What had to be said in English, for whoever keeps the translations.
    pub missing: Vec<Missing>,
}

/// Says the notice in the reader's language, with the second language beneath.
pub fn compose(texts: &Texts, notice: &Notice, sender: &Sender, reader: &Reader) -> Composed {
    let second = reader.second_language.as_ref().filter(|second| second.base() != reader.language.base());
    let mut missing = std::collections::BTreeSet::new();
    let letters: Vec<Letter> = std::iter::once(&reader.language)
        .chain(second)
        .map(|language| {
            let mut writer = Writer { voice: texts.voice(language), sender, reader };
            let letter = writer.letter(notice);
            missing.extend(writer.voice.missing());
            letter
        })
        .collect();
    let subjects: Vec<&str> = letters.iter().map(|letter| letter.subject.as_str()).collect();
    Composed {
        language: reader.language.clone(),
        subject: Line::of(&subjects.join(" / ")),
        text: text(&letters),
        html: html(&letters),
        missing: missing.into_iter().collect(),
    }
}

struct Writer<'a> {
    voice: Voice<'a>,
    sender: &'a Sender,
    reader: &'a Reader,
}

impl Writer<'_> {
    fn letter(&mut self, notice: &Notice) -> Letter {
        let (subject, body) = match notice {
            Notice::EBill(bill) => self.e_bill(bill),
            Notice::Receipt(receipt) => self.receipt(receipt),
            Notice::AutopayFailed(failure) => self.autopay_failed(failure),
        };
        let mut blocks = vec![self.paragraph("greeting", &[("name", self.reader.name.as_str())])];
        blocks.extend(body);
        blocks.push(self.paragraph("questions", &[("contact", self.sender.contact.as_str())]));
        blocks.push(self.paragraph("closing", &[("utility", self.sender.utility.as_str())]));
        Letter {
            language: self.voice.language().clone(),
            right_to_left: self.voice.say("direction", &[]) == "rtl",
            subject,
            blocks,
        }
    }

    fn e_bill(&mut self, bill: &EBill) -> (String, Vec<Block>) {
        let utility = self.sender.utility.as_str();
        let (billed_on, due_on) = (self.voice.date(bill.billed_on), self.voice.date(bill.due_on));
        let amount = self.money(bill.amount_due);
        let asks = bill.amount_due.is_positive();
        let subject = if asks {
            let arguments = [("utility", utility), ("amount", &amount), ("due_on", &due_on)];
            self.voice.say("e-bill-subject", &arguments)
        } else {
            self.voice.say("e-bill-subject-nothing-due", &[("utility", utility)])
        };
        let ready = [("bill", bill.bill.as_str()), ("billed_on", billed_on.as_str())];
        let mut blocks = vec![self.paragraph("e-bill-ready", &ready)];
        if bill.attached {
            blocks.push(self.paragraph("e-bill-attached", &[]));
        }
        let mut facts = vec![
            self.account(),
            self.fact("label-bill", bill.bill.as_str()),
            self.fact("label-billed-on", &billed_on),
            self.fact("label-amount-due", &amount),
        ];
        // A drawn bill must not also ask to be paid: the customer would pay twice.
        let what_to_do = match bill.draw.filter(|_| asks) {
            Some(draw) => {
                let (draw_amount, draw_on) = (self.money(draw.amount), self.voice.date(draw.draw_on));
                facts.push(self.fact("label-draw-on", &draw_on));
                self.paragraph("e-bill-draw", &[("draw_amount", &draw_amount), ("draw_on", &draw_on)])
            }
            None if asks => {
                facts.push(self.fact("label-due-on", &due_on));
                self.paragraph("e-bill-pay", &[("amount", &amount), ("due_on", &due_on)])
            }
            None => self.paragraph("e-bill-nothing-due", &[]),
        };
        blocks.push(Block::Facts(facts));
        blocks.push(what_to_do);
        let to_be_paid = asks && bill.draw.is_none();
        blocks.extend(self.action(if to_be_paid { "pay-bill" } else { "see-bill" }, bill.link.as_ref()));
        (subject, blocks)
    }

    fn receipt(&mut self, receipt: &Receipt) -> (String, Vec<Block>) {
        let (amount, received_on) = (self.money(receipt.amount), self.voice.date(receipt.received_on));
        let subject = self.voice.say("receipt-subject", &[("amount", &amount)]);
        let thanks = self.paragraph("receipt-thanks", &[("amount", &amount), ("received_on", &received_on)]);
        let mut tender = self.voice.say(&format!("tender-{}", receipt.tender), &[]);
        if let Some(ending) = &receipt.ending {
            tender = self.voice.say("tender-ending", &[("tender", &tender), ("ending", ending.as_str())]);
        }
        let mut facts = vec![
            self.account(),
            self.fact("label-amount", &amount),
            self.fact("label-received-on", &received_on),
            self.fact("label-paid-with", &tender),
            self.fact("label-reference", receipt.reference.as_str()),
        ];
        if let Some(balance) = receipt.balance {
            let balance = self.money(balance);
            facts.push(self.fact("label-balance", &balance));
        }
        (subject, vec![thanks, Block::Facts(facts)])
    }

    fn autopay_failed(&mut self, failure: &AutopayFailed) -> (String, Vec<Block>) {
        let (amount, bill) = (self.money(failure.amount), failure.bill.as_str());
        let (tried_on, due_on) = (self.voice.date(failure.tried_on), self.voice.date(failure.due_on));
        let subject = self.voice.say("autopay-failed-subject", &[("utility", self.sender.utility.as_str())]);
        let what = [("amount", amount.as_str()), ("bill", bill), ("tried_on", &tried_on)];
        let what = self.paragraph("autopay-failed-what", &what);
        let facts = vec![
            self.account(),
            self.fact("label-bill", bill),
            self.fact("label-amount", &amount),
            self.fact("label-tried-on", &tried_on),
            self.fact("label-due-on", &due_on),
        ];
        let pay = [("amount", amount.as_str()), ("due_on", due_on.as_str())];
        let (next, action) = match failure.next {
            AfterFailure::Retry { retry_on } => {
                let retry_on = self.voice.date(retry_on);
                (self.paragraph("autopay-failed-retry", &[("retry_on", &retry_on)]), "see-bill")
            }
            AfterFailure::Pay => (self.paragraph("autopay-failed-pay", &pay), "pay-bill"),
            AfterFailure::SwitchedOff => (self.paragraph("autopay-failed-switched-off", &pay), "pay-bill"),
        };
        let mut blocks = vec![what, Block::Facts(facts), next];
        blocks.extend(self.action(action, failure.link.as_ref()));
        (subject, blocks)
    }

    fn money(&mut self, amount: vocab::Money) -> String {
        self.voice.money(amount, self.sender.currency)
    }

    fn paragraph(&mut self, key: &str, arguments: &[(&str, &str)]) -> Block {
        Block::Paragraph(self.voice.say(key, arguments))
    }

    fn fact(&mut self, label: &str, value: &str) -> (String, String) {
        (self.voice.say(label, &[]), value.to_owned())
    }

    fn account(&mut self) -> (String, String) {
        let number = self.reader.account_number.to_string();
        self.fact("label-account", &number)
    }

    fn action(&mut self, label: &str, link: Option<&Link>) -> Option<Block> {
        link.map(|link| Block::Action { label: self.voice.say(label, &[]), link: link.clone() })
    }
}
