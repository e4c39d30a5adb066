//! `penstock bench invoices`
#![allow(clippy::float_arithmetic, reason = "rates of measurements, never money")]

use super::figures::{self, Phase, figure, megabytes, micros_each, per_second, rounded};
use super::{Common, Stage, bill_run};
use crate::config::Config;
use crate::outside;
use crate::rehearsal::client::{count, text};
use crate::town::Services;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Draw the invoices of a billed town.
///
/// Bills the town first (its figures are not taken), then measures the invoice run from its request to
/// its last document: loading bills, drawing PDFs in programs of their own, keeping them, writing their
/// rows. There are as many drawing programs as workers.
#[derive(clap::Args)]
pub struct Invoices {
    /// How many accounts to bill; some get their bill by e-mail and by post and so count twice
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u64).range(14..=2_000_000))]
    count: u64,
    #[command(flatten)]
    common: Common,
}

impl Invoices {
    pub fn run(&self, config: &Config) -> Result<ExitCode> {
        outside::check_renderer(&config.render)?;
        let stage = Stage::set(config, &self.common, self.count, Services::Five)?;
        let figures = self.measure(&stage);
        stage.strike()?;
        figures::write(self.common.json.as_deref(), &figures?)?;
        Ok(ExitCode::SUCCESS)
    }

    fn measure(&self, stage: &Stage) -> Result<Value> {
        bill_run::import(stage)?;
        bill_run::bill(stage, bill_run::Again::Not)?;
        let client = &stage.client;
        let path = format!("/v1/cycle-windows/{}/invoice-runs", stage.window()?);
        let (cost, run) = stage.meter.measure(|| {
            let begun = client.post(&path, &json!({}))?;
            client.follow(&begun["operation"], "drawing invoices")?;
            client.get(&format!("/v1/invoice-runs/{}", text(&begun, "id")?))
        })?;
        let made = &run["invoices"];
        let drawn = count(&made["email"]) + count(&made["postal"]);
        let (pages, bytes) = (count(&made["pages"]), count(&made["bytes"]));
        ensure!(drawn > 0, "nothing was drawn: {}", run["errors"]);
        let drawing = Phase { name: "invoices", items: drawn, cost };
        figures::print(&[drawing]);
        let (rate, cpu) = (per_second(drawn, cost.time), drawing.cpu_us_each() / 1000.0);
        let render = micros_each(cost.children_cpu, drawn) / 1000.0;
        let kb = megabytes(bytes) * 1024.0 / figure(drawn);
        println!("{rate:.0} PDFs/s on {} workers, {pages} pages", self.common.workers);
        println!(
            "{cpu:.1} ms of processor time each, {render:.1} of them in the drawing programs; {kb:.0} KB"
        );
        Ok(json!({
            "count": drawn,
            "pages": pages,
            "workers": self.common.workers,
            "pdfs_per_s": rounded(rate),
            "pdfs_per_s_per_worker": rounded(rate / f64::from(self.common.workers)),
            "cpu_ms_per_pdf": rounded(cpu),
            "render_cpu_ms_per_pdf": rounded(render),
            "kb_per_pdf": rounded(kb),
            "peak_rss_mb": rounded(megabytes(cost.penstock_bytes)),
            "render_peak_mb": rounded(megabytes(cost.children_bytes)),
            "phases": figures::phases(&[drawing]),
        }))
    }
}
