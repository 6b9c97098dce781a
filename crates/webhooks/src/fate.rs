//! What becomes of a proven request, once the store was asked: the row that says so, and the answer.

use syncline_domain::ports::{Accepted, Tx};
use syncline_domain::{
    Delivery, DeliveryId, DeliveryStatus, Fault, ItemId, JobId, JobKey, RunDirection, Timestamp,
};

use crate::Answer;

/// What is noted of a change that nothing follows from.
const ONE_WAY: &str = "the configuration goes one way and this is its target: what changed there is only checked for \
                       drift, when the source's item is synced next";

/// What becomes of a proven request.
pub(crate) enum Fate<'p> {
    /// It is of no use, for this reason.
    Refused(String),
    /// A delivery of its name was accepted before.
    Repeated(Accepted),
    /// Nothing is to be done, for this reason.
    Ignored(String),
    /// It is about the target of a one-way configuration.
    Noted,
    /// Its items are to be synced, at once or not before a time.
    Queued { direction: RunDirection, until: Option<Timestamp>, items: &'p [ItemId] },
}

impl Fate<'_> {
    /// Says it in the row of the delivery log.
    pub(crate) fn tell(&self, row: &mut Delivery, job: Option<JobKey>) {
        match self {
            Self::Refused(reason) => {
                row.status = DeliveryStatus::Failed;
                row.response_code = 400;
                row.reason = Some(joined(row, reason));
            }
            Self::Repeated((first, job)) => {
                row.status = DeliveryStatus::Duplicate;
                row.duplicate_of = Some(*first);
                row.job_id = *job;
                row.reason = Some(joined(row, &format!("delivery {first} had the same name")));
            }
            Self::Ignored(reason) => {
                row.status = DeliveryStatus::Ignored;
                row.reason = Some(joined(row, reason));
            }
            Self::Noted => row.reason = Some(joined(row, ONE_WAY)),
            Self::Queued { .. } => row.job_id = job.map(|key| key.id),
        }
    }

    /// What the sender is told of the delivery with this id, and the job it went into.
    pub(crate) fn told(
        self,
        tx: &mut dyn Tx,
        delivery_id: DeliveryId,
        job: Option<JobKey>,
    ) -> Result<Done, Fault> {
        Ok(match self {
            Self::Refused(reason) => Answer::Unusable { delivery_id, reason }.into(),
            Self::Repeated((first, job)) => {
                let job_id = job.map(|id| key(tx, id)).transpose()?.flatten();
                Answer::Duplicate { job_id, delivery_id: first }.into()
            }
            Self::Ignored(reason) => Answer::Ignored { delivery_id, reason }.into(),
            Self::Noted => Answer::Accepted { job_id: None, delivery_id }.into(),
            Self::Queued { direction, until, .. } => Done {
                answer: Answer::Accepted { job_id: job, delivery_id },
                queued: job.map(|key| Queued { direction, job: key.id, waits: until.is_some() }),
            },
        })
    }
}

/// What became of a proven request, and what is to be remembered of it.
pub(crate) struct Done {
    pub(crate) answer: Answer,
    pub(crate) queued: Option<Queued>,
}

/// Where the items of a request went.
pub(crate) struct Queued {
    pub(crate) direction: RunDirection,
    pub(crate) job: JobId,
    pub(crate) waits: bool,
}

impl From<Answer> for Done {
    fn from(answer: Answer) -> Self {
        Self { answer, queued: None }
    }
}

fn key(tx: &mut dyn Tx, id: JobId) -> Result<Option<JobKey>, Fault> {
    Ok(tx.job(id)?.map(|job| job.key()))
}

fn joined(row: &Delivery, reason: &str) -> String {
    match &row.reason {
        Some(first) => format!("{first}: {reason}"),
        None => reason.to_owned(),
    }
}
