//! WIQL over HTTP: conditions, precision, limits, order, lag.
#![allow(clippy::as_conversions, reason = "tests")]

use std::time::Duration;

use crate::support::{Caller, adds, options};
use serde_json::{Value, json};
use syncline_sandbox::{AzureDevOps, AzureDevOpsOptions};

async fn three() -> (syncline_sandbox::RunningSandbox, Caller) {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    for (title, priority, state, tags, area, who) in [
        ("it's broken", 1, "New", "red; blue", "Webshop\\Search", "ana.sousa@demo.example"),
        ("All fine here", 2, "Active", "red", "Webshop", ""),
        ("Übergröße <script>", 4, "Closed", "", "Webshop\\Orders", "sync@demo.example"),
    ] {
        let ops = adds(&[
            ("System.Title", json!(title)),
            ("Microsoft.VSTS.Common.Priority", json!(priority)),
            ("System.State", json!(state)),
            ("System.Tags", json!(tags)),
            ("System.AreaPath", json!(area)),
            ("System.AssignedTo", json!(who)),
            ("System.Description", json!(format!("<div>about {title} and more words</div>"))),
        ]);
        caller.create("Bug", ops).await.ok();
        sandbox.advance(Duration::from_secs(3_600));
    }
    (sandbox, caller)
}

#[tokio::test]
async fn conditions_find_what_they_say() {
    let (sandbox, caller) = three().await;
    for (condition, expected) in [
        ("[System.TeamProject] = @project", vec![1, 2, 3]),
        ("[System.Title] = 'IT''S BROKEN'", vec![1]),
        ("[Title] CONTAINS 'fine'", vec![2]),
        ("[System.Title] NOT CONTAINS 'e'", vec![]),
        ("[System.Description] CONTAINS WORDS 'more about'", vec![1, 2, 3]),
        ("[System.Description] CONTAINS 'übergrö'", vec![3]),
        ("[System.State] IN ('New', 'Active') AND [Microsoft.VSTS.Common.Priority] < 2", vec![1]),
        ("[System.State] NOT IN ('New', 'Active')", vec![3]),
        ("[System.State] <> 'New' AND NOT [System.Id] = 3", vec![2]),
        ("[System.Id] > 1 AND ([System.State] = 'New' OR [System.State] = 'Closed')", vec![3]),
        ("[System.Tags] CONTAINS 'RED'", vec![1, 2]),
        ("[System.Tags] IS EMPTY", vec![3]),
        ("[System.Tags] = ''", vec![3]),
        ("[System.AreaPath] UNDER 'Webshop'", vec![1, 2, 3]),
        ("[System.AreaPath] UNDER 'Webshop\\Search'", vec![1]),
        ("[System.AreaPath] NOT UNDER 'Webshop\\Search'", vec![2, 3]),
        ("[System.AssignedTo] = @me", vec![3]),
        ("[System.AssignedTo] = 'Ana Sousa'", vec![1]),
        ("[System.AssignedTo] <> 'Ana Sousa'", vec![2, 3]),
        ("[System.CreatedBy] = [System.ChangedBy]", vec![1, 2, 3]),
        ("[System.CreatedDate] >= @today", vec![1, 2, 3]),
        ("[System.CreatedDate] < @today - 1", vec![]),
        (
            "[System.WorkItemType] IN ('Bug', 'Task') AND [System.ChangedDate] > '2026-11-01'",
            vec![1, 2, 3],
        ),
    ] {
        assert_eq!(caller.find(condition).await, expected, "{condition}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn times_need_the_switch_in_the_query_string_by_its_name() {
    let (sandbox, caller) = three().await;
    let query =
        "SELECT [System.Id] FROM WorkItems WHERE [System.CreatedDate] >= '2026-11-02T13:00:00Z'";
    let refusal = caller.wiql(query, "").await.error(400).1;
    assert!(
        refusal.starts_with(
            "You cannot supply a time with the date when running a query using date precision"
        ),
        "{refusal}"
    );
    assert_eq!(caller.wiql(query, "&$timePrecision=true").await.status, 400);
    let found = caller.wiql(query, "&timePrecision=true").await.ok();
    let ids: Vec<&Value> =
        found["workItems"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [2, 3]);
    assert_eq!(found["asOf"], "2026-11-02T15:00:00Z");
    let exact = caller
        .wiql(
            "SELECT [System.Id] FROM WorkItems WHERE [System.CreatedDate] = '2026-11-02'",
            "&timePrecision=true",
        )
        .await
        .ok();
    assert!(exact["workItems"].as_array().unwrap().is_empty(), "midnight only");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_past_can_be_asked() {
    let (sandbox, caller) = three().await;
    caller
        .patch("/_apis/wit/workitems/1?api-version=7.1", adds(&[("System.State", json!("Closed"))]))
        .await
        .ok();
    let now = "SELECT [System.Id] FROM WorkItems WHERE [System.State] = 'New'";
    let past = format!("{now} ASOF '2026-11-02T12:30:00Z'");
    assert_eq!(caller.wiql(now, "").await.ok()["workItems"], json!([]));
    assert_eq!(caller.wiql(&past, "").await.ok()["workItems"][0]["id"], 1);
    let then =
        caller.get("/_apis/wit/workitems/1?asOf=2026-11-02T12:30:00Z&api-version=7.1").await.ok();
    assert_eq!(then["fields"]["System.State"], "New");
    sandbox.stop().await;
}

#[tokio::test]
async fn broken_queries_name_what_is_wrong() {
    let (sandbox, caller) = three().await;
    for (query, code) in [
        ("SELECT [System.Id] FROM WorkItems WHERE [Foo] = 1", "TF51005"),
        ("SELECT [System.Id] FROM WorkItems WHERE Bar = 1", "TF51005"),
        ("SELECT [System.Id] FROM WorkItems WHERE [System.Title] =", "TF51006"),
        ("SELECT [System.Id] FROM WorkItems WHERE [System.Description] = 'x'", "TF51016"),
        ("SELECT [System.Id] FROM WorkItems WHERE [System.AreaPath] UNDER 'Nope'", "TF51011"),
    ] {
        let (key, message) = caller.wiql(query, "").await.error(400);
        assert_eq!(key, "SyntaxException");
        assert!(message.starts_with(code), "{query}: {message}");
    }
    let long = format!(
        "SELECT [System.Id] FROM WorkItems WHERE [System.Title] = '{}'",
        "x".repeat(33_000)
    );
    assert_eq!(caller.wiql(&long, "").await.status, 400);
    let outside = caller.post("/_apis/wit/wiql?api-version=7.1", json!({"query": "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project"})).await;
    assert_eq!(outside.status, 400);
    sandbox.stop().await;
}

#[tokio::test]
async fn too_many_hits_are_an_error_unless_capped() {
    let azure = AzureDevOpsOptions { query_limit: 10, ..AzureDevOpsOptions::default() };
    let sandbox = AzureDevOps::start_with(options(11), azure).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let all = "SELECT [System.Id] FROM WorkItems ORDER BY [System.Id]";
    let (key, message) = caller.wiql(all, "").await.error(400);
    assert_eq!(key, "WorkItemTrackingQueryResultSizeLimitExceededException");
    assert!(message.starts_with("VS402337"), "{message}");
    let page = caller.wiql(all, "&$top=4").await.ok();
    assert_eq!(page["workItems"].as_array().unwrap().len(), 4);
    let next = caller
        .wiql(
            "SELECT [System.Id] FROM WorkItems WHERE [System.Id] > 4 ORDER BY [System.Id]",
            "&$top=4",
        )
        .await
        .ok();
    assert_eq!(next["workItems"][0]["id"], 5);
    sandbox.stop().await;
}

#[tokio::test]
async fn several_columns_order_the_hits() {
    let (sandbox, caller) = three().await;
    let query = "SELECT [System.Id] FROM WorkItems ORDER BY [System.TeamProject], [Microsoft.VSTS.Common.Priority] DESC, [System.Id]";
    let found = caller.wiql(query, "").await.ok();
    let ids: Vec<&Value> =
        found["workItems"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [3, 2, 1]);
    assert_eq!(found["sortColumns"][1]["descending"], true);
    sandbox.stop().await;
}

#[tokio::test]
async fn new_items_appear_in_queries_after_the_lag() {
    let sandbox = AzureDevOps::start(options(0).search_lag(Duration::from_secs(5))).await.unwrap();
    let caller = Caller::azure(&sandbox);
    caller.create("Bug", adds(&[("System.Title", json!("late"))])).await.ok();
    assert!(caller.find("[System.Id] > 0").await.is_empty());
    assert_eq!(caller.get("/_apis/wit/workitems/1?api-version=7.1").await.status, 200);
    sandbox.advance(Duration::from_secs(6));
    assert_eq!(caller.find("[System.Id] > 0").await, [1]);
    sandbox.stop().await;
}
