//! Where all of a file belongs, when it names another system's things.

use meterdata::{Channel, FileForm, Flow, Item};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vocab::Zone;

/// Where all of a file belongs: one service point, by the utility's code, and one register there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The service point; what the file says of places and meters is passed over.
    pub service_point: Option<String>,
    /// The register; what the file says of registers is passed over.
    pub register: Option<String>,
}

impl Target {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The channel of a file as this target has it.
    pub(super) fn of(&self, channel: &Arc<Channel>) -> Arc<Channel> {
        if self.is_none() {
            return Arc::clone(channel);
        }
        let mut channel = Channel::clone(channel);
        if self.service_point.is_some() {
            (channel.point, channel.serial) = (self.service_point.clone(), None);
            // Its names are the other system's too.
            channel.register = None;
        }
        if self.register.is_some() {
            channel.register = self.register.clone();
        }
        Arc::new(channel)
    }
}

/// The series of a file that are meant by a target: the first of each that would go to the same register.
/// Of a file with several meters one alone can be meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meant(Vec<Series>);

/// A series by the names that the target passes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Series {
    point: Option<String>,
    serial: Option<String>,
    register: Option<String>,
    /// Whether it is told from the other by its flow.
    is_received: bool,
}

impl Meant {
    /// As far as the beginning of the file tells.
    pub fn by(target: &Target, form: &FileForm, beginning: &[u8], zone: &Zone) -> Self {
        let mut meant = Self::default();
        let Some(items) = form.open(beginning, zone).ok().filter(|_| !target.is_none()) else { return meant };
        for item in items.map_while(Result::ok) {
            match item {
                Item::Reading(reading) => meant.admits(target, &reading.channel),
                Item::Accumulated(both) => meant.admits(target, &both.to.channel),
                Item::Intervals(values) => meant.admits(target, &values.channel),
                _ => continue,
            };
        }
        meant
    }

    /// Whether a channel is meant; the first one of its kind is.
    pub fn admits(&mut self, target: &Target, channel: &Channel) -> bool {
        if target.is_none() {
            return true;
        }
        let placed = target.service_point.is_some();
        let is_received = target.register.is_none() && channel.flow == Flow::Received;
        let is_one = |of: &Series| {
            of.register == channel.register
                && (!placed || (of.point == channel.point && of.serial == channel.serial))
        };
        if let Some(known) = self.0.iter().find(|of| of.is_received == is_received) {
            return is_one(known);
        }
        self.0.push(Series {
            point: channel.point.clone(),
            serial: channel.serial.clone(),
            register: channel.register.clone(),
            is_received,
        });
        true
    }
}
