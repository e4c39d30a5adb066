//! The CSV files that `penstock load` takes; docs/load.md describes their columns.

use super::home::{Home, Kind, Meter, SITES};
use super::usage::{Counts, month_end};
use super::{Plan, Trouble};
use anyhow::{Context, Result};
use csv::Writer;
use std::fs::File;
use std::path::Path;
use time::{Date, Duration};
use vocab::dates::civil;

/// When meters were hung and contracts begun: before the first read of the history.
const SINCE: &str = "2019-05-01";
const CITY: [&str; 3] = ["Penstock", "CO", "US"];

/// What the dials show after so many of their steps.
pub fn dial(counts: Counts, steps: i64) -> String {
    match counts {
        Counts::Electricity => steps.to_string(),
        Counts::Water => format!("{}.{:02}", steps / 100, steps % 100),
    }
}

struct Tables {
    locations: Writer<File>,
    points: Writer<File>,
    meters: Writer<File>,
    reads: Writer<File>,
    next_reads: Writer<File>,
    accounts: Writer<File>,
    contracts: Writer<File>,
    balances: Writer<File>,
    autopay: Writer<File>,
}

fn table(dir: &Path, name: &str, columns: &[&str]) -> Result<Writer<File>> {
    let path = dir.join(name);
    let mut writer = Writer::from_path(&path).with_context(|| format!("writing {}", path.display()))?;
    writer.write_record(columns)?;
    Ok(writer)
}

/// Writes every file of a town.
pub fn write(plan: &Plan, dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let mut sites = table(dir, "sites.csv", &["code", "name"])?;
    for (code, name, ..) in SITES {
        sites.write_record([code, name])?;
    }
    sites.flush()?;
    let mut tables = Tables::create(dir)?;
    for home in plan.homes() {
        tables.place(plan, &home)?;
        tables.account(&home)?;
        tables.contracts(plan, &home)?;
    }
    tables.finish()
}

impl Tables {
    fn create(dir: &Path) -> Result<Self> {
        let locations = [
            "code",
            "site",
            "line1",
            "line2",
            "city",
            "region",
            "postcode",
            "country",
            "latitude",
            "longitude",
        ];
        let meters = [
            "serial",
            "service_point",
            "register",
            "unit",
            "kind",
            "multiplier",
            "dials",
            "decimals",
            "bucket",
            "installed_on",
        ];
        let accounts = [
            "reference",
            "customer",
            "email",
            "phone",
            "language",
            "delivery",
            "class",
            "cycle",
            "site",
            "opened_on",
            "addressee",
            "line1",
            "line2",
            "city",
            "region",
            "postcode",
            "country",
        ];
        let contracts = [
            "account",
            "contract_type",
            "rate",
            "service_point",
            "location",
            "starts_on",
            "billed_through_on",
            "items",
        ];
        let autopay =
            ["account", "kind", "gateway", "customer_token", "method_token", "label", "rule", "days_before"];
        Ok(Self {
            locations: table(dir, "locations.csv", &locations)?,
            points: table(dir, "service_points.csv", &["code", "location", "commodity", "characteristics"])?,
            meters: table(dir, "meters.csv", &meters)?,
            reads: table(dir, "reads.csv", &["meter", "register", "read_on", "value", "quality"])?,
            next_reads: table(
                dir,
                "next_reads.csv",
                &["service_point", "meter_serial", "register", "read_on", "value", "quality"],
            )?,
            accounts: table(dir, "accounts.csv", &accounts)?,
            contracts: table(dir, "contracts.csv", &contracts)?,
            balances: table(dir, "opening_balances.csv", &["account", "due_on", "amount"])?,
            autopay: table(dir, "autopay.csv", &autopay)?,
        })
    }

    fn place(&mut self, plan: &Plan, home: &Home) -> Result<()> {
        let [city, region, country] = CITY;
        let (code, (north, west)) = (home.location(), &home.pin);
        let (site, _, postcode, ..) = home.site;
        self.locations.write_record([
            &code,
            site,
            &home.line1,
            &home.line2,
            city,
            region,
            postcode,
            country,
            north,
            west,
        ])?;
        for meter in &home.meters {
            self.meter(plan, &code, meter)?;
        }
        Ok(())
    }

    fn meter(&mut self, plan: &Plan, location: &str, meter: &Meter) -> Result<()> {
        let (commodity, unit, decimals) = match meter.counts {
            Counts::Electricity => ("electricity", "kwh", "0"),
            Counts::Water => ("water", "kgal", "2"),
        };
        let size = if meter.size.is_empty() { String::new() } else { format!("meter_size={}", meter.size) };
        self.points.write_record([&meter.point, location, commodity, &size])?;
        for register in &meter.registers {
            self.meters.write_record([
                &meter.serial,
                &meter.point,
                register.name,
                unit,
                "subtractive",
                "1",
                "5",
                decimals,
                register.bucket,
                SINCE,
            ])?;
            for (read_on, steps) in &register.shown.history {
                let value = dial(meter.counts, *steps);
                let read_on = civil::format(*read_on);
                self.reads.write_record([&meter.serial, register.name, &read_on, &value, "actual"])?;
            }
            if let Some(steps) = register.shown.current {
                let (read_on, value) = (civil::format(month_end(plan.month_on)), dial(meter.counts, steps));
                let (point, serial) = (&meter.point, &meter.serial);
                self.next_reads.write_record([point, serial, register.name, &read_on, &value, "actual"])?;
            }
        }
        Ok(())
    }

    fn account(&mut self, home: &Home) -> Result<()> {
        let class = if home.kind == Kind::Shop { "commercial" } else { "residential" };
        let (site, _, postcode, ..) = home.site;
        let reference = home.reference();
        let [city, region, country] = CITY;
        let written = home.trouble != Some(Trouble::NoAddress);
        let or_nothing = |text| if written { text } else { "" };
        let mailing =
            [&*home.customer, &home.line1, &home.line2, city, region, postcode, country].map(or_nothing);
        let email = if home.delivery == "post" { String::new() } else { home.email() };
        let phone = format!("+1 303 555 {:04}", home.index % 10_000);
        let own = [
            &*reference,
            &home.customer,
            &email,
            &phone,
            home.language,
            home.delivery,
            class,
            "MONTHLY",
            site,
            SINCE,
        ];
        self.accounts.write_record(own.iter().chain(&mailing))?;
        if let Some((due_on, cents)) = home.opening {
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            self.balances.write_record([&reference, &civil::format(due_on), &amount])?;
        }
        if let Some(autopay) = home.autopay {
            let customer = format!("cus_demo{}", home.index + 1);
            self.autopay.write_record([
                &*reference,
                autopay.kind,
                "stripe",
                &customer,
                autopay.token,
                autopay.label,
                autopay.rule,
                autopay.days_before,
            ])?;
        }
        Ok(())
    }

    fn contracts(&mut self, plan: &Plan, home: &Home) -> Result<()> {
        let through: Date = plan.month_on - Duration::days(1);
        let (reference, location, through) = (home.reference(), home.location(), civil::format(through));
        let electricity = if home.kind == Kind::Shop { "E-SHOP" } else { "E-HOME" };
        for (meter, (kind, rate)) in
            home.meters.iter().zip([("electricity", electricity), ("water", "W-METERED")])
        {
            self.contracts.write_record([&*reference, kind, rate, &meter.point, "", SINCE, &through, ""])?;
        }
        let counted = [
            ("sewer", "SEWER", "dwelling_units=1".to_owned()),
            ("refuse", "REFUSE", format!("carts={}", home.carts)),
            ("stormwater", "STORM", format!("erus={}", home.erus)),
        ];
        for (kind, rate, items) in counted.iter().filter(|of| plan.services.have(of.0)) {
            self.contracts.write_record([
                &*reference,
                *kind,
                *rate,
                "",
                &location,
                SINCE,
                &through,
                items,
            ])?;
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        let Self { locations, points, meters, reads, next_reads, accounts, contracts, balances, autopay } =
            self;
        for mut table in
            [locations, points, meters, reads, next_reads, accounts, contracts, balances, autopay]
        {
            table.flush()?;
        }
        Ok(())
    }
}
