//! A request as it came.

use std::net::{IpAddr, Ipv4Addr};

use syncline_domain::DeliveryId;

/// A request to a webhook, its body raw and whole.
#[derive(Clone)]
pub struct Incoming {
    pub(crate) token: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) peer: IpAddr,
    pub(crate) origin: Origin,
}

/// Who made a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody outside.
    Sender,
    /// We, to see whether everything is set up.
    Test,
    /// We, with what this delivery brought.
    Replay(DeliveryId),
}

impl Incoming {
    /// A request to the address that ends in `token`, from `peer`.
    ///
    /// Header names become lower case; bytes of values that are no text become U+FFFD, which no secret contains. The
    /// body must be what came over the wire, not decompressed.
    #[must_use]
    pub fn new<'h, N: AsRef<str>>(
        token: &str,
        headers: impl IntoIterator<Item = (N, &'h [u8])>,
        body: Vec<u8>,
        peer: IpAddr,
    ) -> Self {
        let lower = |(name, value): (N, &[u8])| {
            (name.as_ref().to_ascii_lowercase(), String::from_utf8_lossy(value).into_owned())
        };
        let headers = headers.into_iter().map(lower).collect();
        Self { token: token.to_owned(), headers, body, peer, origin: Origin::Sender }
    }

    /// A request of our own.
    pub(crate) fn own(
        token: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        origin: Origin,
    ) -> Self {
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { token: token.to_owned(), headers, body, peer, origin }
    }
}

impl std::fmt::Debug for Incoming {
    /// Shows neither the address, which may be a secret, nor headers and body, which hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming")
            .field("headers", &self.headers.len())
            .field("bytes", &self.body.len())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
