//! Requests, counted by the sandboxes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ConfigId;
use syncline_sandbox::{
    AzureDevOps, AzureDevOpsOptions, Edit, ItemId, RunningSandbox, SandboxOptions,
};
use tokio::runtime::Runtime;

use crate::Wishes;
use crate::clock::ShiftClock;
use crate::floor::{PORTION, requests as floor_of};
use crate::report::{Limit, Report};
use crate::rig::Rig;

/// Longer than any overlap window.
const QUIET: Duration = Duration::from_secs(3_600);

/// With batch writes there is nothing to be lost: the goal is the floor itself.
const RATIO: Limit = Limit::AtMost { must: 1.10, goal: 1.00 };

pub(super) fn run(runtime: &Runtime, wishes: &Wishes, report: &mut Report) -> anyhow::Result<()> {
    let items = if wishes.quick { 600 } else { 2_000 };
    runtime.block_on(async {
        whole(items, report).await?;
        let marker = json!({"options": {"external_id_field": "Custom.ExternalId"}});
        first_only("requests_initial_marker", items, marker, false, report).await?;
        first_only("requests_initial_two_step", items, json!({}), true, report).await?;
        if let Err(error) = two_way(items, report).await {
            report.skipped("requests_two_way", &format!("{error:#}"));
        }
        Ok(())
    })
}

/// Two sandboxes and the product between them, all by one clock.
struct Scene {
    clock: ShiftClock,
    source: RunningSandbox,
    target: RunningSandbox,
    rig: Rig,
    config: ConfigId,
}

impl Scene {
    async fn new(items: usize, with: Value, strict: bool) -> anyhow::Result<Self> {
        let clock = ShiftClock::default();
        let common = |items| SandboxOptions::new(Arc::new(clock.clone())).items(items);
        let source = AzureDevOps::start(common(items)).await?;
        let rules = AzureDevOpsOptions { initial_state_only: strict, ..Default::default() };
        let target = AzureDevOps::start_with(common(0), rules).await?;
        let rig = Rig::new(Arc::new(clock.clone()))?;
        let infos = (serde_json::to_value(source.info())?, serde_json::to_value(target.info())?);
        let config = rig.join((&infos.0, &infos.1), 4, with).await?;
        Ok(Self { clock, source, target, rig, config })
    }

    /// A run; answers its requests and how many items it wrote.
    async fn sync(&self, report: &Report) -> anyhow::Result<(u64, u64)> {
        self.source.reset_requests();
        self.target.reset_requests();
        let run = self.rig.run(self.config).await?;
        let (from, to) = (self.source.requests(), self.target.requests());
        let t = run.totals;
        report.note(&format!(
            "{} created, {} updated, {} unchanged, {} filtered; source {:?}, target {:?}",
            t.created, t.updated, t.unchanged, t.filtered, from.by_route, to.by_route
        ));
        Ok((from.total + to.total, t.created + t.updated))
    }

    fn edit(&self, count: usize, round: usize) -> anyhow::Result<()> {
        for item in self.source.items().iter().step_by(3).take(count) {
            let title = json!(format!("{} ({round})", item.title));
            let fields = [("System.Title".to_owned(), title)].into_iter().collect();
            let item_id = Some(ItemId::Text(item.id.clone()));
            self.source.edit(&Edit { item_id, fields, ..Edit::default() })?;
        }
        Ok(())
    }

    async fn stop(self) {
        self.source.stop().await;
        self.target.stop().await;
    }
}

async fn whole(items: usize, report: &mut Report) -> anyhow::Result<()> {
    let scene = Scene::new(items, json!({}), false).await?;
    let (fields, statuses) = scene.rig.rules(scene.config).await?;
    report.note(&format!("{items} items; {fields} field and {statuses} status rules a type"));

    let (sent, wrote) = scene.sync(report).await?;
    anyhow::ensure!(wrote == items as u64, "the first sync wrote {wrote} of {items} items");
    tell(report, "requests_initial", sent, floor_of(items));
    report.info("requests_initial_per_item", sent as f64 / items as f64, "requests/item");

    scene.clock.advance(QUIET);
    let (sent, _) = scene.sync(report).await?;
    tell(report, "requests_no_change", sent, 1);

    for (round, changed) in [10, items / 4].into_iter().enumerate() {
        scene.clock.advance(QUIET);
        scene.edit(changed, round)?;
        let (sent, wrote) = scene.sync(report).await?;
        anyhow::ensure!(wrote == changed as u64, "{wrote} of {changed} edits were written");
        tell(report, &format!("requests_changed_{changed}"), sent, floor_of(changed));
        // Straight afterwards the window is read once more.
        let (sent, wrote) = scene.sync(report).await?;
        anyhow::ensure!(wrote == 0, "{wrote} items were written twice");
        let window = 1 + changed.div_ceil(PORTION);
        tell(report, &format!("requests_window_{changed}"), sent, window);
    }
    scene.stop().await;
    Ok(())
}

/// Only the first sync: with a marker in each item, or to a tracker whose items begin in one state only.
async fn first_only(
    name: &str,
    items: usize,
    with: Value,
    strict: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let scene = Scene::new(items, with, strict).await?;
    let (sent, _) = scene.sync(report).await?;
    // An item that cannot begin in its state is made and then moved: a second write for each portion.
    let moves = if strict { items.div_ceil(PORTION) } else { 0 };
    tell(report, name, sent, floor_of(items) + moves);
    scene.stop().await;
    Ok(())
}

/// Both ways: the other side is asked, too.
async fn two_way(items: usize, report: &mut Report) -> anyhow::Result<()> {
    let scene = Scene::new(items, json!({"direction": "bidirectional"}), false).await?;
    let (sent, _) = scene.sync(report).await?;
    tell(report, "requests_two_way_initial", sent, floor_of(items) + 1);
    scene.clock.advance(QUIET);
    let (sent, _) = scene.sync(report).await?;
    // The copies were new to the walk of the other side; from now on nothing is.
    report.info("requests_two_way_echo", sent as f64, "requests, once after a first sync");
    scene.clock.advance(QUIET);
    let (sent, _) = scene.sync(report).await?;
    tell(report, "requests_two_way_no_change", sent, 2);
    scene.stop().await;
    Ok(())
}

fn tell(report: &mut Report, name: &str, sent: u64, floor: usize) {
    report.info(name, sent as f64, &format!("requests, floor {floor}"));
    report.figure(&format!("{name}_ratio"), sent as f64 / floor as f64, "ours/floor", RATIO);
}
