//! Schedules through the real scheduler over the real store, by a clock whose wall is moved.

use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline_domain::ports::{Clock, Store, StoreExt as _};
use syncline_domain::{ConfigId, Timestamp, TriggerType, WaitingRoom};
use syncline_scheduler::{Schedule, Scheduler};
use syncline_storage::{DatabaseConfig, Storage};
use syncline_testkit::rows;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::Wishes;
use crate::clock::ShiftClock;
use crate::report::{Limit, Report, percentile};

const ACCURACY: Limit = Limit::AtMost { must: 1_000.0, goal: 50.0 };
/// How long before a minute the wall is put: longer than the scheduler goes without a look at it.
const BEFORE: Duration = Duration::from_millis(1_200);

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let minutes = if wishes.quick { 2 } else { 10 };
    runtime.block_on(async {
        let at_once = Hall::new(1_000, |_| "0 9 * * *".to_owned()).await?;
        let took = at_once.pass_minute(1_000).await?;
        report.info("schedules_1000_at_one_minute_last_queued", took, "ms");

        let spread = Hall::new(10_000, |at| format!("{} * * * *", at % 60)).await?;
        for _ in 0..minutes {
            spread.pass_minute(10_000 / 60).await?;
        }
        let late = spread.lateness().await?;
        report.figure("schedules_10000_p50", percentile(&late, 0.50), "ms late", Limit::None);
        report.figure("schedules_10000_p99", percentile(&late, 0.99), "ms late", ACCURACY);
        report.note(&format!("{} instants of {minutes} minutes", late.len()));

        if !wishes.quick {
            let crowd = Hall::new(10_000, |_| "0 9 * * *".to_owned()).await?;
            let took = crowd.pass_minute(10_000).await?;
            report.info("schedules_10000_at_one_minute_last_queued", took, "ms");
        }
        Ok(())
    })
}

/// Schedules over a file, and a scheduler that looks after them.
struct Hall {
    store: Arc<Storage>,
    clock: ShiftClock,
    configs: Vec<ConfigId>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hall {
    /// So many schedules whose next instants come from now on, with a scheduler at work.
    async fn new(schedules: usize, cron: impl Fn(usize) -> String) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let clock = ShiftClock::default();
        let place = format!("sqlite:{}", folder.path().join("schedules.db").display());
        let ticks: Arc<dyn Clock> = Arc::new(clock.clone());
        let store = Storage::open(&DatabaseConfig::new(place), Arc::clone(&ticks))?;
        // Half a minute before nine.
        let (day, then) = (86_400, 9 * 3_600 - 30);
        let ahead = (then - clock.now().secs().rem_euclid(day)).rem_euclid(day);
        clock.advance(Duration::from_secs(u64::try_from(ahead)?));
        let configs = made(&store, schedules, clock.now(), cron).await?;
        let stop = CancellationToken::new();
        let (room, token) = (Arc::new(WaitingRoom::new(1_000_000)), stop.clone());
        let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let scheduler = Scheduler::new(shared, ticks, room, "bench".to_owned());
        tokio::spawn(async move { scheduler.run(token).await });
        Ok(Self { store, clock, configs, stop, _folder: folder })
    }

    /// Moves the wall to just before the next minute and waits until so many more jobs wait; answers how long after
    /// the minute that was, in milliseconds.
    async fn pass_minute(&self, jobs: u64) -> anyhow::Result<f64> {
        let before = self.waiting().await?;
        let now = self.clock.now().micros();
        let minute = 60_000_000;
        let next = now - now.rem_euclid(minute) + minute;
        let left = Timestamp::from_micros(next).since(self.clock.now());
        self.clock.advance(left.saturating_sub(BEFORE));
        let begun = Instant::now();
        while self.waiting().await? < before + jobs {
            anyhow::ensure!(begun.elapsed() < Duration::from_secs(60), "schedules do not fire");
            self.clock.sleep(Duration::from_millis(2)).await;
        }
        Ok(self.clock.now().since(Timestamp::from_micros(next)).as_secs_f64() * 1e3)
    }

    async fn waiting(&self) -> anyhow::Result<u64> {
        Ok(self.store.view("waiting", |tx| tx.count_waiting_jobs()).await?)
    }

    /// How late each instant was decided on, in milliseconds, sorted.
    async fn lateness(&self) -> anyhow::Result<Vec<f64>> {
        let mut late = Vec::new();
        for chunk in self.configs.chunks(1_000) {
            let chunk = chunk.to_vec();
            let rows = self.store.view("occurrences", move |tx| {
                let mut all = Vec::new();
                for id in &chunk {
                    all.extend(tx.occurrences(*id, None, 100)?);
                }
                Ok(all)
            });
            late.extend(
                rows.await?.iter().map(|row| row.decided_at.since(row.instant).as_secs_f64() * 1e3),
            );
        }
        late.sort_by(f64::total_cmp);
        Ok(late)
    }
}

async fn made(
    store: &Arc<Storage>,
    schedules: usize,
    now: Timestamp,
    cron: impl Fn(usize) -> String,
) -> anyhow::Result<Vec<ConfigId>> {
    let ends = store.tx("trackers", |tx| {
        Ok((
            tx.insert_connector(&rows::connector_row("a"))?,
            tx.insert_connector(&rows::connector_row("b"))?,
        ))
    });
    let (source, target) = ends.await?;
    let mut configs = Vec::new();
    let all: Vec<usize> = (0..schedules).collect();
    for chunk in all.chunks(500) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|at| {
                let mut row = rows::config_row(&format!("schedule {at}"), source, target);
                row.trigger_type = TriggerType::Scheduled;
                let schedule = Schedule::parse(&cron(*at), &row.timezone)?;
                row.schedule_cron = Some(schedule.cron.to_string());
                row.next_sync_at = schedule.next_after(now);
                Ok(row)
            })
            .collect::<anyhow::Result<_>>()?;
        let made = store.tx("schedules", move |tx| {
            rows.iter().map(|row| tx.insert_config(row)).collect::<Result<Vec<_>, _>>()
        });
        configs.extend(made.await?);
    }
    Ok(configs)
}
