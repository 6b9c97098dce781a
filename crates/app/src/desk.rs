//! The runs that this process drives: started in the background, waited for, stopped together.

use std::sync::Arc;

use syncline_domain::{ConfigId, Execution, ExecutionId};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Keeps track of background runs. Cheap to clone.
#[derive(Clone, Default)]
pub struct RunDesk {
    tasks: TaskTracker,
    closing: CancellationToken,
    driven: Arc<std::sync::Mutex<Vec<(ExecutionId, ConfigId)>>>,
}

impl RunDesk {
    /// Drives a run in the background; the answer comes when it ends. A caller that goes away does not stop it.
    pub(crate) fn drive(
        &self,
        id: ExecutionId,
        config: ConfigId,
        run: impl Future<Output = Execution> + Send + 'static,
    ) -> oneshot::Receiver<Execution> {
        let (done, answer) = oneshot::channel();
        let driven = Arc::clone(&self.driven);
        lock(&driven).push((id, config));
        self.tasks.spawn(async move {
            let execution = run.await;
            lock(&driven).retain(|(other, _)| *other != id);
            // Nobody may be waiting any more; the run's row says how it ended.
            drop(done.send(execution));
        });
        answer
    }

    /// Does work that goes on when whoever asked for it goes away.
    pub(crate) fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, answer) = oneshot::channel();
        self.tasks.spawn(async move { drop(done.send(work.await)) });
        answer
    }

    /// The runs going on in this process.
    #[must_use]
    pub fn running(&self) -> Vec<(ExecutionId, ConfigId)> {
        lock(&self.driven).clone()
    }

    /// Whether the process drains: new work is refused.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }

    /// Refuses new runs from now on.
    pub fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
    }

    /// Resolves when every run has ended; call [`RunDesk::close`] first.
    pub async fn wait(&self) {
        self.tasks.wait().await;
    }
}

type Driven = std::sync::Mutex<Vec<(ExecutionId, ConfigId)>>;

fn lock(driven: &Driven) -> std::sync::MutexGuard<'_, Vec<(ExecutionId, ConfigId)>> {
    driven.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
