//! Azure DevOps work items: reads, writes, revisions, links, comments, batches.
#![allow(clippy::as_conversions, reason = "tests")]

use crate::support::{Caller, adds, options};
use serde_json::{Value, json};
use syncline_sandbox::{AzureDevOps, AzureDevOpsOptions, Edit, EffectOp, ItemId, TagsAdd};

fn item(id: u64) -> String {
    format!("/_apis/wit/workitems/{id}?api-version=7.1")
}

#[tokio::test]
async fn a_created_item_comes_back_with_defaults_and_identities() {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let ops = adds(&[
        ("System.Title", json!("Straße 東京 <b>")),
        ("System.AssignedTo", json!("Ana Sousa <ana.sousa@demo.example>")),
        ("System.Tags", json!("zeta; Alpha;alpha")),
        ("System.AreaPath", json!("Webshop\\Search")),
        ("Microsoft.VSTS.Common.Priority", json!(1)),
    ]);
    let made = caller.create("Bug", ops).await.ok();
    let fields = &made["fields"];
    assert_eq!(made["rev"], 1);
    assert_eq!(fields["System.Title"], "Straße 東京 <b>");
    assert_eq!(fields["System.AssignedTo"]["uniqueName"], "ana.sousa@demo.example");
    assert_eq!(fields["System.CreatedBy"]["uniqueName"], "sync@demo.example");
    assert_eq!(fields["System.Tags"], "Alpha; zeta");
    assert_eq!(fields["System.State"], "New");
    assert_eq!(fields["System.Reason"], "New");
    assert_eq!(fields["System.CreatedDate"], "2026-11-02T12:00:00Z");
    let effects = sandbox.effects();
    assert_eq!(effects.len(), 1);
    assert_eq!((effects[0].op, effects[0].item_id.as_str()), (EffectOp::Create, "1"));
    assert_eq!(effects[0].fields["System.Title"], "Straße 東京 <b>");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_stale_revision_is_refused_with_412() {
    let sandbox = AzureDevOps::start(options(3)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let rev = caller.get(&item(1)).await.ok()["rev"].as_u64().unwrap();
    let write = |rev: u64, title: &str| {
        json!([
            {"op": "test", "path": "/rev", "value": rev},
            {"op": "add", "path": "/fields/System.Title", "value": title},
        ])
    };
    let changed = caller.patch(&item(1), write(rev, "one")).await.ok();
    assert_eq!(changed["rev"], rev + 1);
    let (key, message) = caller.patch(&item(1), write(rev, "two")).await.error(412);
    assert_eq!(key, "TestPatchOperationFailedException");
    assert!(message.starts_with("VS403351: Test Operation for path /rev failed"), "{message}");
    assert_eq!(caller.get(&item(1)).await.ok()["fields"]["System.Title"], "one");
    assert_eq!(sandbox.effects().len(), 1);
    sandbox.stop().await;
}

#[tokio::test]
async fn broken_writes_are_refused_with_the_right_key() {
    let sandbox = AzureDevOps::start(options(3)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let field = |name: &str, value: Value| adds(&[(name, value)]);
    for (ops, status, key) in [
        (field("System.Title", json!("")), 400, "RuleValidationException"),
        (field("System.State", json!("Dancing")), 400, "RuleValidationException"),
        (field("System.CreatedDate", json!("2020-01-01")), 400, "RuleValidationException"),
        (field("System.AreaPath", json!("Webshop\\Nowhere")), 400, "RuleValidationException"),
        (field("Custom.Nothing", json!("x")), 400, "WorkItemFieldInvalidException"),
        (field("System.AssignedTo", json!({"id": "x"})), 400, "IdentityRefNotAcceptedException"),
        (
            json!([{"op": "replace", "path": "/fields/Custom.ExternalId", "value": "x"}]),
            400,
            "PatchOperationFailedException",
        ),
        (json!([{"op": "remove", "path": "/relations/7"}]), 400, "PatchOperationFailedException"),
        (json!({"System.Title": "x"}), 400, "PatchOperationFailedException"),
    ] {
        let (got, _) = caller.patch(&item(1), ops.clone()).await.error(status);
        assert_eq!(got, key, "{ops}");
    }
    let wrong_type = caller.send("PATCH", &item(1), "application/json", b"[]".to_vec()).await;
    assert_eq!(wrong_type.status, 415);
    assert_eq!(caller.create("Bug", json!([])).await.error(400).0, "RuleValidationException");
    assert_eq!(
        caller.create("Epic", adds(&[("System.Title", json!("x"))])).await.error(404).0,
        "WorkItemTypeNotFoundException"
    );
    assert_eq!(
        caller.get("/Nope/_apis/wit/workitemtypes?api-version=7.1").await.error(404).0,
        "ProjectDoesNotExistWithNameException"
    );
    assert!(sandbox.effects().is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn states_fill_reason_and_dates_and_clear_them_again() {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    caller.create("Bug", adds(&[("System.Title", json!("x"))])).await.ok();
    let closed = caller.patch(&item(1), adds(&[("System.State", json!("closed"))])).await.ok();
    assert_eq!(closed["fields"]["System.State"], "Closed");
    assert_eq!(closed["fields"]["System.Reason"], "Verified");
    assert!(closed["fields"]["Microsoft.VSTS.Common.ClosedDate"].is_string());
    let open = caller.patch(&item(1), adds(&[("System.State", json!("Active"))])).await.ok();
    assert!(open["fields"].get("Microsoft.VSTS.Common.ClosedDate").is_none());
    sandbox.stop().await;
}

#[tokio::test]
async fn writing_what_is_there_makes_no_revision() {
    let sandbox = AzureDevOps::start(options(2)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let before = caller.get(&item(1)).await.ok();
    let title = before["fields"]["System.Title"].clone();
    let after = caller.patch(&item(1), adds(&[("System.Title", title)])).await.ok();
    assert_eq!(after["rev"], before["rev"]);
    assert!(!sandbox.effects()[0].changed);
    sandbox.stop().await;
}

#[tokio::test]
async fn revisions_rise() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    for title in ["a", "b", "c"] {
        caller.patch(&item(1), adds(&[("System.Title", json!(title))])).await.ok();
    }
    let revisions = caller.get("/_apis/wit/workItems/1/revisions?api-version=7.1").await.ok();
    let dates: Vec<&str> = revisions["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rev| rev["fields"]["System.ChangedDate"].as_str().unwrap())
        .collect();
    let mut sorted = dates.clone();
    sorted.sort_by_key(|date| chrono::DateTime::parse_from_rfc3339(date).unwrap());
    sorted.dedup();
    assert_eq!(dates, sorted);
    let updates = caller.get("/_apis/wit/workItems/1/updates?api-version=7.1").await.ok();
    let last = updates["value"].as_array().unwrap().last().unwrap();
    assert_eq!(last["fields"]["System.Title"], json!({"oldValue": "b", "newValue": "c"}));
    sandbox.stop().await;
}

#[tokio::test]
async fn many_items_are_read_in_order_and_missing_ones_follow_the_policy() {
    let sandbox = AzureDevOps::start(options(5)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let path = "/_apis/wit/workitemsbatch?api-version=7.1";
    let body = |policy: &str| json!({"ids": [3, 99, 1], "fields": ["System.Id", "System.Title"], "errorPolicy": policy});
    let found = caller.post(path, body("omit")).await.ok();
    let ids: Vec<Option<u64>> =
        found["value"].as_array().unwrap().iter().map(|one| one["id"].as_u64()).collect();
    assert_eq!(ids, [Some(3), None, Some(1)]);
    assert_eq!(found["value"][0]["fields"].as_object().unwrap().len(), 2);
    assert_eq!(
        caller.post(path, body("fail")).await.error(404).0,
        "WorkItemUnauthorizedAccessException"
    );
    let many: Vec<u32> = (1..=201).collect();
    assert!(caller.post(path, json!({"ids": many})).await.error(400).1.starts_with("VS403474"));
    let both = json!({"ids": [1], "fields": ["System.Id"], "$expand": "relations"});
    assert_eq!(caller.post(path, both).await.error(400).0, "ConflictingParametersException");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_batch_judges_each_entry_alone() {
    let sandbox = AzureDevOps::start(options(2)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let entry = |uri: &str, ops: Value| json!({"method": "PATCH", "uri": uri, "headers": {"Content-Type": "application/json-patch+json"}, "body": ops});
    let parent = json!([{"op": "add", "path": "/id", "value": "-1"}, {"op": "add", "path": "/fields/System.Title", "value": "parent"}]);
    let child = json!([
        {"op": "add", "path": "/fields/System.Title", "value": "child"},
        {"op": "add", "path": "/relations/-", "value": {"rel": "System.LinkTypes.Hierarchy-Reverse", "url": format!("{}/_apis/wit/workItems/-1", caller.base)}},
    ]);
    let stale = json!([{"op": "test", "path": "/rev", "value": 77}, {"op": "add", "path": "/fields/System.Title", "value": "no"}]);
    let body = json!([
        entry("/Webshop/_apis/wit/workitems/$Bug?api-version=7.1", parent),
        entry("/_apis/wit/workitems/1?api-version=7.1", stale),
        entry("/Webshop/_apis/wit/workitems/$Task?api-version=7.1", child),
        entry("/Elsewhere/_apis/wit/workitems/$Task?api-version=7.1", json!([])),
    ]);
    let answer = caller
        .send(
            "PATCH",
            "/_apis/wit/$batch?api-version=7.1",
            "application/json",
            body.to_string().into_bytes(),
        )
        .await
        .ok();
    let codes: Vec<u64> = answer["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_u64().unwrap())
        .collect();
    assert_eq!(codes, [200, 412, 200, 404]);
    let last: Value = serde_json::from_str(answer["value"][2]["body"].as_str().unwrap()).unwrap();
    assert_eq!(last["fields"]["System.Parent"], 3);
    let parent = caller.get("/_apis/wit/workitems/3?$expand=relations&api-version=7.1").await.ok();
    assert_eq!(parent["relations"][0]["rel"], "System.LinkTypes.Hierarchy-Forward");
    sandbox.stop().await;
}

#[tokio::test]
async fn links_go_both_ways_and_only_one_parent_is_allowed() {
    let sandbox = AzureDevOps::start(options(4)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let link = |id: u64| json!([{"op": "add", "path": "/relations/-", "value": {"rel": "System.LinkTypes.Hierarchy-Reverse", "url": format!("{}/_apis/wit/workItems/{id}", caller.base)}}]);
    caller.patch(&item(1), link(2)).await.ok();
    assert_eq!(
        caller.patch(&item(1), link(3)).await.error(400).0,
        "WorkItemLinkAddExtraParentException"
    );
    caller.patch(&item(1), json!([{"op": "remove", "path": "/relations/0"}])).await.ok();
    let other = caller.get("/_apis/wit/workitems/2?$expand=relations&api-version=7.1").await.ok();
    assert!(other.get("relations").is_none(), "{other}");
    sandbox.stop().await;
}

#[tokio::test]
async fn comments_need_the_preview_version_and_bump_the_revision() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let rev = caller.get(&item(1)).await.ok()["rev"].as_u64().unwrap();
    let path = "/Webshop/_apis/wit/workItems/1/comments";
    assert_eq!(
        caller.get(&format!("{path}?api-version=7.1")).await.error(400).0,
        "VssInvalidPreviewVersionException"
    );
    let path = format!("{path}?api-version=7.1-preview.4");
    let said = caller.post(&path, json!({"text": "first"})).await.ok();
    assert_eq!(caller.get(&item(1)).await.ok()["rev"], rev + 1);
    caller.patch(&item(1), adds(&[("System.History", json!("second"))])).await.ok();
    let list = caller.get(&format!("{path}&order=asc")).await.ok();
    let texts: Vec<&str> = list["comments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts[texts.len() - 2..], ["first", "second"]);
    let one =
        format!("/Webshop/_apis/wit/workItems/1/comments/{}?api-version=7.1-preview.4", said["id"]);
    let edited = caller
        .send("PATCH", &one, "application/json", br#"{"text":"changed"}"#.to_vec())
        .await
        .ok();
    assert_eq!((edited["text"].as_str(), edited["version"].as_u64()), (Some("changed"), Some(2)));
    assert_eq!(caller.send("DELETE", &one, "", vec![]).await.status, 204);
    assert_eq!(caller.get(&one).await.status, 404);
    let ops: Vec<EffectOp> = sandbox.effects().iter().map(|effect| effect.op).collect();
    assert_eq!(ops, [EffectOp::Comment, EffectOp::Update, EffectOp::Comment, EffectOp::Comment]);
    sandbox.stop().await;
}

#[tokio::test]
async fn deleted_and_forbidden_items_look_alike_until_the_bin_is_asked() {
    let sandbox = AzureDevOps::start(options(4)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    caller.send("DELETE", &item(1), "", vec![]).await.ok();
    assert!(sandbox.forbid("2", true));
    for id in [1, 2] {
        assert_eq!(caller.get(&item(id)).await.error(404).0, "WorkItemUnauthorizedAccessException");
    }
    assert_eq!(caller.find("[System.Id] <= 3").await, [3]);
    let bin = |id: u64| format!("/Webshop/_apis/wit/recyclebin/{id}?api-version=7.1");
    assert_eq!(caller.get(&bin(1)).await.status, 200);
    assert_eq!(caller.get(&bin(2)).await.status, 404);
    assert_eq!(sandbox.info().items, 3);
    caller
        .send("PATCH", &bin(1), "application/json", br#"{"isDeleted":false}"#.to_vec())
        .await
        .ok();
    assert_eq!(caller.get(&item(1)).await.status, 200);
    assert_eq!(sandbox.info().items, 4);
    sandbox.stop().await;
}

#[tokio::test]
async fn reporting_pages_through_every_revision_once() {
    let sandbox = AzureDevOps::start(options(30)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let mut seen = std::collections::BTreeSet::new();
    let mut token = String::new();
    loop {
        let path = format!(
            "/Webshop/_apis/wit/reporting/workitemrevisions?$maxPageSize=7&continuationToken={token}&api-version=7.1"
        );
        let page = caller.get(&path).await.ok();
        for rev in page["values"].as_array().unwrap() {
            assert!(seen.insert((rev["id"].as_u64().unwrap(), rev["rev"].as_u64().unwrap())));
            assert!(rev["fields"].get("System.Description").is_none());
        }
        page["continuationToken"].as_str().unwrap().clone_into(&mut token);
        if page["isLastBatch"].as_bool().unwrap() {
            break;
        }
    }
    let revisions: usize =
        sandbox.items().iter().map(|item| item.version.parse::<usize>().unwrap()).sum();
    assert_eq!(seen.len(), revisions);
    sandbox.stop().await;
}

#[tokio::test]
async fn options_change_how_html_tags_and_states_behave() {
    let azure = AzureDevOpsOptions {
        rewrites_html: true,
        initial_state_only: true,
        tags_add: TagsAdd::Merges,
        required_in_state: vec![("Bug".into(), "Resolved".into(), "Custom.Team".into())],
        ..AzureDevOpsOptions::default()
    };
    let sandbox = AzureDevOps::start_with(options(0), azure).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let born_active = adds(&[("System.Title", json!("x")), ("System.State", json!("Active"))]);
    assert_eq!(caller.create("Bug", born_active).await.status, 400);
    let made = caller
        .create(
            "Bug",
            adds(&[
                ("System.Title", json!("x")),
                ("System.Tags", json!("a")),
                ("System.Description", json!("hi<br/>you")),
            ]),
        )
        .await
        .ok();
    assert_eq!(made["fields"]["System.Description"], "<div>hi<br>you</div>");
    let merged = caller.patch(&item(1), adds(&[("System.Tags", json!("b"))])).await.ok();
    assert_eq!(merged["fields"]["System.Tags"], "a; b");
    let resolve = adds(&[("System.State", json!("Resolved"))]);
    let refused = caller.patch(&item(1), resolve).await;
    assert_eq!(refused.json()["customProperties"]["FieldReferenceName"], "Custom.Team");
    sandbox.stop().await;
}

#[tokio::test]
async fn played_people_leave_no_effect_but_a_revision() {
    let sandbox = AzureDevOps::start(options(2)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let before = caller.get(&item(1)).await.ok();
    let edit = Edit {
        item_id: Some(ItemId::Number(1)),
        fields: json!({"System.Title": "by hand"}).as_object().unwrap().clone(),
        as_user: Some("chiara.rossi@demo.example".into()),
        ..Edit::default()
    };
    sandbox.edit(&edit).unwrap();
    let after = caller.get(&item(1)).await.ok();
    assert_eq!(after["rev"].as_u64(), before["rev"].as_u64().map(|rev| rev + 1));
    assert_eq!(after["fields"]["System.ChangedBy"]["uniqueName"], "chiara.rossi@demo.example");
    assert!(sandbox.effects().is_empty());
    let created = sandbox
        .edit(&Edit {
            fields: json!({"System.Title": "new"}).as_object().unwrap().clone(),
            ..Edit::default()
        })
        .unwrap();
    assert_eq!(created.item_id, "3");
    sandbox.stop().await;
}

#[tokio::test]
async fn seeds_are_stable() {
    let one = AzureDevOps::start(options(25)).await.unwrap();
    let two = AzureDevOps::start(options(25)).await.unwrap();
    let fields = |sandbox: &syncline_sandbox::RunningSandbox| -> Vec<Value> {
        sandbox
            .items()
            .iter()
            .map(|item| sandbox.item(&item.id).unwrap()["fields"]["System.Title"].clone())
            .collect()
    };
    assert_eq!(fields(&one), fields(&two));
    let edit = Edit {
        item_id: Some(ItemId::Number(1)),
        fields: json!({"System.Title": "x"}).as_object().unwrap().clone(),
        ..Edit::default()
    };
    one.edit(&edit).unwrap();
    one.reset();
    assert_eq!(fields(&one), fields(&two));
    one.stop().await;
    two.stop().await;
}
