//! Incoming webhooks, beside the bare ceiling. Both servers are processes of their own, measured in turns by one sender.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use syncline_testkit::TestServer;
use tokio::runtime::Runtime;

use super::peers;
use crate::Wishes;
use crate::child::{Far, REFERENCE};
use crate::ingest::load::{Pace, Sent, Target};
use crate::ingest::product::{Product, kept};
use crate::ingest::sessions;
use crate::report::{Limit, Report, median};
use crate::server::{NOT_BUILT, program};

const MANY: u32 = 32;
const RATE: Limit = Limit::AtLeast { must: 0.40, goal: 0.70 };
const P99: Limit = Limit::AtMost { must: 1.5, goal: 0.8 };
const ONE_P50: Limit = Limit::AtMost { must: 2.0, goal: 1.3 };
const POSTGRES: Limit = Limit::AtLeast { must: 0.5, goal: 1.5 };
const ADNANH: Limit = Limit::AtLeast { must: 1.8, goal: 3.0 };
const N8N: Limit = Limit::AtLeast { must: 180.0, goal: 300.0 };
const NONE_LOST: Limit = Limit::AtMost { must: 0.0, goal: 0.0 };
const ROUNDS: usize = 3;

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let Some(program) = program(wishes)? else {
        report.skipped("ingest", NOT_BUILT);
        return Ok(());
    };
    let span = Duration::from_millis(if wishes.quick { 400 } else { 2_000 });
    on_sqlite(runtime, &program, span, report)?;
    on_postgres(runtime, &program, span, report)
}

fn on_sqlite(
    runtime: &Runtime,
    program: &Path,
    span: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let database = format!("sqlite:{}", home.path().join("ours.db").display());
    let product = runtime.block_on(Product::start(program, home.path(), &database))?;
    let (_process, reference) = reference(home.path())?;
    let mut sent = Tally::default();
    for (connections, name) in [(MANY, "ingest_sqlite"), (1, "ingest_sqlite_one")] {
        let (mut ours, mut bare) = (Figures::default(), Figures::default());
        for _ in 0..ROUNDS {
            ours.add(&sent.add(product.hook.press(connections, Pace::Full, span)?));
            bare.add(&whole(reference.press(connections, Pace::Full, span)?)?);
        }
        ours.tell(report, name);
        bare.tell(report, &format!("{name}_reference"));
        if connections == 1 {
            report.info(&format!("{name}_rate_ratio"), ours.rate() / bare.rate(), "of the ceiling");
            report.figure(&format!("{name}_p50_ratio"), ours.p50() / bare.p50(), "times", ONE_P50);
        } else {
            let ratio = ours.rate() / bare.rate();
            report.figure(&format!("{name}_rate_ratio"), ratio, "of the ceiling", RATE);
            report.figure(&format!("{name}_p99_ratio"), ours.p99() / bare.p99(), "times", P99);
            let over = |theirs: f64| ours.rate() / theirs;
            report.figure(
                "ingest_over_adnanh_published",
                over(peers::ADNANH_INGEST),
                "times",
                ADNANH,
            );
            report.figure("ingest_over_n8n_published", over(peers::N8N_INGEST), "times", N8N);
        }
    }
    let lost = runtime.block_on(killed(product, &database, &mut sent))?;
    report.figure("ingest_sqlite_lost_by_kill", lost, "accepted rows", NONE_LOST);
    report.note(&format!("{} accepted, {} not", sent.accepted, sent.refused));
    Ok(())
}

fn on_postgres(
    runtime: &Runtime,
    program: &Path,
    span: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let server = match TestServer::start_durable() {
        Ok(server) => std::sync::Arc::new(server),
        Err(why) => {
            report.skipped("ingest_postgres", &why);
            return Ok(());
        }
    };
    let home = tempfile::tempdir()?;
    let (ours_on, bare_on) = (database(&server)?, database(&server)?);
    let product = runtime.block_on(Product::start(program, home.path(), &ours_on.url()))?;
    sessions::prepare(&bare_on.url())?;
    let mut sent = Tally::default();
    let (mut ours, mut one, mut bare) = (Figures::default(), Figures::default(), Vec::new());
    for _ in 0..ROUNDS {
        ours.add(&sent.add(product.hook.press(MANY, Pace::Full, span)?));
        bare.push(sessions::commits(&bare_on.url(), MANY as usize, span)?);
        one.add(&sent.add(product.hook.press(1, Pace::Full, span)?));
    }
    ours.tell(report, "ingest_postgres");
    one.tell(report, "ingest_postgres_one");
    let bare = median(bare);
    report.info("ingest_postgres_single_row_commits", bare, "per s, 32 sessions");
    report.figure("ingest_postgres_ratio", ours.rate() / bare, "of those", POSTGRES);
    let lost = runtime.block_on(killed(product, &ours_on.url(), &mut sent))?;
    report.figure("ingest_postgres_lost_by_kill", lost, "accepted rows", NONE_LOST);
    report.note(&format!("{} accepted, {} not", sent.accepted, sent.refused));
    Ok(())
}

fn database(server: &std::sync::Arc<TestServer>) -> anyhow::Result<syncline_testkit::TestDatabase> {
    server.database().map_err(anyhow::Error::msg)
}

/// The ceiling as a process, and where its deliveries go.
fn reference(home: &Path) -> anyhow::Result<(Far, Target)> {
    let secret = "a secret that is long enough for all";
    let file = home.join("reference.db");
    let process = Far::start(&[REFERENCE, file.to_str().context("an odd path")?, secret])?;
    let port = process.told["port"].as_u64().context("no port")?;
    let target = Target::new(&format!("127.0.0.1:{port}"), "/", secret);
    Ok((process, target))
}

/// Everything that was sent to one database.
#[derive(Default)]
struct Tally {
    accepted: u64,
    refused: u64,
}

impl Tally {
    fn add(&mut self, sent: Sent) -> Sent {
        self.accepted += sent.accepted;
        self.refused += sent.refused;
        sent
    }
}

fn whole(sent: Sent) -> anyhow::Result<Sent> {
    anyhow::ensure!(sent.refused == 0, "the ceiling refused {} deliveries", sent.refused);
    Ok(sent)
}

/// Kills the server under load; answers how many deliveries it had accepted that its database does not have.
async fn killed(product: Product, database: &str, sent: &mut Tally) -> anyhow::Result<f64> {
    let hook = product.hook.clone();
    let sender = std::thread::spawn(move || hook.press(MANY, Pace::Full, Duration::from_secs(60)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    product.kill();
    let last = sender.join().ok().context("the sender panicked")??;
    anyhow::ensure!(last.accepted > 0, "nothing was accepted before the kill");
    sent.add(last);
    let kept = kept(database).await?;
    let (least, most) = (sent.accepted, sent.accepted + sent.refused);
    anyhow::ensure!(kept <= most, "{kept} rows of {most} deliveries");
    Ok(least.saturating_sub(kept) as f64)
}

/// Rounds of one server.
#[derive(Default)]
struct Figures {
    rates: Vec<f64>,
    p50s: Vec<f64>,
    p99s: Vec<f64>,
}

impl Figures {
    fn add(&mut self, sent: &Sent) {
        self.rates.push(sent.rate());
        self.p50s.push(sent.wait(0.50));
        self.p99s.push(sent.wait(0.99));
    }

    fn rate(&self) -> f64 {
        median(self.rates.clone())
    }

    fn p50(&self) -> f64 {
        median(self.p50s.clone())
    }

    fn p99(&self) -> f64 {
        median(self.p99s.clone())
    }

    fn tell(&self, report: &mut Report, name: &str) {
        report.info(&format!("{name}_rate"), self.rate(), "accepted/s");
        report.info(&format!("{name}_p50"), self.p50(), "ms");
        report.info(&format!("{name}_p99"), self.p99(), "ms");
    }
}
