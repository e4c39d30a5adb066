//! The ports to the outside, made from the configuration: documents, PDFs, mail, gateways.

use crate::config::{Config, Gateways, Mail, MailKind, MailSecurity, Render};
use crate::place::Place;
use anyhow::{Context, Result, bail};
use app::Parts;
use app::ports::PooledRenderer;
use connectors::documents::ObjectDocuments;
use connectors::gateway::sandbox::{SandboxOptions, WebhookTarget};
use connectors::gateway::stripe::{StripeConfig, WebhookCheck};
use connectors::gateway::{ManualGateway, SandboxGateway, Secret, StripeGateway};
use connectors::mail::{FolderMailer, Login, Security, SmtpMailer, SmtpSettings};
use connectors::rendering::{RenderPool, RenderSettings};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vocab::GatewayKind;

/// Any key that begins like this is taken by the pretended gateway.
const SANDBOX_KEY: &str = "sk_test_sandbox";
/// What the secret that the pretended gateway signs with is derived for: nobody else knows it.
const SANDBOX_WEBHOOKS: &str = "webhooks of the pretended gateway";
/// How long a pretended bank debit stays undecided.
const SANDBOX_SETTLES_AFTER: Duration = Duration::from_secs(1);

/// Adds the ports that the configuration names. The pretended gateway lives as long as what is
/// answered beside.
pub fn equip(parts: Parts, config: &Config, place: &Place) -> Result<(Parts, Option<SandboxGateway>)> {
    let mut parts = parts.rendering(Arc::new(renderer(&config.render)?));
    let below_home = |name: &str| place.home().map(|home| home.join(name));
    if let Some(folder) = config.documents.folder.clone().or_else(|| below_home("documents")) {
        let documents = ObjectDocuments::in_folder(&folder);
        let documents = documents.with_context(|| format!("documents in {}", folder.display()))?;
        parts = parts.keeping(Arc::new(documents));
    }
    parts = match config.mail.kind {
        MailKind::Smtp => parts.mailing(Arc::new(SmtpMailer::new(smtp(&config.mail)?)?)),
        MailKind::Folder => match config.mail.folder.clone().or_else(|| below_home("mail")) {
            None => parts,
            Some(folder) => {
                let mailer = FolderMailer::new(&folder);
                parts.mailing(Arc::new(mailer.with_context(|| format!("mail in {}", folder.display()))?))
            }
        },
    };
    gateways(parts.collecting(GatewayKind::Manual, Arc::new(ManualGateway)), config)
}

/// The program that draws PDFs.
fn render_program(render: &Render) -> Result<PathBuf> {
    Ok(match &render.program {
        Some(program) => program.clone(),
        None => {
            std::env::current_exe().context("finding penstock's own path")?.with_file_name("penstock-render")
        }
    })
}

/// Refuses to go on without the program that draws PDFs.
pub fn check_renderer(render: &Render) -> Result<()> {
    let program = render_program(render)?;
    if !program.exists() {
        bail!("{} is missing: it draws the PDFs; render.program names another", program.display());
    }
    Ok(())
}

fn renderer(render: &Render) -> Result<PooledRenderer> {
    let program = render_program(render)?;
    let processes = usize::try_from(render.processes).unwrap_or(usize::MAX);
    Ok(PooledRenderer::new(RenderPool::new(RenderSettings::new(program, processes)), processes))
}

fn smtp(mail: &Mail) -> Result<SmtpSettings> {
    let Some(host) = mail.host.clone() else { bail!("mail.host is not set") };
    let login = mail.user.clone().zip(mail.password.as_ref());
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    Ok(SmtpSettings {
        host,
        port: mail.port,
        security: match mail.security {
            MailSecurity::None => Security::None,
            MailSecurity::StartTls => Security::StartTls,
            MailSecurity::Tls => Security::Tls,
        },
        login: login.map(|(user, password)| Login { user, password: password.reveal().to_owned() }),
        hello_name: mail.hello_name.clone(),
        timeout: Duration::from_secs(mail.timeout_s),
        trusted_root_pem: mail.trusted_root_file.as_ref().map(read).transpose()?,
    })
}

fn gateways(parts: Parts, config: &Config) -> Result<(Parts, Option<SandboxGateway>)> {
    let Gateways {
        stripe_url,
        stripe_dialect,
        stripe_secret_key,
        stripe_webhook_secret,
        stripe_webhook_secret_old,
        sandbox,
    } = &config.gateways;
    if *sandbox {
        return pretended(parts, config);
    }
    let mut parts = parts;
    if let (Some(url), Some(key)) = (stripe_url, stripe_secret_key) {
        let config = StripeConfig { dialect: *stripe_dialect, ..StripeConfig::new(url.clone(), key.clone()) };
        let gateway = StripeGateway::new(config)?;
        parts = parts.collecting(GatewayKind::Stripe, Arc::new(gateway));
    }
    let secrets: Vec<Secret> =
        [stripe_webhook_secret, stripe_webhook_secret_old].into_iter().flatten().cloned().collect();
    if !secrets.is_empty() {
        parts = parts.hearing(WebhookCheck::new(secrets));
    }
    Ok((parts, None))
}

/// A gateway that moves no money, reached like a real one.
fn pretended(parts: Parts, config: &Config) -> Result<(Parts, Option<SandboxGateway>)> {
    let settings = parts.db.tx(store::settings::find)?;
    if settings.is_some_and(|settings| !settings.sandbox) {
        bail!(
            "gateways.sandbox is on, but the utility's settings do not say sandbox: its customers' payments would \
             only be pretended"
        );
    }
    let url = format!("http://127.0.0.1:{}/v1/gateways/stripe/webhook", config.http.listen.port());
    let secret = Secret::new(parts.keys.secret_for(SANDBOX_WEBHOOKS));
    let options = SandboxOptions {
        settle_after: Some(SANDBOX_SETTLES_AFTER),
        webhook: (config.http.listen.port() != 0).then(|| WebhookTarget { url, secret: secret.clone() }),
    };
    let sandbox =
        SandboxGateway::start(SandboxGateway::ANY_PORT, options).context("the pretended gateway")?;
    let gateway = StripeGateway::new(StripeConfig::new(sandbox.url(), Secret::new(SANDBOX_KEY)))?;
    let parts = parts.collecting(GatewayKind::Stripe, Arc::new(gateway));
    Ok((parts.hearing(WebhookCheck::new(vec![secret])).pretending(), Some(sandbox)))
}
