//! Turns the HTTP library's errors into ours: what failed, and how far the request got.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use url::Url;

use crate::error::{Failure, Sent, TlsFault};
use crate::policy::Refused;
use crate::redact;
use crate::resolve::NoAddress;

/// Reads an error that came instead of the head of an answer.
pub(crate) fn before_answer(error: &reqwest::Error, url: &Url) -> (Failure, Sent) {
    if let Some(refused) = find::<Refused>(error) {
        return (Failure::Refused(refused.clone()), Sent::No);
    }
    if error.is_builder() {
        return (Failure::Request(root(error)), Sent::No);
    }
    if find::<NoAddress>(error).is_some() {
        let host = url.host_str().unwrap_or_default().to_owned();
        return (Failure::Dns { host }, Sent::No);
    }
    if !error.is_connect() {
        return (Failure::Broken(root(error)), Sent::Maybe);
    }
    let failure = match tls_fault(error) {
        Some(fault) => Failure::Tls(fault),
        None if error.is_timeout() => {
            Failure::Connect("no answer from the port in time".to_owned())
        }
        None => Failure::Connect(root(error)),
    };
    (failure, Sent::No)
}

fn tls_fault(error: &reqwest::Error) -> Option<TlsFault> {
    use CertificateError as C;
    Some(match find::<rustls::Error>(error)? {
        rustls::Error::InvalidCertificate(fault) => match fault {
            C::UnknownIssuer => TlsFault::UnknownAuthority,
            C::NotValidForName | C::NotValidForNameContext { .. } => TlsFault::WrongName,
            C::Expired | C::ExpiredContext { .. } => TlsFault::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => TlsFault::NotYetValid,
            other => TlsFault::Other(redact::line(&other.to_string())),
        },
        other => TlsFault::Other(redact::line(&other.to_string())),
    })
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

/// The words of the innermost error, which say most and hold no address.
pub(crate) fn root(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    redact::line(&last.to_string())
}
