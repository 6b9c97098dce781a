//! What to tell a sender.

use std::time::Duration;

use syncline_domain::{DeliveryId, JobKey};

/// What became of a request. The server turns it into a status and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The delivery and its job are durable (202).
    Accepted {
        /// The job that it made or joined; `None` where there is nothing to write (a hook of the target of a one-way
        /// configuration).
        job_id: Option<JobKey>,
        /// The delivery.
        delivery_id: DeliveryId,
    },
    /// Seen before (202, with what the first one was told).
    Duplicate {
        /// The first one's job, while it is kept.
        job_id: Option<JobKey>,
        /// The first one.
        delivery_id: DeliveryId,
    },
    /// Proven, and about nothing that anybody wants to know (202).
    Ignored {
        /// The delivery.
        delivery_id: DeliveryId,
        /// Why.
        reason: String,
    },
    /// Proven, but of no use (400).
    Unusable {
        /// The delivery.
        delivery_id: DeliveryId,
        /// Why, for whoever set the sender up.
        reason: String,
    },
    /// Not proven (401, without detail: the delivery's row has the reason).
    Rejected,
    /// Nobody listens there (404): unknown or inactive.
    NotFound,
    /// Too many failures from this address (429). Only requests that fail are told so.
    TooManyFailures {
        /// When to try again.
        retry_after: Duration,
    },
    /// Proven, but the queue is full or this webhook is called too often (503). Nothing was stored.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store is away, or a secret cannot be opened (503). Nothing was stored, as far as anybody knows.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}
