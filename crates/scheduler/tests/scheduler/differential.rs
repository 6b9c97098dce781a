//! Two independent implementations of crontab are asked the same questions: PyPI's croniter and cronsim.
//!
//! Every difference has to have a name in [`DEVIATIONS`]: a place where an oracle is known to leave Debian's cron, held
//! as a condition on the question. Where both leave it at once no oracle is left; those few questions are answered by
//! the walk of `support/sets.rs`. Whatever else differs is a fault of ours.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{CHANGES, Sets, at, expression, place_and_time, walk};
use chrono::{DateTime, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use syncline_domain::Timestamp;
use syncline_scheduler::{CronExpr, Tz};
use syncline_testkit::require;

/// The oracles, and the zone data that they read: the same release as the one in our binary.
const PACKAGES: [&str; 3] = ["croniter==7.0.0", "cronsim==2.8", "tzdata==2025.2"];
const ZONE_DATA: &str = "2025b";
/// Generated questions.
const GENERATED: usize = 4_000;
/// Instants asked for in each.
const COUNT: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Oracle {
    Croniter,
    Cronsim,
}

/// Where an oracle is known to leave Debian's cron.
struct Deviation {
    name: &'static str,
    oracle: Oracle,
    applies: fn(&Question) -> bool,
}

const DEVIATIONS: &[Deviation] = &[
    // Debian catches up after a gap for jobs at fixed times only; croniter for every job whose hour is not `*`.
    Deviation {
        name: "croniter makes up for a gap although the job has a star",
        oracle: Oracle::Croniter,
        applies: |asked| {
            asked.sets.wildcard
                && asked.changes().iter().any(|c| c.is_gap() && c.holds_match(asked))
        },
    },
    // Debian runs a job for fixed times once when its time is shown twice.
    Deviation {
        name: "croniter runs a job for fixed times in both passes of an overlap",
        oracle: Oracle::Croniter,
        applies: |asked| {
            !asked.sets.wildcard
                && asked.changes().iter().any(|c| !c.is_gap() && c.holds_match(asked))
        },
    },
    // Debian's jobs with a star follow the clock through both passes; croniter does so for passes of whole hours.
    Deviation {
        name: "croniter misses the second pass of half an hour",
        oracle: Oracle::Croniter,
        applies: |asked| {
            let half = |c: &Change| !c.is_gap() && !c.is_whole_hours() && c.holds_match(asked);
            asked.sets.wildcard && asked.changes().iter().any(half)
        },
    },
    // It steps from hour to hour by sixty real minutes, and so past whole hours where a change is of half an hour.
    Deviation {
        name: "cronsim loses its minutes at a change by half an hour",
        oracle: Oracle::Cronsim,
        applies: |asked| asked.sets.wildcard && asked.changes().iter().any(|c| !c.is_whole_hours()),
    },
    // It goes on to the next day by naming its midnight, which is then taken for the end of the gap.
    Deviation {
        name: "cronsim trips over a midnight that a gap swallows",
        oracle: Oracle::Cronsim,
        applies: |asked| {
            asked.sets.wildcard && asked.changes().iter().any(Change::swallows_midnight)
        },
    },
    // It drops which pass of an overlap the question is about and answers with an instant of the past.
    Deviation {
        name: "cronsim forgets that it was asked in the second pass of an overlap",
        oracle: Oracle::Cronsim,
        applies: |asked| !asked.sets.wildcard && asked.in_second_pass(),
    },
];

/// What both oracles and we are asked.
struct Question {
    cron: String,
    sets: Sets,
    zone: Tz,
    from: Timestamp,
    ours: Vec<i64>,
}

impl Question {
    fn new(cron: &str, zone: Tz, from: Timestamp) -> Option<Self> {
        let expr = CronExpr::parse(cron).ok()?;
        let ours = expr.upcoming(zone, from).take(COUNT).map(Timestamp::secs).collect();
        Some(Self { cron: cron.to_owned(), sets: Sets::read(cron), zone, from, ours })
    }

    fn json(&self) -> Value {
        json!({"cron": self.cron, "zone": self.zone.name(), "from": self.from.secs(), "count": COUNT})
    }

    /// The clock changes between the question and two days after the last answer, since an oracle may be late.
    fn changes(&self) -> Vec<Change> {
        let last = self.ours.last().copied().unwrap_or(self.from.secs());
        let first = self.from.secs().div_euclid(60) * 60 - 3_600;
        let hours = (first..=last + 172_800).step_by(3_600);
        hours.filter_map(|hour| Change::within(self.zone, hour, hour + 3_600)).collect()
    }

    fn in_second_pass(&self) -> bool {
        let now = self.from.to_datetime();
        let local = self.zone.from_utc_datetime(&now.naive_utc()).naive_local();
        self.zone.from_local_datetime(&local).earliest().is_some_and(|first| first < now)
    }

    /// The known deviations of an oracle that bear on this question.
    fn excuses(&self, oracle: Oracle) -> Vec<&'static str> {
        let known =
            DEVIATIONS.iter().filter(|known| known.oracle == oracle && (known.applies)(self));
        known.map(|known| known.name).collect()
    }

    fn told(&self, oracle: Oracle, answer: &Value) -> String {
        let Self { cron, zone, from, ours, .. } = self;
        format!("{cron} in {zone} from {from}: ours {ours:?}, {oracle:?} {answer}")
    }
}

/// A change of a zone's clocks: the instant, and the offsets around it, all in seconds.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: i64,
    before: i64,
    after: i64,
}

impl Change {
    /// The change in `(from, to]`, which is at a whole minute.
    fn within(zone: Tz, from: i64, to: i64) -> Option<Self> {
        let (before, after) = (offset(zone, from), offset(zone, to));
        if before == after {
            return None;
        }
        let at = (from..=to).step_by(60).find(|at| offset(zone, *at) == after)?;
        Some(Self { at, before, after })
    }

    const fn is_gap(&self) -> bool {
        self.after > self.before
    }

    const fn is_whole_hours(&self) -> bool {
        (self.after - self.before) % 3_600 == 0
    }

    /// The local minutes that are skipped, or shown twice.
    fn minutes(&self) -> impl Iterator<Item = NaiveDateTime> {
        let (low, high) = (self.before.min(self.after), self.before.max(self.after));
        (self.at + low..self.at + high).step_by(60).map(naive)
    }

    fn holds_match(&self, asked: &Question) -> bool {
        self.minutes().any(|local| asked.sets.matches(local))
    }

    fn swallows_midnight(&self) -> bool {
        self.is_gap() && self.minutes().any(|local| local.time() == NaiveTime::MIN)
    }
}

fn offset(zone: Tz, secs: i64) -> i64 {
    i64::from(zone.offset_from_utc_datetime(&naive(secs)).fix().local_minus_utc())
}

fn naive(secs: i64) -> NaiveDateTime {
    DateTime::from_timestamp(secs, 0).unwrap().naive_utc()
}

#[test]
fn two_independent_implementations_agree() {
    let python = match oracles() {
        Ok(python) => python,
        Err(why) => {
            require::or_skip("python", &why);
            return;
        }
    };
    let questions = questions();
    let answers = ask(&python, &questions);
    assert_eq!(questions.len(), answers.len());
    let mut tally = Tally::default();
    for (asked, answers) in questions.iter().zip(&answers) {
        tally.take(asked, answers);
    }
    let _ = writeln!(std::io::stderr(), "{}", tally.told(questions.len()));
    assert!(tally.faults.is_empty(), "{}", tally.faults.join("\n"));
    for known in DEVIATIONS {
        assert!(tally.excused.contains_key(known.name), "{:?} was never seen", known.name);
    }
}

#[derive(Default)]
struct Tally {
    both: usize,
    one: usize,
    neither: usize,
    excused: BTreeMap<&'static str, usize>,
    faults: Vec<String>,
}

impl Tally {
    fn take(&mut self, asked: &Question, answers: &Value) {
        let ours = json!(asked.ours);
        let mut agreed = 0;
        for (oracle, name) in [(Oracle::Croniter, "croniter"), (Oracle::Cronsim, "cronsim")] {
            if answers[name] == ours {
                agreed += 1;
                continue;
            }
            let excuses = asked.excuses(oracle);
            if excuses.is_empty() {
                self.faults.push(asked.told(oracle, &answers[name]));
            }
            excuses.into_iter().for_each(|name| *self.excused.entry(name).or_default() += 1);
        }
        match agreed {
            2 => self.both += 1,
            1 => self.one += 1,
            _ => {
                self.neither += 1;
                self.hold_against_the_walk(asked);
            }
        }
    }

    fn hold_against_the_walk(&mut self, asked: &Question) {
        let mut from = asked.from;
        for ours in &asked.ours {
            let next = Timestamp::from_secs(*ours);
            let days = i64::try_from(next.since(from).as_secs() / 86_400).unwrap() + 1;
            if walk(&asked.sets, asked.zone, from, days) != Some(next) {
                self.faults.push(format!("{} in {} from {from}: {next}", asked.cron, asked.zone));
            }
            from = next;
        }
    }

    fn told(&self, asked: usize) -> String {
        let Self { both, one, neither, excused, faults } = self;
        let mut text = format!(
            "{asked} questions of {COUNT} instants: {both} as both oracles, {one} as one of them, {neither} as the walk \
             alone; {} unexplained",
            faults.len()
        );
        excused.iter().for_each(|(name, times)| text.push_str(&format!("\n  {times} x {name}")));
        text
    }
}

/// Generated questions, and the common patterns in every zone around its changes.
fn questions() -> Vec<Question> {
    let common = [
        "*/15 * * * *",
        "0 * * * *",
        "0 0 * * *",
        "0 9 * * 1-5",
        "0 0 * * 0",
        "0 0 1 * *",
        "30 2 * * *",
        "0 0 13 * 5",
        "0 0 */2 * 1",
        "15 1-3 * * *",
        "*/20 1-3 * * *",
        "0 */2 * * *",
        "0 0 29 2 *",
        "0 0 * * 7",
    ];
    let mut runner = TestRunner::deterministic();
    let any = (expression(), place_and_time());
    let generated = std::iter::repeat_with(|| {
        let (cron, (zone, from)) = any.new_tree(&mut runner).unwrap().current();
        Question::new(&cron, zone, from)
    });
    let mut questions: Vec<Question> = generated.flatten().take(GENERATED).collect();
    for (zone, changes) in CHANGES {
        for change in changes.iter().map(|change| at(change)) {
            for minutes in [-1_500, -90, -31, -1, 0, 14, 45, 61] {
                let from = Timestamp::from(change.to_datetime() + TimeDelta::minutes(minutes));
                questions.extend(common.iter().filter_map(|cron| Question::new(cron, *zone, from)));
            }
        }
    }
    questions
}

fn ask(python: &Path, questions: &[Question]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cron_oracle.py");
    // No path: the zone data of the package, not the machine's.
    let mut child = Command::new(python)
        .arg(script)
        .env("PYTHONTZPATH", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: String = questions.iter().map(|asked| format!("{}\n", asked.json())).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A Python with the oracles, kept between runs.
fn oracles() -> Result<PathBuf, String> {
    assert_eq!(
        chrono_tz::IANA_TZDB_VERSION,
        ZONE_DATA,
        "bring tzdata in PACKAGES to the same release"
    );
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGES.join("-").replace("==", "-"));
    let (python, ready) = (place.join("bin/python"), place.join("ready"));
    if ready.exists() {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
    let quiet =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "5"];
    run(Command::new(&python).args(quiet).args(PACKAGES))?;
    std::fs::write(&ready, "").map_err(|error| error.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() { Ok(()) } else { Err(said) }
}
