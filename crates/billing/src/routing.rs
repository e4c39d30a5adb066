//! Routings: to whom and where a bill goes, as of its completion.
//!
//! One per person who gets a copy; the preference *both* makes two. A person without an e-mail
//! address gets a letter; a person who is to get a letter and has no postal address gets an
//! e-mail only when that was asked for as well. Nobody reachable is an error.

use crate::account::{AccountInputs, PostalAddress, Recipient};
use serde::{Deserialize, Serialize};
use vocab::{Channel, Code, DeliveryPreference, Language, PersonId, Problem};

/// One copy of a bill: person, language, address and channel as of completion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// Who gets it.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Their language.
    pub language: Language,
    /// By which way.
    pub channel: Channel,
    /// The e-mail address, for that channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The postal address, for that channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal: Option<PostalAddress>,
}

impl Routing {
    fn by_email(to: &Recipient, email: &str) -> Self {
        Self { email: Some(email.to_owned()), ..Self::blank(to, Channel::Email) }
    }

    fn by_post(to: &Recipient, postal: &PostalAddress) -> Self {
        Self { postal: Some(postal.clone()), ..Self::blank(to, Channel::Postal) }
    }

    fn blank(to: &Recipient, channel: Channel) -> Self {
        let (name, language) = (to.name.clone(), to.language.clone());
        Self { person: to.person, name, language, channel, email: None, postal: None }
    }
}

/// The copies of an account's bill; `no_routing_address` names the first person out of reach.
pub fn routings(delivery: DeliveryPreference, recipients: &[Recipient]) -> Result<Vec<Routing>, Problem> {
    if recipients.is_empty() {
        let detail = "nobody is named to get a copy of the bill";
        return Err(Problem::new(Code::NoRoutingAddress, detail).with("person", ""));
    }
    let mut all = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        push(&mut all, recipient, delivery)?;
    }
    Ok(all)
}

/// Whether everybody who is to get a copy can be reached, without building the copies.
pub(crate) fn unreachable(inputs: &AccountInputs) -> Option<&str> {
    if inputs.recipients.is_empty() {
        return Some("");
    }
    let out_of_reach = |to: &&Recipient| match inputs.delivery {
        DeliveryPreference::Post => to.postal.is_none(),
        DeliveryPreference::Email | DeliveryPreference::Both => email_of(to).is_none() && to.postal.is_none(),
    };
    inputs.recipients.iter().find(out_of_reach).map(|to| to.name.as_str())
}

fn email_of(to: &Recipient) -> Option<&str> {
    to.email.as_deref().filter(|email| !email.trim().is_empty())
}

fn push(all: &mut Vec<Routing>, to: &Recipient, delivery: DeliveryPreference) -> Result<(), Problem> {
    let email = email_of(to).filter(|_| delivery != DeliveryPreference::Post);
    let by_post = delivery != DeliveryPreference::Email || email.is_none();
    if let Some(email) = email {
        all.push(Routing::by_email(to, email));
    }
    match to.postal.as_ref().filter(|_| by_post) {
        Some(postal) => all.push(Routing::by_post(to, postal)),
        None if email.is_some() => {}
        None => {
            let detail = format!("{} has no address to send the bill to", to.name);
            return Err(Problem::new(Code::NoRoutingAddress, detail).with("person", to.person));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn channels(delivery: DeliveryPreference, email: bool, postal: bool) -> Option<Vec<Channel>> {
        let mut inputs = samples::account();
        inputs.delivery = delivery;
        inputs.recipients[0].email = email.then(|| "ada@example.org".to_owned());
        inputs.recipients[0].postal = postal.then(samples::postal_address);
        let routed = routings(inputs.delivery, &inputs.recipients);
        assert_eq!(routed.is_err(), unreachable(&inputs).is_some());
        if let Err(problem) = &routed {
            assert_eq!(problem.code, Code::NoRoutingAddress);
        }
        routed.ok().map(|all| all.iter().map(|one| one.channel).collect())
    }

    #[test]
    fn the_preference_and_the_addresses_decide_the_channel() {
        use Channel::{Email as E, Postal as P};
        use DeliveryPreference::{Both, Email, Post};
        let table = [
            (Email, true, true, Some(vec![E])),
            (Email, false, true, Some(vec![P])),
            (Email, true, false, Some(vec![E])),
            (Email, false, false, None),
            (Post, true, true, Some(vec![P])),
            (Post, true, false, None),
            (Both, true, true, Some(vec![E, P])),
            (Both, false, true, Some(vec![P])),
            (Both, true, false, Some(vec![E])),
            (Both, false, false, None),
        ];
        for (delivery, email, postal, expected) in table {
            assert_eq!(channels(delivery, email, postal), expected, "{delivery} {email} {postal}");
        }
        let mut nobody = samples::account();
        nobody.recipients.clear();
        assert_eq!(routings(nobody.delivery, &nobody.recipients).unwrap_err().code, Code::NoRoutingAddress);
    }
}
