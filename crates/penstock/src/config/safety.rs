//! Values that would be unsafe, each refused with what to do instead.

use super::{Config, Gateways, Mail, MailKind};
use anyhow::{Result, bail, ensure};
use reqwest::Url;

/// Refuses what no utility should run with.
pub(super) fn check(config: &Config) -> Result<()> {
    ensure!((1..=500).contains(&config.database.connections), "database.connections must be 1 to 500");
    ensure!(config.worker.threads <= 256, "worker.threads must be 256 or fewer");
    ensure!((1..=256).contains(&config.render.processes), "render.processes must be 1 to 256");
    let http = &config.http;
    let budgets = [
        http.sign_ins_per_name,
        http.sign_ins_per_address,
        http.look_ups_per_address,
        http.look_ups_per_account,
        http.look_ups_overall,
    ];
    ensure!(
        budgets.iter().all(|&budget| budget > 0),
        "a request budget of [http] is 0: nobody could sign in"
    );
    gateways(&config.gateways)?;
    mail(&config.mail)
}

fn gateways(gateways: &Gateways) -> Result<()> {
    let is_partial = gateways.stripe_url.is_some() != gateways.stripe_secret_key.is_some();
    ensure!(!is_partial, "gateways.stripe_url and gateways.stripe_secret_key belong together");
    if gateways.sandbox && gateways.stripe_url.is_some() {
        bail!(
            "gateways.sandbox pretends payments: it cannot run beside the real gateway of gateways.stripe_url"
        );
    }
    if let Some(text) = &gateways.stripe_url {
        let Ok(url) = Url::parse(text) else { bail!("gateways.stripe_url is not a URL") };
        let is_here = is_loopback(url.host_str().unwrap_or_default());
        ensure!(
            url.scheme() == "https" || (url.scheme() == "http" && is_here),
            "gateways.stripe_url must be https unless it is on this machine: the secret key would travel in clear"
        );
    }
    let secrets = [&gateways.stripe_secret_key, &gateways.stripe_webhook_secret];
    for secret in secrets.into_iter().flatten() {
        ensure!(secret.reveal().len() >= 8, "a secret in [gateways] is too short to be one");
    }
    Ok(())
}

fn mail(mail: &Mail) -> Result<()> {
    if mail.kind == MailKind::Smtp {
        ensure!(mail.host.is_some(), "mail.kind is smtp: set mail.host");
    }
    ensure!(mail.user.is_some() == mail.password.is_some(), "mail.user and mail.password belong together");
    ensure!((1..=600).contains(&mail.timeout_s), "mail.timeout_s must be 1 to 600");
    Ok(())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
