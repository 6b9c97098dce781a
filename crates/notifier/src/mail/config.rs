//! What the operator set about mail, checked as a whole.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use secrecy::{ExposeSecret, SecretString};

use crate::clean::has_controls;

/// The port for mail submission with STARTTLS (RFC 6409).
const SUBMISSION: u16 = 587;
/// The port for mail submission with TLS from the first byte (RFC 8314).
const SUBMISSIONS: u16 = 465;

/// `SMTP_TLS`: what to do where TLS does not begin with the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// STARTTLS or nothing is sent.
    Required,
    /// STARTTLS where the server offers it. With a password and a host elsewhere this is as [`SmtpTls::Required`].
    Opportunistic,
    /// Never STARTTLS. Refused together with a password and a host elsewhere.
    None,
}

impl FromStr for SmtpTls {
    type Err = SmtpConfigError;

    fn from_str(text: &str) -> Result<Self, SmtpConfigError> {
        match text.trim().to_ascii_lowercase().as_str() {
            "required" => Ok(Self::Required),
            "opportunistic" => Ok(Self::Opportunistic),
            "none" => Ok(Self::None),
            _ => Err(SmtpConfigError::new("SMTP_TLS", "must be required, opportunistic or none")),
        }
    }
}

/// The settings as they were read. Empty texts count as absent.
#[derive(Clone, Debug, Default)]
pub struct SmtpSettings {
    /// `SMTP_HOST`.
    pub host: String,
    /// `SMTP_PORT`; 587 when absent, or 465 with `secure`.
    pub port: Option<u16>,
    /// `SMTP_SECURE`: TLS from the first byte.
    pub secure: bool,
    /// `SMTP_TLS`; when absent, required, and opportunistic on this machine.
    pub tls: Option<SmtpTls>,
    /// The bytes of `SMTP_CA_FILE`: authorities to trust besides the system's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// `SMTP_USER`.
    pub user: Option<String>,
    /// `SMTP_PASS`.
    pub password: Option<SecretString>,
    /// `SMTP_FROM`: `Name <address>` or an address; the user when that is an address.
    pub from: Option<String>,
}

/// How a connection becomes safe.
#[derive(Clone)]
pub(crate) enum Security {
    Tls(TlsParameters),
    StartTls { parameters: TlsParameters, required: bool },
    None,
}

/// Settings that work together. Debug shows no secret.
#[derive(Clone)]
pub struct SmtpConfig {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) from: Mailbox,
    pub(crate) loopback: bool,
}

impl SmtpConfig {
    /// Checks the settings and reads the certificates.
    ///
    /// # Errors
    /// [`SmtpConfigError`] names the variable and what to do, never the value of a secret.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpConfigError> {
        let host = host(&settings.host)?;
        let loopback = is_loopback(&host);
        let (user, password) = login(settings.user, settings.password)?;
        let from = sender(settings.from.as_deref(), user.as_deref())?;
        let credentials = user.as_ref().zip(password.as_ref()).map(|(user, password)| {
            Credentials::new(user.clone(), password.expose_secret().to_owned())
        });
        let exposed = credentials.is_some() && !loopback;
        let tls = match settings.tls {
            Some(SmtpTls::None) if exposed && !settings.secure => {
                let fault = "none would send the password in clear; leave it out, or unset SMTP_USER and SMTP_PASS";
                return Err(SmtpConfigError::new("SMTP_TLS", fault));
            }
            Some(SmtpTls::Opportunistic) if exposed => SmtpTls::Required,
            Some(tls) => tls,
            None if loopback => SmtpTls::Opportunistic,
            None => SmtpTls::Required,
        };
        let parameters = tls_parameters(&host, settings.ca_pem.as_deref())?;
        let security = match tls {
            _ if settings.secure => Security::Tls(parameters),
            SmtpTls::None => Security::None,
            tls => Security::StartTls { parameters, required: tls == SmtpTls::Required },
        };
        let default_port = if settings.secure { SUBMISSIONS } else { SUBMISSION };
        let port = settings.port.unwrap_or(default_port);
        if port == 0 {
            return Err(SmtpConfigError::new("SMTP_PORT", "must be 1 to 65535"));
        }
        Ok(Self { host, port, security, credentials, user, password, from, loopback })
    }

    /// Whether the mail server is this machine.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Host and port, as logs and errors show them.
    #[must_use]
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let security = match &self.security {
            Security::Tls(_) => "tls",
            Security::StartTls { required: true, .. } => "starttls required",
            Security::StartTls { required: false, .. } => "starttls if offered",
            Security::None => "none",
        };
        f.debug_struct("SmtpConfig")
            .field("server", &self.server())
            .field("security", &security)
            .field("signs_in", &self.credentials.is_some())
            .field("from", &self.from.email.to_string())
            .finish()
    }
}

/// A setting about mail cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {fault}")]
pub struct SmtpConfigError {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong and what to do.
    pub fault: String,
}

impl SmtpConfigError {
    fn new(variable: &'static str, fault: impl Into<String>) -> Self {
        Self { variable, fault: fault.into() }
    }
}

fn host(text: &str) -> Result<String, SmtpConfigError> {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(ip.to_string());
    }
    let odd = || {
        SmtpConfigError::new(
            "SMTP_HOST",
            "must be a host name such as smtp.example.com, without a port",
        )
    };
    match url::Host::parse(bare) {
        Ok(url::Host::Domain(name)) => Ok(name.trim_end_matches('.').to_owned()),
        Ok(url::Host::Ipv4(ip)) => Ok(ip.to_string()),
        _ => Err(odd()),
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse::<IpAddr>()
        .map_or_else(|_| host == "localhost" || host.ends_with(".localhost"), |ip| ip.is_loopback())
}

type Login = (Option<String>, Option<SecretString>);

fn login(user: Option<String>, password: Option<SecretString>) -> Result<Login, SmtpConfigError> {
    let user = user.map(|user| user.trim().to_owned()).filter(|user| !user.is_empty());
    let password = password.filter(|password| !password.expose_secret().is_empty());
    let odd = |text: &str| has_controls(text);
    match (&user, &password) {
        (Some(_), None) => Err(SmtpConfigError::new("SMTP_PASS", "is missing beside SMTP_USER")),
        (None, Some(_)) => Err(SmtpConfigError::new("SMTP_USER", "is missing beside SMTP_PASS")),
        (Some(user), _) if odd(user) => {
            Err(SmtpConfigError::new("SMTP_USER", "holds control characters; enter it again"))
        }
        (_, Some(password)) if odd(password.expose_secret()) => {
            Err(SmtpConfigError::new("SMTP_PASS", "holds control characters; enter it again"))
        }
        _ => Ok((user, password)),
    }
}

/// Reads `Name <address>`, with or without quotes around the name, or a bare address.
fn sender(from: Option<&str>, user: Option<&str>) -> Result<Mailbox, SmtpConfigError> {
    let given = from.map(str::trim).filter(|text| !text.is_empty());
    let fault = |fault: &str| SmtpConfigError::new("SMTP_FROM", fault);
    let text = given
        .or(user.filter(|user| user.contains('@')))
        .ok_or_else(|| fault("is missing; set it to Name <address>"))?;
    if has_controls(text) {
        return Err(fault("must not hold line ends or control characters"));
    }
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"').trim(), address),
        None => ("", text),
    };
    let address = address.trim().parse().map_err(|_| {
        fault("must be an address or Name <address>, such as Syncline <noreply@example.com>")
    })?;
    let name = (!name.is_empty()).then(|| name.to_owned());
    Ok(Mailbox::new(name, address))
}

/// The mail library takes the process's TLS provider, and ring's where there is none yet.
fn tls_parameters(host: &str, ca_pem: Option<&[u8]>) -> Result<TlsParameters, SmtpConfigError> {
    let fault = |why: String| SmtpConfigError::new("SMTP_CA_FILE", why);
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = ca_pem {
        // The library takes a file without certificates for an empty list.
        let text = String::from_utf8_lossy(pem);
        let certificate = text
            .contains("-----BEGIN CERTIFICATE-----")
            .then(|| Certificate::from_pem(pem).ok())
            .flatten()
            .ok_or_else(|| fault("must hold certificates in PEM form".to_owned()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| fault(format!("cannot be used: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SmtpSettings {
        SmtpSettings {
            host: "smtp.example.com".to_owned(),
            from: Some("Sync Platform <noreply@example.com>".to_owned()),
            ..SmtpSettings::default()
        }
    }

    fn with_login(host: &str, secure: bool, tls: Option<SmtpTls>) -> SmtpSettings {
        SmtpSettings {
            host: host.to_owned(),
            secure,
            tls,
            user: Some("me@example.com".to_owned()),
            password: Some("hunter2".to_owned().into()),
            ..settings()
        }
    }

    #[test]
    fn the_published_settings_work() {
        let mut given = with_login("smtp.gmail.com", false, None);
        given.port = Some(587);
        let config = SmtpConfig::new(given).unwrap();
        assert_eq!(
            format!("{config:?}"),
            "SmtpConfig { server: \"smtp.gmail.com:587\", security: \"starttls required\", signs_in: true, \
             from: \"noreply@example.com\" }"
        );
        assert_eq!(config.from.name.as_deref(), Some("Sync Platform"));
    }

    #[test]
    fn a_password_never_leaves_in_clear() {
        let security = |host, secure, tls| {
            SmtpConfig::new(with_login(host, secure, tls)).map(|config| format!("{config:?}"))
        };
        let far = "smtp.example.com";
        let table = [
            (far, false, None, "starttls required"),
            (far, false, Some(SmtpTls::Opportunistic), "starttls required"),
            (far, true, None, "\"tls\""),
            (far, true, Some(SmtpTls::None), "\"tls\""),
            ("localhost", false, None, "starttls if offered"),
            ("127.0.0.1", false, Some(SmtpTls::None), "\"none\""),
            ("[::1]", false, Some(SmtpTls::Required), "starttls required"),
        ];
        for (host, secure, tls, shown) in table {
            let config = security(host, secure, tls).unwrap();
            assert!(config.contains(shown) && !config.contains("hunter2"), "{config}");
        }
        let error = security(far, false, Some(SmtpTls::None)).unwrap_err();
        assert!(error.variable == "SMTP_TLS" && error.fault.contains("clear"), "{error}");
    }

    #[test]
    fn without_a_password_the_operator_may_go_without_tls() {
        for (tls, shown) in [(SmtpTls::None, "\"none\""), (SmtpTls::Opportunistic, "if offered")] {
            let config = SmtpConfig::new(SmtpSettings { tls: Some(tls), ..settings() }).unwrap();
            assert!(format!("{config:?}").contains(shown));
        }
    }

    #[test]
    fn every_fault_names_its_variable_and_no_secret() {
        let of = |change: fn(&mut SmtpSettings)| {
            let mut given = with_login("smtp.example.com", false, None);
            change(&mut given);
            SmtpConfig::new(given).unwrap_err()
        };
        type Change = fn(&mut SmtpSettings);
        let table: [(&str, Change); 12] = [
            ("SMTP_HOST", |s| s.host = String::new()),
            ("SMTP_HOST", |s| s.host = "smtp.example.com:587".to_owned()),
            ("SMTP_HOST", |s| s.host = "https://smtp.example.com".to_owned()),
            ("SMTP_PORT", |s| s.port = Some(0)),
            ("SMTP_PASS", |s| s.password = None),
            ("SMTP_PASS", |s| s.password = Some("hunter2\r\n".to_owned().into())),
            ("SMTP_USER", |s| s.user = Some("  ".to_owned())),
            ("SMTP_FROM", |s| s.from = Some("nobody".to_owned())),
            ("SMTP_FROM", |s| s.from = Some("Evil\r\nBcc: x <a@example.com>".to_owned())),
            ("SMTP_FROM", |s| s.from = Some("Evil\0 <a@example.com>".to_owned())),
            ("SMTP_CA_FILE", |s| s.ca_pem = Some(b"no certificate".to_vec())),
            ("SMTP_FROM", |s| (s.user, s.from) = (Some("me".to_owned()), None)),
        ];
        for (variable, change) in table {
            let error = of(change);
            assert_eq!(error.variable, variable, "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert_eq!("sometimes".parse::<SmtpTls>().unwrap_err().variable, "SMTP_TLS");
    }

    #[test]
    fn names_of_senders_may_hold_what_mail_programs_show() {
        let from = |text: &str| {
            let given = SmtpSettings { from: Some(text.to_owned()), ..settings() };
            let mailbox = SmtpConfig::new(given).unwrap().from;
            (mailbox.name.unwrap_or_default(), mailbox.email.to_string())
        };
        for (text, name, address) in [
            (
                "Sync Platform <noreply@sync-platform.local>",
                "Sync Platform",
                "noreply@sync-platform.local",
            ),
            ("\"Acme, Inc.\" <a@example.com>", "Acme, Inc.", "a@example.com"),
            ("Prüfstand 🚦 <a@example.com>", "Prüfstand 🚦", "a@example.com"),
            ("a@example.com", "", "a@example.com"),
            ("<a@example.com>", "", "a@example.com"),
        ] {
            assert_eq!(from(text), (name.to_owned(), address.to_owned()));
        }
    }
}
