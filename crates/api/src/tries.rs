//! How often somebody may try keys that do not work.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Data;
use syncline_app::{Window, network};
use syncline_domain::ports::Clock;

use crate::error::ApiError;
use crate::status;

/// Wrong keys a minute that an address may show.
const WRONG_KEYS: u32 = 10;
/// So many addresses are remembered.
const ADDRESSES: usize = 4_096;

/// Wrong keys of the last minute, by the address that showed them.
pub(crate) struct Tries(Window<IpAddr>);

impl Tries {
    pub(crate) fn new() -> Self {
        Self(Window::new(WRONG_KEYS, ADDRESSES))
    }
}

/// Notes a wrong key. A right one is let in all the same: behind a proxy everybody has one address, and whoever guesses
/// must not shut out the others.
///
/// # Errors
/// Too Many Requests, when the address has shown too many.
pub(crate) fn note(req: &HttpRequest, clock: &dyn Clock) -> Result<(), ApiError> {
    let Some(tries) = req.app_data::<Data<Tries>>() else { return Ok(()) };
    let peer = req.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    tries.0.admit(network(peer), clock.monotonic()).map_err(too_many)
}

fn too_many(wait: Duration) -> ApiError {
    let text = "too many API keys that do not work came from this address within a minute; \
                correct the key and try again after the time in Retry-After";
    ApiError::new(status::TOO_MANY, text).later(wait)
}
