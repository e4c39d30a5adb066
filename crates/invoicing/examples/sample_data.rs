//! Writes a sample's template data to standard output:
//! `cargo run -p invoicing --example sample_data -- residential en es`.
//!
//! `qr` and `logo` instead of a sample: the other two files of a sample bill.

use invoicing::{qr_svg, samples, template_data};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let name = args.first().map_or("residential", String::as_str);
    let mut out = std::io::stdout().lock();
    let invoice = match name {
        "qr" => {
            let link = samples::residential().pay_link.unwrap_or_default();
            return Ok(write!(out, "{}", qr_svg(&link)?)?);
        }
        "logo" => {
            let logo = samples::residential().utility.logo_svg.unwrap_or_default();
            return Ok(write!(out, "{logo}")?);
        }
        "residential" => samples::residential(),
        "many_services" => samples::many_services(),
        "credit" => samples::credit(),
        "autopay" => samples::autopay(),
        "draft" => samples::draft(),
        other => return Err(format!("no sample {other}").into()),
    };
    let language = args.get(1).map_or("en", String::as_str).parse()?;
    let second = args.get(2).map(|tag| tag.parse()).transpose()?;
    let data = template_data(&invoice, &language, second.as_ref())?;
    serde_json::to_writer_pretty(&mut out, &data)?;
    writeln!(out)?;
    Ok(())
}
