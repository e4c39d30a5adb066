//! Reading posted bills: the document, its arithmetic and the explanation of every line.

use crate::invoice_model::calculation;
use crate::{App, Caller, Result, accounts};
use billing::{Calculation, Routing};
use rating::LabelText;
use store::bills::{self, Bill, BillFilter, Segment, Swept};
use store::{Cursor, Page, Tx};
use vocab::{AccountId, BillId, Language, Money, Problem};

/// A bill with everything that stands on it.
#[derive(Debug, Clone)]
pub struct BillView {
    /// The bill.
    pub bill: Bill,
    /// To whom and where it goes.
    pub routings: Vec<Routing>,
    /// Its segments with their arithmetic.
    pub segments: Vec<(Segment, Calculation)>,
    /// Payments, adjustments and corrections since the bill before.
    pub swept: Vec<Swept>,
}

/// One line in the customer's words.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The segment it belongs to.
    pub segment: i64,
    /// The contract that is billed.
    pub contract: i64,
    /// The rule that made it; `charge` for billable charges.
    pub rule: String,
    /// The sentence; the message key where the tariff names only one.
    pub sentence: String,
    /// What the sentence mentions: name and value in plain notation.
    pub arguments: Vec<(&'static str, String)>,
    /// The rounded amount.
    pub amount: Money,
}

/// A bill that the caller may see.
pub fn find(tx: &mut Tx<'_>, caller: &Caller, id: BillId) -> Result<Bill> {
    accounts::find(tx, caller, id.owner)?;
    Ok(bills::find(tx, id.owner, id.n)?.ok_or_else(Problem::not_found)?)
}

fn segments(tx: &mut Tx<'_>, bill: &Bill) -> Result<Vec<(Segment, Calculation)>> {
    bills::segments(tx, &[(bill.account_id, bill.id)])?
        .into_iter()
        .map(|segment| {
            let calc = calculation(&segment)?;
            Ok((segment, calc))
        })
        .collect()
}

/// Each line in a language, segment by segment.
fn explain(segments: &[(Segment, Calculation)], language: &Language) -> Vec<Explained> {
    let mut all = Vec::new();
    for (segment, calc) in segments {
        let one = |rule: String, sentence: String, arguments, amount| Explained {
            segment: segment.id,
            contract: segment.contract_id,
            rule,
            sentence,
            arguments,
            amount,
        };
        for line in &calc.lines {
            let sentence = line.sentence(language).unwrap_or_else(|| key_of(&line.label));
            all.push(one(line.rule.to_string(), sentence, line.arguments(), line.amount_minor));
        }
        for charge in &calc.charges {
            let words = charge.label.in_language(language).map(str::to_owned);
            let sentence = words.unwrap_or_else(|| key_of(&charge.label));
            let arguments = vec![("due_on", vocab::dates::civil::format(charge.due_on))];
            all.push(one("charge".to_owned(), sentence, arguments, charge.amount));
        }
    }
    all
}

fn key_of(label: &rating::Label) -> String {
    match label.text() {
        LabelText::Key(key) => key.clone(),
        LabelText::Texts(_) => String::new(),
    }
}

impl App {
    /// A bill with everything that stands on it.
    pub fn bill(&self, caller: &Caller, id: BillId) -> Result<BillView> {
        self.db().tx(|tx| {
            let bill = find(tx, caller, id)?;
            let segments = segments(tx, &bill)?;
            let swept = bills::swept(tx, &[(bill.account_id, bill.id)])?;
            let routings = serde_json::from_str(&bill.routings.0)?;
            Ok(BillView { bill, routings, segments, swept })
        })
    }

    /// A bill's lines in the customer's words; without a language in the account's own.
    pub fn bill_explanation(
        &self,
        caller: &Caller,
        id: BillId,
        language: Option<Language>,
    ) -> Result<(Language, Vec<Explained>)> {
        self.db().tx(|tx| {
            let account = accounts::find(tx, caller, id.owner)?;
            let bill = find(tx, caller, id)?;
            let language = language.unwrap_or(account.language);
            let segments = segments(tx, &bill)?;
            let lines = explain(&segments, &language);
            Ok((language, lines))
        })
    }

    /// A list of the bills that the caller may see, newest first.
    pub fn bills(
        &self,
        caller: &Caller,
        filter: BillFilter,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Bill>> {
        let filter = BillFilter { sites: caller.sites(), ..filter };
        self.db().tx(|tx| Ok(bills::list(tx, &filter, after, limit)?))
    }

    /// The bills of an account, newest first.
    pub fn bills_of_account(
        &self,
        caller: &Caller,
        account: AccountId,
        after: Option<&Cursor>,
        limit: i64,
    ) -> Result<Page<Bill>> {
        let filter = BillFilter { account: Some(account), ..BillFilter::default() };
        self.db().tx(|tx| {
            accounts::find(tx, caller, account)?;
            Ok(bills::list(tx, &filter, after, limit)?)
        })
    }

    /// The bill with this number, when the caller may see it.
    pub fn bill_by_number(&self, caller: &Caller, number: i64) -> Result<Bill> {
        self.db().tx(|tx| {
            let (account, bill) = bills::id_by_number(tx, number)?.ok_or_else(Problem::not_found)?;
            find(tx, caller, BillId::new(account, bill))
        })
    }
}
