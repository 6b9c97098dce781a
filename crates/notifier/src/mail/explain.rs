//! What a mail server's refusals and failures mean for the outbox and for people.

use std::error::Error;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::Error as SmtpError;
use rustls::CertificateError;
use secrecy::ExposeSecret;

use crate::channel::{SendError, SendErrorKind};
use crate::clean::line;
use crate::mail::config::SmtpConfig;
use crate::mail::session::{Stage, Trouble};

/// Most characters of a server's words.
const WORDS: usize = 300;
/// "Authentication required" (RFC 4954), which some servers say only at the sender or the recipient.
const SIGN_IN_FIRST: u16 = 530;

/// Puts trouble into words, without credentials.
pub(crate) fn explain(config: &SmtpConfig, trouble: &Trouble) -> SendError {
    let error = match trouble {
        Trouble::Smtp(stage, error) => match error.status() {
            Some(code) => refused(config, *stage, code.into(), error),
            None => broken(config, error),
        },
        Trouble::NoStartTls => SendError::permanent(format!(
            "{} does not offer STARTTLS, and nothing is sent without encryption",
            config.server()
        ))
        .advise(Some(
            "set SMTP_SECURE=true if its port speaks TLS from the start (465), or SMTP_TLS to \
             opportunistic or none if the way to it is safe"
                .to_owned(),
        )),
        Trouble::ClearPassword => SendError::permanent(format!(
            "{} offers no encryption, and the password is never sent in clear",
            config.server()
        )),
        Trouble::NoUtf8 => SendError::new(
            SendErrorKind::Refused,
            format!("{} does not know SMTPUTF8, which this address needs", config.server()),
        ),
    };
    scrub(config, error)
}

/// No answer within the time allowed.
pub(crate) fn silent(config: &SmtpConfig, secs: u64) -> SendError {
    SendError::temporary(format!("{} did not answer within {secs} s", config.server()))
}

/// A refusal at the recipient or after the body is about this mail alone; one before is about all.
fn refused(config: &SmtpConfig, stage: Stage, code: u16, error: &SmtpError) -> SendError {
    let words = error.source().map_or_else(String::new, ToString::to_string);
    let (place, advice) = match stage {
        Stage::Connect => ("the connection", None),
        Stage::SignIn => (
            "the sign-in",
            Some("check SMTP_USER and SMTP_PASS; some providers want an app password"),
        ),
        Stage::Sender => ("the sender", Some("check that this account may send as SMTP_FROM")),
        Stage::Recipient => ("the recipient", Some("check the address")),
        Stage::Body => ("the mail", None),
    };
    let sign_in_first = code == SIGN_IN_FIRST;
    let kind = match stage {
        _ if error.is_transient() => SendErrorKind::Temporary { retry_after: None },
        Stage::Recipient | Stage::Body if !sign_in_first => SendErrorKind::Refused,
        _ => SendErrorKind::Permanent,
    };
    let advice = match kind {
        SendErrorKind::Temporary { .. } => None,
        _ if sign_in_first && stage != Stage::SignIn => Some("set SMTP_USER and SMTP_PASS"),
        _ => advice,
    };
    let detail = format!("{} answered {code} to {place}: {words}", config.server());
    SendError::new(kind, line(&detail, WORDS))
        .with_code(Some(code))
        .advise(advice.map(str::to_owned))
}

fn broken(config: &SmtpConfig, error: &SmtpError) -> SendError {
    let server = config.server();
    if let Some(fault) = find::<rustls::Error>(error) {
        let (what, advice) = tls_words(fault);
        let detail = format!("{server}: {what}");
        return SendError::temporary(line(&detail, WORDS)).advise(advice.map(str::to_owned));
    }
    let detail = format!("{server}: {}", root(error));
    let advice = "check SMTP_HOST and SMTP_PORT, that the server is up, and firewalls on the way";
    SendError::temporary(line(&detail, WORDS)).advise(Some(advice.to_owned()))
}

/// A certificate is renewed by somebody else sooner or later, so these are tried again, too.
fn tls_words(fault: &rustls::Error) -> (String, Option<&'static str>) {
    use CertificateError as C;
    let rustls::Error::InvalidCertificate(fault) = fault else {
        let advice = "set SMTP_SECURE=false if the port begins without TLS (587, 25)";
        return (format!("TLS failed ({fault})"), Some(advice));
    };
    match fault {
        C::UnknownIssuer => (
            "its TLS certificate is from an authority that is not known here".to_owned(),
            Some("if that is a private one, give its certificate by SMTP_CA_FILE"),
        ),
        C::NotValidForName | C::NotValidForNameContext { .. } => (
            "its TLS certificate is for another name".to_owned(),
            Some("set SMTP_HOST to the name that the certificate is made for"),
        ),
        C::Expired | C::ExpiredContext { .. } => (
            "its TLS certificate has expired".to_owned(),
            Some("check this machine's clock; if it is right, the certificate must be renewed"),
        ),
        other => (format!("its TLS certificate cannot be used ({other})"), None),
    }
}

/// Replaces the password, in the forms in which it travels, wherever a server repeats it.
fn scrub(config: &SmtpConfig, mut error: SendError) -> SendError {
    let (Some(user), Some(password)) = (&config.user, &config.password) else {
        return error;
    };
    let password = password.expose_secret();
    let encoded = STANDARD.encode(password);
    let plain = STANDARD.encode(format!("\0{user}\0{password}"));
    for secret in [plain.as_str(), encoded.as_str(), password] {
        error.detail = error.detail.replace(secret, "***");
    }
    error
}

/// The first error of type `T` in the chain; looks into `io::Error`s, whose `source` skips what they wrap.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The words of the innermost error, which say most.
fn root(error: &SmtpError) -> String {
    let mut last: &dyn Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
