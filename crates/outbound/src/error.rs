//! What can go wrong with a call, and what it means for the caller.

use std::fmt;
use std::time::Duration;

use syncline_domain::ports::{ConnectorError, ErrorKind};

use crate::policy::Refused;

/// How far a request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Nothing of it left, or the server said that it did nothing.
    No,
    /// It may have arrived.
    Maybe,
    /// It was answered, but the answer is of no use.
    Answered,
}

/// A call without a usable answer.
#[derive(Clone, Debug)]
pub struct OutboundError {
    /// What went wrong.
    pub failure: Failure,
    /// How far the request got.
    pub sent: Sent,
    /// Method and address, without secrets.
    pub call: String,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The request could not be built, or its address is none that is ever called.
    Request(String),
    /// Plain HTTP to a host that is not listed.
    PlainHttp {
        /// The host.
        host: String,
    },
    /// The address policy does not allow it.
    Refused(Refused),
    /// The name has no address.
    Dns {
        /// The host.
        host: String,
    },
    /// TLS was not agreed on.
    Tls(TlsFault),
    /// No connection: refused, unreachable or too slow.
    Connect(String),
    /// No (whole) answer in time.
    Timeout(Duration),
    /// The connection broke before an answer began.
    Broken(String),
    /// The answer ended early.
    Truncated,
    /// The answer is larger than the cap (or inflates to more): ask for less at once.
    TooLarge {
        /// The cap in bytes.
        cap: usize,
    },
    /// The answer's bytes could not be kept on this machine; why, in the system's words.
    Unkept(String),
    /// The answer's JSON is nested too deeply.
    TooDeep,
    /// A successful answer of another kind than expected.
    ContentType {
        /// What came, cut and cleaned.
        found: String,
        /// The status it came with.
        status: u16,
        /// Whether it is an HTML page, such as a sign-in form.
        html: bool,
    },
    /// The answer is no JSON, or not of the expected shape.
    Json(String),
    /// The host could not be reached several times in a row and is left alone for a while.
    Resting {
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The tracker asks for a longer pause than a call sits out, or refused every attempt with 429.
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
}

/// Why TLS failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The certificate's authority is unknown here.
    UnknownAuthority,
    /// The certificate is for another name.
    WrongName,
    /// The certificate has expired, by our clock.
    Expired,
    /// The certificate is not valid yet, by our clock.
    NotYetValid,
    /// Something else; the library's words.
    Other(String),
}

impl OutboundError {
    pub(crate) fn new(failure: Failure, sent: Sent, call: impl Into<String>) -> Self {
        Self { failure, sent, call: call.into() }
    }

    /// Whether asking for less (half of the batch) may help.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.failure, Failure::TooLarge { .. })
    }

    /// Whether a read may be tried again at once.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self.failure,
            Failure::Dns { .. }
                | Failure::Connect(_)
                | Failure::Timeout(_)
                | Failure::Broken(_)
                | Failure::Truncated
        )
    }

    /// Whether the failure lies before the request left, so that even a write may be tried again.
    pub(crate) fn never_left(&self) -> bool {
        self.sent == Sent::No && matches!(self.failure, Failure::Dns { .. } | Failure::Connect(_))
    }

    /// As a connector hands it on. A write that may have happened becomes [`ErrorKind::Ambiguous`].
    #[must_use]
    pub fn into_connector_error(self, write: bool) -> ConnectorError {
        let kind =
            if write && self.sent != Sent::No { ErrorKind::Ambiguous } else { self.failure.kind() };
        let mut error = ConnectorError::new(kind, self.to_string());
        error.what_to_do = self.advice();
        error.retry_after(self.retry_after())
    }

    /// How long the tracker asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.failure {
            Failure::RateLimited { retry_after } | Failure::Resting { retry_after } => {
                Some(retry_after)
            }
            _ => None,
        }
    }

    /// What went wrong, without the call.
    #[must_use]
    pub fn reason(&self) -> String {
        self.failure.to_string()
    }

    /// What a person should do, where that is known.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        self.failure.advice()
    }
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.failure)
    }
}

impl std::error::Error for OutboundError {}

impl Failure {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Request(_) | Self::PlainHttp { .. } | Self::Refused(_) => ErrorKind::Invalid,
            Self::Dns { .. }
            | Self::Tls(_)
            | Self::Connect(_)
            | Self::Timeout(_)
            | Self::Broken(_)
            | Self::Resting { .. }
            | Self::Unkept(_)
            | Self::Truncated => ErrorKind::Unavailable,
            Self::TooLarge { .. } | Self::TooDeep | Self::ContentType { .. } | Self::Json(_) => {
                ErrorKind::Protocol
            }
            Self::RateLimited { .. } => ErrorKind::RateLimited,
        }
    }

    fn advice(&self) -> Option<String> {
        let text = match self {
            Self::PlainHttp { host } => {
                format!("use https, or add {host} to ALLOW_PLAIN_HTTP if its network is trusted")
            }
            Self::Refused(refused) => refused.advice(),
            Self::Dns { host } => {
                format!("check the spelling of {host} and that this machine's name server knows it")
            }
            Self::Tls(fault) => fault.advice().to_owned(),
            Self::Connect(_) | Self::Resting { .. } => {
                "check host and port, that the server is up, and firewalls or \
                                 proxies on the way"
                    .to_owned()
            }
            Self::Timeout(_) => "see whether the tracker is slow or overloaded".to_owned(),
            Self::ContentType { html: true, .. } => "check the base url and the credentials: \
                                                     this is a web page, often a sign-in form"
                .to_owned(),
            Self::ContentType { .. } | Self::Json(_) => {
                "check that the base url leads to the tracker's API, not to a proxy or portal"
                    .to_owned()
            }
            Self::TooLarge { .. } => "ask for fewer items at once".to_owned(),
            Self::Unkept(_) => {
                "see that the folder for temporary files (TMPDIR) may be written and has room"
                    .to_owned()
            }
            _ => return None,
        };
        Some(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(fault) => f.write_str(fault),
            Self::PlainHttp { host } => write!(f, "plain http to {host} is not allowed"),
            Self::Refused(refused) => write!(f, "{refused}"),
            Self::Dns { host } => write!(f, "the name {host} has no address"),
            Self::Tls(fault) => write!(f, "{fault}"),
            Self::Connect(why) => write!(f, "no connection ({why})"),
            Self::Timeout(limit) => write!(f, "no complete answer within {} s", limit.as_secs()),
            Self::Broken(why) => write!(f, "the connection broke before an answer came ({why})"),
            Self::Truncated => f.write_str("the answer ended before it was complete"),
            Self::Unkept(why) => write!(f, "the answer could not be kept: {why}"),
            Self::TooLarge { cap } => write!(f, "the answer is larger than {cap} bytes"),
            Self::TooDeep => f.write_str("the answer's JSON is nested too deeply"),
            Self::ContentType { found, status, .. } => {
                write!(f, "status {status} came with {found} instead of JSON")
            }
            Self::Json(why) => write!(f, "the answer is not the JSON expected ({why})"),
            Self::Resting { retry_after } => write!(
                f,
                "the server could not be reached several times in a row; next try in {} s",
                retry_after.as_secs_f64().ceil()
            ),
            Self::RateLimited { retry_after } => {
                write!(f, "the tracker asks for a pause of {} s", retry_after.as_secs_f64().ceil())
            }
        }
    }
}

impl TlsFault {
    fn advice(&self) -> &str {
        match self {
            Self::UnknownAuthority => {
                "if the tracker uses a private certificate authority, give its certificate to \
                 Syncline (EXTRA_CA_FILE) or to the operating system"
            }
            Self::WrongName => "use the name that the certificate is made for in the base url",
            Self::Expired => {
                "check this machine's clock; if it is right, the tracker's certificate must be renewed"
            }
            Self::NotYetValid => "check this machine's clock: it seems to be behind",
            Self::Other(_) => {
                "check that the port speaks TLS, and which versions the server offers"
            }
        }
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority => {
                f.write_str("its TLS certificate is from an authority that is not known here")
            }
            Self::WrongName => f.write_str("its TLS certificate is for another name"),
            Self::Expired => f.write_str("its TLS certificate has expired"),
            Self::NotYetValid => f.write_str("its TLS certificate is not valid yet"),
            Self::Other(why) => write!(f, "TLS failed ({why})"),
        }
    }
}
