//! Finding the webhook that was called and judging who called it.

use std::sync::Arc;
use std::time::Duration;

use ring::digest;
use syncline_domain::ports::{Clock, Sealer, Store};
use syncline_domain::{Fault, Timestamp};

use crate::cache::Cache;
use crate::opened::{Opened, Which, load};
use crate::register::is_token;
use crate::verify::{Proof, busy_work};
use crate::{Incoming, Rejected, Verified, verify};

/// A webhook and what it makes of a request.
pub(crate) struct Judged {
    pub(crate) opened: Arc<Opened>,
    pub(crate) verdict: Result<Verified, Rejected>,
}

impl Judged {
    fn of(opened: Arc<Opened>, incoming: &Incoming, now: Timestamp) -> Self {
        let proof = Proof {
            auth: opened.row.auth,
            header_name: &opened.header_name,
            headers: &incoming.headers,
            body: &incoming.body,
            now,
        };
        let verdict = verify(&opened.secrets(now), &proof);
        Self { opened, verdict }
    }

    fn is_good(&self) -> bool {
        self.opened.row.is_active && self.verdict.is_ok()
    }
}

/// Judges requests; opened webhooks are kept between them.
pub(crate) struct Judge {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) clock: Arc<dyn Clock>,
    cache: Cache,
}

impl Judge {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        sealer: Arc<dyn Sealer>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, sealer, clock, cache: Cache::default() }
    }

    /// Judges by the kept row, and by the stored one where the kept one says no, is asked not to be trusted, or is not
    /// there. `None` when nobody listens there: then a signature's work was done in vain.
    pub(crate) async fn judge(
        &self,
        incoming: &Incoming,
        trust_kept: bool,
    ) -> Result<Option<Judged>, Fault> {
        let now = self.clock.now();
        let kept = trust_kept.then(|| self.cache.get(&incoming.token, self.clock.monotonic()));
        let first = kept.flatten().map(|opened| Judged::of(opened, incoming, now));
        if let Some(judged) = &first
            && judged.is_good()
        {
            return Ok(first);
        }
        let Some(stored) = self.stored(&incoming.token).await? else {
            if first.is_none() {
                busy_work(&incoming.body);
            }
            return Ok(None);
        };
        Ok(Some(match first {
            // The same row says the same.
            Some(judged) if judged.opened.row.revision == stored.row.revision => {
                Judged { opened: stored, verdict: judged.verdict }
            }
            _ => Judged::of(stored, incoming, now),
        }))
    }

    async fn stored(&self, token: &str) -> Result<Option<Arc<Opened>>, Fault> {
        if !is_token(token) {
            return Ok(None);
        }
        let which = Which::Token(token.to_owned());
        let Some(opened) = load(&*self.store, &*self.sealer, which).await? else {
            self.cache.forget(token);
            return Ok(None);
        };
        let opened = Arc::new(opened);
        self.cache.put(Arc::clone(&opened), self.clock.monotonic());
        Ok(Some(opened))
    }

    /// How long ago `began` (monotonic) is, in milliseconds.
    pub(crate) fn millis_since(clock: &dyn Clock, began: Duration) -> u32 {
        let span = clock.monotonic().saturating_sub(began);
        u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
    }
}

/// A sender's name for a delivery as the store keeps it: short and plain, or its digest.
pub(crate) fn stored_name(name: &str) -> Option<String> {
    const LONGEST: usize = 200;
    if name.is_empty() {
        return None;
    }
    if name.len() <= LONGEST && !name.chars().any(char::is_control) {
        return Some(name.to_owned());
    }
    Some(format!("sha256:{}", hex::encode(digest::digest(&digest::SHA256, name.as_bytes()))))
}
