//! Deliveries and jobs, replayed: what the rules make of what was read then, beside what they made. Nothing is written.

use syncline_domain::ports::StoreExt as _;
use syncline_domain::{
    DeliveryId, ExecutionId, Fault, ItemId, JobKey, ReplayMode, Role, Side, Timestamp,
};
use syncline_engine::{Replay, ReplayRequest};

use crate::jobs::seen as seen_job;
use crate::{App, AppError, Caller};

/// At most this many items are replayed at once.
const MOST: usize = 1_000;

/// A delivery or a job, replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// By which rules.
    pub mode: ReplayMode,
    /// The job that it is about, where there was one.
    pub job: Option<JobKey>,
    /// The run of that job.
    pub execution_id: Option<ExecutionId>,
    /// The items that the stored bytes of a delivery name, read once more; `None` for a job.
    pub named: Option<Vec<ItemId>>,
    /// Item by item.
    pub replay: Replay,
}

impl App {
    /// Replays the latest run of a job.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] for a job that has not run.
    pub async fn replay_job(
        &self,
        caller: &Caller,
        id: &str,
        mode: ReplayMode,
    ) -> Result<Replayed, AppError> {
        caller.needs(Role::Operator)?;
        let (who, text) = (caller.clone(), id.to_owned());
        let job = self.store().view("job", move |tx| seen_job(tx, &who, &text)).await?;
        let (Some(config_id), Some(run)) = (job.config_id, job.execution_id) else {
            let text = format!("job {id} has no run that could be replayed; it is {}", job.status);
            return Err(AppError::conflict(text));
        };
        let request = ReplayRequest {
            config_id,
            run: Some(run),
            since: Timestamp::EPOCH,
            items: None,
            mode,
            limit: MOST,
        };
        let replay = self.engine().replay(request).await?;
        Ok(Replayed { mode, job: Some(job.key()), execution_id: Some(run), named: None, replay })
    }

    /// Reads the stored bytes of a delivery once more, and replays what its job made of the items that they name.
    ///
    /// # Errors
    /// [`Fault::NotFound`]; [`Fault::Conflict`] for bytes that cannot be read.
    pub async fn replay_delivery_dry(
        &self,
        caller: &Caller,
        id: DeliveryId,
        mode: ReplayMode,
    ) -> Result<Replayed, AppError> {
        caller.needs(Role::Operator)?;
        let delivery = self.delivery(caller, id).await?.delivery;
        let hook = self.webhook(caller, delivery.webhook_id).await?.webhook;
        let reading = self.receiver().read_again(id).await?;
        let mut items: Vec<ItemId> = Vec::new();
        for event in reading.events {
            if !items.contains(&event.item_id) {
                items.push(event.item_id);
            }
        }
        let (config_id, job_id) = (hook.config_id, delivery.job_id);
        let (side, job) = self
            .store()
            .view("delivery job", move |tx| {
                let config = crate::configs::must_config(tx, config_id)?;
                let is_source = config.source_connector_id == hook.connector_id;
                let side = if is_source { Side::Source } else { Side::Target };
                Ok::<_, Fault>((side, job_id.map(|id| tx.job(id)).transpose()?.flatten()))
            })
            .await?;
        let run = job.as_ref().and_then(|job| job.execution_id);
        let request = ReplayRequest {
            config_id,
            run,
            since: delivery.created_at,
            items: Some((side, items.clone())),
            mode,
            limit: MOST,
        };
        let replay = self.engine().replay(request).await?;
        let job = job.map(|job| job.key());
        Ok(Replayed { mode, job, execution_id: run, named: Some(items), replay })
    }
}
