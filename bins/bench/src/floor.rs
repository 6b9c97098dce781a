//! The floor client: the fewest requests that bring all items across, sent by the barest client.
//!
//! One query, then for each portion of items one read and one batch write, with so many portions under way at once. It
//! keeps no state, checks nothing, and could not be trusted with anybody's data: it is what the product is compared to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::child::host_of;
use crate::wire::Wire;

/// Items of a portion: as many as one read and one batch write may hold.
pub(crate) const PORTION: usize = 200;

const FIELDS: [&str; 12] = [
    "System.Title",
    "System.Description",
    "System.State",
    "System.Tags",
    "System.AreaPath",
    "System.IterationPath",
    "System.WorkItemType",
    "System.AssignedTo",
    "Microsoft.VSTS.Common.Priority",
    "Microsoft.VSTS.Common.Severity",
    "Microsoft.VSTS.Common.ValueArea",
    "Microsoft.VSTS.TCM.ReproSteps",
];

/// Where to talk to.
#[derive(Clone)]
struct Place {
    host: String,
    base: String,
    project: String,
    authorization: String,
}

impl Place {
    fn of(info: &Value) -> anyhow::Result<Self> {
        let host = host_of(info)?;
        let url = info["base_url"].as_str().context("no base_url")?;
        let base = url.split_once(host.as_str()).map_or("", |(_, path)| path).to_owned();
        let project = info["endpoint"].as_str().context("no endpoint")?.to_owned();
        let token = info["credentials"]["token"].as_str().context("no token")?;
        let authorization = format!("Basic {}", STANDARD.encode(format!(":{token}")));
        Ok(Self { host, base, project, authorization })
    }

    async fn wire(&self) -> anyhow::Result<Wire> {
        Wire::open(&self.host, Some(&self.authorization)).await
    }
}

/// The requests it takes to bring `items` across.
pub(crate) fn requests(items: usize) -> usize {
    1 + 2 * items.div_ceil(PORTION)
}

/// The time that these requests wait for the network alone: a query, then reads and writes with so many in flight.
pub(crate) fn waiting(items: usize, latency: Duration, in_flight: u32) -> Duration {
    let rounds = (2 * items.div_ceil(PORTION)).div_ceil(in_flight as usize);
    latency.saturating_mul(1 + rounds as u32)
}

/// Brings everything across; answers how many items, and how long it took.
pub(crate) async fn run(
    source: &Value,
    target: &Value,
    in_flight: u32,
) -> anyhow::Result<(usize, Duration)> {
    let (source, target) = (Place::of(source)?, Place::of(target)?);
    let mut wires = Vec::new();
    for _ in 0..in_flight {
        wires.push((source.wire().await?, target.wire().await?));
    }
    let begun = Instant::now();
    let ids = Arc::new(list(&mut wires[0].0, &source).await?);
    let next = Arc::new(AtomicUsize::new(0));
    let mut hands = Vec::new();
    for (read, write) in wires {
        let hand = hand(read, write, (source.clone(), target.clone()), ids.clone(), next.clone());
        hands.push(tokio::spawn(hand));
    }
    for hand in hands {
        hand.await??;
    }
    Ok((ids.len(), begun.elapsed()))
}

async fn list(wire: &mut Wire, place: &Place) -> anyhow::Result<Vec<u64>> {
    let path = format!(
        "{}/{}/_apis/wit/wiql?api-version=7.1&timePrecision=true&$top=19999",
        place.base, place.project
    );
    let query = "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project \
                 ORDER BY [System.ChangedDate], [System.Id]";
    let answer = wire.call("POST", &path, &json!({ "query": query })).await?;
    let found = answer["workItems"].as_array().context("no work items")?;
    Ok(found.iter().filter_map(|item| item["id"].as_u64()).collect())
}

async fn hand(
    mut read: Wire,
    mut write: Wire,
    (source, target): (Place, Place),
    ids: Arc<Vec<u64>>,
    next: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let from = format!("{}/_apis/wit/workitemsbatch?api-version=7.1", source.base);
    let to = format!("{}/_apis/wit/$batch?api-version=7.1", target.base);
    loop {
        let at = next.fetch_add(1, Ordering::SeqCst);
        let Some(portion) = ids.chunks(PORTION).nth(at) else { return Ok(()) };
        let wish = json!({"ids": portion, "fields": FIELDS, "errorPolicy": "omit"});
        let found = read.call("POST", &from, &wish).await?;
        let items = found["value"].as_array().context("no items")?;
        let entries: Vec<Value> = items.iter().map(|item| entry(&target, item)).collect();
        let sent = write.call("PATCH", &to, &json!(entries)).await?;
        let answers = sent["value"].as_array().context("no answers")?;
        let refused = answers.iter().find(|answer| answer["code"] != 200);
        anyhow::ensure!(refused.is_none(), "the floor client was refused: {refused:?}");
    }
}

fn entry(target: &Place, item: &Value) -> Value {
    let fields = &item["fields"];
    let kind = fields["System.WorkItemType"].as_str().unwrap_or("Bug").replace(' ', "%20");
    let mut ops = Vec::new();
    for name in FIELDS.into_iter().filter(|name| *name != "System.WorkItemType") {
        let value = match &fields[name] {
            Value::Null => continue,
            Value::Object(person) => person.get("uniqueName").cloned().unwrap_or_default(),
            plain => plain.clone(),
        };
        ops.push(json!({"op": "add", "path": format!("/fields/{name}"), "value": value}));
    }
    json!({
        "method": "PATCH",
        "uri": format!("/{}/_apis/wit/workitems/${kind}?api-version=7.1", target.project),
        "headers": {"Content-Type": "application/json-patch+json"},
        "body": ops
    })
}
