//! Azure DevOps: dry runs, special permission, trees, files in chunks, paging, compression.

use crate::support::{Caller, Spec, adds, options};
use serde_json::{Value, json};
use syncline_sandbox::{AzureDevOps, EffectOp};

#[tokio::test]
async fn a_dry_run_checks_everything_and_saves_nothing() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let create = "/Webshop/_apis/wit/workitems/$Bug?validateOnly=true&api-version=7.1";
    let patch = "application/json-patch+json";
    let good = adds(&[("System.Title", json!("x"))]).to_string().into_bytes();
    let shown = caller.send("POST", create, patch, good).await.ok();
    assert_eq!(shown["fields"]["System.Title"], "x");
    assert_eq!(caller.send("POST", create, patch, b"[]".to_vec()).await.status, 400);
    let update = "/_apis/wit/workitems/1?validateOnly=true&api-version=7.1";
    caller.patch(update, adds(&[("System.Title", json!("y"))])).await.ok();
    assert_eq!(sandbox.items().len(), 1);
    assert_ne!(sandbox.items()[0].title, "y");
    assert!(sandbox.effects().is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn only_bypassed_rules_allow_a_past_creation() {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let ops = adds(&[
        ("System.Title", json!("old")),
        ("System.CreatedDate", json!("2020-01-02T03:04:05Z")),
        ("System.CreatedBy", json!("grace.oneill@demo.example")),
    ]);
    assert_eq!(caller.create("Bug", ops.clone()).await.status, 400);
    let path = "/Webshop/_apis/wit/workitems/$Bug?bypassRules=true&api-version=7.1";
    let body = ops.to_string().into_bytes();
    let made = caller.send("POST", path, "application/json-patch+json", body).await.ok();
    assert_eq!(made["fields"]["System.CreatedDate"], "2020-01-02T03:04:05Z");
    assert_eq!(made["fields"]["System.CreatedBy"]["uniqueName"], "grace.oneill@demo.example");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_new_area_can_be_used_at_once() {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let path = "/Webshop/_apis/wit/classificationnodes/Areas/Search?api-version=7.1";
    let made = caller.post(path, json!({"name": "Suggest"})).await;
    assert_eq!(made.status, 201);
    Spec::read().check("WorkItemClassificationNode", &made.json());
    assert_eq!(caller.post(path, json!({"name": "suggest"})).await.status, 409);
    let area = "Webshop\\Search\\Suggest";
    let item = caller
        .create("Task", adds(&[("System.Title", json!("x")), ("System.AreaPath", json!(area))]))
        .await
        .ok();
    assert_eq!(item["fields"]["System.AreaPath"], area);
    assert_eq!(caller.find("[System.AreaPath] UNDER 'Webshop\\Search'").await, [1]);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_file_in_chunks_arrives_whole_and_hangs_on_an_item() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let mut caller = Caller::azure(&sandbox);
    let start =
        "/Webshop/_apis/wit/attachments?fileName=big.bin&uploadType=Chunked&api-version=7.1";
    let file = caller.post(start, json!({})).await.ok();
    let id = file["id"].as_str().unwrap().to_owned();
    let put = format!("/Webshop/_apis/wit/attachments/{id}?api-version=7.1");
    for (range, bytes) in [("bytes 0-3/6", &b"abcd"[..]), ("bytes 4-5/6", &b"ef"[..])] {
        caller.headers.push(("Content-Range".into(), range.into()));
        caller.send("PUT", &put, "application/octet-stream", bytes.to_vec()).await.ok();
        caller.headers.pop();
    }
    let url = file["url"].as_str().unwrap();
    assert_eq!(caller.get(url).await.bytes, b"abcdef");
    let link = json!([{"op": "add", "path": "/relations/-", "value": {"rel": "AttachedFile", "url": url, "attributes": {"comment": "log"}}}]);
    let item =
        caller.patch("/_apis/wit/workitems/1?$expand=relations&api-version=7.1", link).await.ok();
    assert_eq!(item["relations"][0]["attributes"]["name"], "big.bin");
    assert_eq!(item["relations"][0]["attributes"]["resourceSize"], 6);
    let ops: Vec<EffectOp> = sandbox.effects().iter().map(|effect| effect.op).collect();
    assert_eq!(ops, [EffectOp::Attachment, EffectOp::Update]);
    sandbox.stop().await;
}

#[tokio::test]
async fn comments_page_by_token() {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    caller.create("Bug", adds(&[("System.Title", json!("x"))])).await.ok();
    let path = "/Webshop/_apis/wit/workItems/1/comments?api-version=7.1-preview.4";
    for text in ["a", "b", "c", "d", "e"] {
        caller.post(path, json!({ "text": text })).await.ok();
    }
    let (mut texts, mut token) = (Vec::new(), String::new());
    loop {
        let page =
            caller.get(&format!("{path}&order=asc&$top=2&continuationToken={token}")).await.ok();
        assert_eq!(page["totalCount"], 5);
        texts.extend(
            page["comments"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["text"].as_str().unwrap().to_owned()),
        );
        match page["continuationToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(texts, ["a", "b", "c", "d", "e"]);
    sandbox.stop().await;
}

#[tokio::test]
async fn projects_page_by_header_and_nearby_names_are_listed() {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let first = caller.get("/_apis/projects?$top=1&api-version=7.1").await;
    let token = first.header("x-ms-continuationtoken").unwrap().to_owned();
    let second = caller
        .get(&format!("/_apis/projects?$top=1&continuationToken={token}&api-version=7.1"))
        .await;
    assert!(second.header("x-ms-continuationtoken").is_none());
    assert_ne!(first.ok()["value"][0]["name"], second.ok()["value"][0]["name"]);
    let me = caller.get("/_apis/connectionData").await.ok();
    assert_eq!(me["authenticatedUser"]["properties"]["Account"]["$value"], "sync@demo.example");
    assert_eq!(
        caller.get("/_apis/wit/fields").await.error(400).0,
        "VssVersionNotSpecifiedException"
    );
    assert_eq!(
        caller.get("/_apis/wit/fields?api-version=99.1").await.error(400).0,
        "VssVersionOutOfRangeException"
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_where_that_is_on() {
    let mut common = options(50);
    common.gzip = true;
    let sandbox = AzureDevOps::start(common).await.unwrap();
    let mut caller = Caller::azure(&sandbox);
    caller.headers.push(("Accept-Encoding".into(), "gzip".into()));
    let packed = caller.get("/_apis/wit/fields?api-version=7.1").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.bytes[..2], [0x1F, 0x8B]);
    sandbox.stop().await;
}

#[tokio::test]
async fn markdown_needs_its_value_in_the_same_patch() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let path = "/_apis/wit/workitems/1?api-version=7.1";
    let format = json!({"op": "add", "path": "/multilineFieldsFormat/System.Description", "value": "Markdown"});
    let alone: Value = json!([format]);
    assert_eq!(caller.patch(path, alone).await.status, 400);
    let both =
        json!([{"op": "add", "path": "/fields/System.Description", "value": "# Title"}, format]);
    let item = caller.patch(path, both).await.ok();
    assert_eq!(item["multilineFieldsFormat"]["System.Description"], "markdown");
    sandbox.stop().await;
}

#[tokio::test]
async fn requests_in_flight_are_counted_together() {
    let sandbox =
        AzureDevOps::start(options(3).latency(std::time::Duration::from_secs(1))).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let path = "/_apis/wit/workitems/1?api-version=7.1";
    let (a, b, c) = tokio::join!(caller.get(path), caller.get(path), caller.get(path));
    assert_eq!([a.status, b.status, c.status], [200, 200, 200]);
    let counts = sandbox.requests();
    assert_eq!((counts.total, counts.peak_in_flight), (3, 3));
    assert_eq!(counts.matching("GET /_apis/wit/workitems/{id}"), 3);
    sandbox.stop().await;
}
