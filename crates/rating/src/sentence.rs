//! The customer's sentence of a line: the rule's label with its marks filled from the line.

use crate::line::{Line, LineBank, LineTier};
use crate::tariff::Filling;
use vocab::decimal::Rounding;
use vocab::{Decimal, Language};

type Arguments = Vec<(&'static str, String)>;

impl Line {
    /// What the label's marks stand for, in plain notation; a renderer localizes numbers and dates.
    /// Quantities, thresholds and bases are shown to 3 decimals; the line itself keeps all.
    pub fn arguments(&self) -> Arguments {
        let mut all = vec![
            ("price", self.price.normalize().to_string()),
            ("days", self.period.days().to_string()),
            ("first_on", vocab::dates::civil::format(self.period.first_on())),
            ("last_on", vocab::dates::civil::format(self.period.last_on())),
            ("proration", self.proration.to_string()),
        ];
        if let Some(quantity) = &self.quantity {
            all.push(("quantity", shown(quantity.value)));
            let unit = quantity.unit.map(|unit| unit.to_string());
            let name = quantity.name.as_ref().map(ToString::to_string);
            all.extend(unit.or(name).map(|unit| ("unit", unit)));
        }
        all.extend(self.bucket().map(|bucket| ("bucket", bucket.to_string())));
        self.tier.iter().for_each(|tier| of_tier(&mut all, tier));
        all.extend(self.base.iter().map(|base| ("base", shown(base.amount))));
        all.extend(
            self.packages.iter().map(|packages| ("packages", packages.started.normalize().to_string())),
        );
        // A cap that cannot be multiplied out is none that a line was made with.
        all.extend(self.capped_at().map(|cap| ("cap", shown(cap))));
        self.bank.iter().for_each(|bank| of_bank(&mut all, bank));
        all.extend(self.exemption.iter().map(|certificate| ("certificate", certificate.to_string())));
        all
    }

    /// The bucket of what is priced, or of the bank that is settled.
    pub fn bucket(&self) -> Option<&crate::Word> {
        let of_quantity = self.quantity.as_ref().and_then(|quantity| quantity.bucket.as_ref());
        of_quantity.or_else(|| self.bank.as_ref().and_then(|bank| bank.bucket.as_ref()))
    }

    /// The most that a discount takes off, prorated.
    pub fn capped_at(&self) -> Option<Decimal> {
        self.cap.as_ref().and_then(|cap| cap.proration.of(cap.price).ok())
    }

    /// The label's text with its marks filled; `None` when the label is a message key. A mark
    /// that this line has nothing for stays empty.
    pub fn sentence(&self, language: &Language) -> Option<String> {
        let template = self.label.in_language(language)?;
        let arguments = self.arguments();
        let mut text = String::with_capacity(template.len() + 16);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            let value = arguments.iter().find(|(argument, _)| *argument == name);
            text.push_str(value.map_or("", |(_, value)| value));
            rest = tail;
        }
        text.push_str(rest);
        Some(text)
    }
}

impl Filling {
    /// The word that it is known by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByUse => "by_use",
            Self::InTimeOrder => "in_time_order",
        }
    }
}

fn of_tier(all: &mut Arguments, tier: &LineTier) {
    all.push(("tier", tier.number.to_string()));
    all.push(("from", shown(tier.from)));
    all.extend(tier.up_to.map(|up_to| ("up_to", shown(up_to))));
    all.extend(tier.selected_by.map(|quantity| ("selected_by", shown(quantity))));
    all.extend(tier.shared.iter().map(|shared| ("filling", shared.filling.as_str().to_owned())));
}

fn of_bank(all: &mut Arguments, bank: &LineBank) {
    all.push(("bank", bank.bank.to_string()));
    all.push(("opening", shown(bank.opening)));
    all.push(("earned", shown(bank.earned)));
    all.push(("applied", shown(bank.applied)));
    all.push(("paid_out", shown(bank.paid_out)));
    all.push(("closing", shown(bank.closing)));
}

fn shown(value: Decimal) -> String {
    vocab::decimal::round(value, 3, Rounding::HalfAwayFromZero).normalize().to_string()
}
