//! The server between two trackers dies in the middle of its work, again and again. In the end both sides agree, nothing
//! is there twice, and every edit has arrived.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use syncline_testkit::SeededRng;
use syncline_tests::edits::{title, title_of};
use tokio::time::{sleep, timeout};

use crate::hooked::Scene;

const SEED: u64 = 31_337;
/// How often is looked at the trackers.
const LOOK: Duration = Duration::from_millis(2);
/// A server that does nothing for so long has nothing to do; it is killed all the same.
const NOTHING_TO_DO: Duration = Duration::from_secs(10);
/// After so many kills a server gets everything done before people go on: a job whose worker dies ten times is given up.
const BREATHES: u64 = 4;
/// What people do before a kill.
const EDITS: u64 = 4;

/// What people have done. Each item is edited on one side alone, so that its last edit is what must be shown.
struct People {
    chance: SeededRng,
    /// Of the items that are edited in Azure DevOps and in Redmine: where, and under which name.
    bugs: Vec<(String, String)>,
    issues: Vec<(u64, String)>,
    /// The last edit of each item.
    last: BTreeMap<String, u64>,
    edits: u64,
}

impl People {
    fn of(scene: &Scene) -> Self {
        let pairs = || scene.issues.iter().enumerate();
        let bugs = pairs().filter(|(n, _)| n % 2 == 0);
        let issues = pairs().filter(|(n, _)| n % 2 == 1);
        Self {
            chance: SeededRng::new(SEED),
            bugs: bugs.map(|(_, (bug, _))| (bug.clone(), bug.clone())).collect(),
            issues: issues.map(|(_, (bug, issue))| (*issue, bug.clone())).collect(),
            last: BTreeMap::new(),
            edits: 0,
        }
    }

    fn below(&self, end: usize) -> usize {
        usize::try_from(self.chance.below(u64::try_from(end).unwrap())).unwrap()
    }

    /// One in six makes a new item.
    async fn edit(&mut self, scene: &Scene) {
        self.edits += 1;
        let edit = self.edits;
        let name = match self.chance.below(12) {
            0 => {
                let name = format!("bug-{edit}");
                scene.make_bug(&title(&name, edit)).await;
                name
            }
            1 => {
                let name = format!("issue-{edit}");
                let issue = json!({"tracker_id": 1, "subject": title(&name, edit)});
                let id = scene.redmine.create(&issue).await;
                self.issues.push((id, name.clone()));
                name
            }
            2..=6 => {
                let (bug, name) = self.bugs[self.below(self.bugs.len())].clone();
                scene.retitle_bug(&bug, &title(&name, edit)).await;
                name
            }
            _ => {
                let (issue, name) = self.issues[self.below(self.issues.len())].clone();
                scene.retitle_issue(issue, &title(&name, edit)).await;
                name
            }
        };
        self.last.insert(name, edit);
    }
}

/// At most one item of each name on either side, whatever is still missing.
async fn nothing_twice(scene: &Scene) {
    let (bugs, issues) = scene.titles().await;
    for titles in [bugs.into_values().collect::<Vec<_>>(), issues.into_values().collect()] {
        let mut seen = BTreeMap::new();
        for text in titles {
            // Items that nobody has touched since have other titles.
            let name = title_of(&text).map_or_else(|| text.clone(), |(name, _)| name);
            if let Some(other) = seen.insert(name, text.clone()) {
                panic!("there are {text:?} and {other:?}");
            }
        }
    }
}

/// Kills the server that often.
pub async fn survives(scene: &mut Scene, kills: u64) {
    let mut people = People::of(scene);
    let mut at_work = 0;
    scene.kill();
    for kill in 1..=kills {
        scene.serve().await;
        if kill.is_multiple_of(BREATHES) {
            scene.idle().await;
        }
        let before = scene.azure.requests().total;
        for _ in 0..EDITS {
            people.edit(scene).await;
        }
        let after = before + 1 + people.chance.below(6);
        let moment = Duration::from_micros(people.chance.below(200_000));
        let busy = async {
            while scene.azure.requests().total < after {
                sleep(LOOK).await;
            }
            sleep(moment).await;
        };
        at_work += u64::from(timeout(NOTHING_TO_DO, busy).await.is_ok());
        scene.kill();
        println!(
            "kill {kill}, {moment:?} after {} requests",
            scene.azure.requests().total - before
        );
        nothing_twice(scene).await;
        // Nobody hears of this one.
        people.edit(scene).await;
    }
    assert!(at_work > 0, "none of {kills} kills met a server at work");

    scene.serve().await;
    // The first closes what the dead left open and takes in what no hook told.
    scene.sync().await;
    scene.sync().await;
    let titles = scene.agree().await;
    nothing_twice(scene).await;
    let shown: BTreeMap<String, u64> = titles.values().filter_map(|text| title_of(text)).collect();
    for (name, edit) in &people.last {
        assert_eq!(shown.get(name), Some(edit), "the last edit of {name}");
    }
    scene.silence(1).await;
    println!(
        "Azure DevOps and Redmine by webhooks: {kills} kills survived, {at_work} of them at work, {} edits, {} items: \
         sides agree, nothing twice, no edit lost",
        people.edits,
        titles.len()
    );
}
