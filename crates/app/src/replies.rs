//! Replies kept for repeats of the same request.

use std::time::Duration;

use syncline_domain::RememberedReply;
use syncline_domain::ports::StoreExt as _;

use crate::{App, AppError};

/// How long a reply is kept.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// A claim without a reply is given up after this long: its process died.
const CLAIMED: Duration = Duration::from_secs(3_600);

/// What became of a claim on an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Do the work, then keep the reply or drop the claim.
    Mine,
    /// The work was done before.
    Kept {
        /// The reply's status.
        status: u16,
        /// The reply's body.
        reply: String,
    },
    /// The first request is still being worked on.
    GoingOn,
    /// The first request had another body.
    OtherBody,
}

impl App {
    /// Claims an idempotency key within a scope.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn claim_reply(&self, scope: &str, key: &str, body: &str) -> Result<Claim, AppError> {
        let now = self.now();
        let claim = RememberedReply {
            scope: scope.to_owned(),
            key: key.to_owned(),
            body_hash: syncline_domain::fingerprint(
                &serde_json::Value::String(body.to_owned()),
                syncline_domain::FieldType::Picklist,
            ),
            status: 0,
            reply: String::new(),
            created_at: now,
        };
        Ok(self
            .store()
            .tx("claim reply", move |tx| {
                tx.prune_replies(now.before(KEPT))?;
                match tx.remembered_reply(&claim.scope, &claim.key)? {
                    None => {
                        tx.remember_reply(&claim)?;
                        Ok(Claim::Mine)
                    }
                    Some(kept) if kept.body_hash != claim.body_hash => Ok(Claim::OtherBody),
                    Some(kept) if kept.status == 0 && now.since(kept.created_at) < CLAIMED => {
                        Ok(Claim::GoingOn)
                    }
                    Some(kept) if kept.status == 0 => {
                        tx.remember_reply(&claim)?;
                        Ok(Claim::Mine)
                    }
                    Some(kept) => Ok(Claim::Kept { status: kept.status, reply: kept.reply }),
                }
            })
            .await?)
    }

    /// Keeps the reply of claimed work.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn keep_reply(
        &self,
        scope: &str,
        key: &str,
        status: u16,
        reply: &str,
    ) -> Result<(), AppError> {
        let (scope, key, reply) = (scope.to_owned(), key.to_owned(), reply.to_owned());
        self.store()
            .tx("keep reply", move |tx| match tx.remembered_reply(&scope, &key)? {
                Some(kept) => {
                    tx.remember_reply(&RememberedReply { status, reply: reply.clone(), ..kept })
                }
                None => Ok(()),
            })
            .await?;
        Ok(())
    }

    /// Gives a claim back: the work failed and may be asked for again.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn drop_claim(&self, scope: &str, key: &str) -> Result<(), AppError> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.store().tx("drop claim", move |tx| tx.forget_reply(&scope, &key)).await?;
        Ok(())
    }
}
