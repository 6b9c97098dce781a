//! Scripted faults, permission, control routes.
#![allow(clippy::as_conversions, reason = "tests")]

use crate::support::{Caller, adds, options};
use serde_json::{Value, json};
use syncline_sandbox::{AzureDevOps, FaultKind, FaultRule};

const ITEM: &str = "/_apis/wit/workitems/1?api-version=7.1";

#[tokio::test]
async fn a_lost_answer_is_still_an_effect() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let create = "/Webshop/_apis/wit/workitems/$Bug?api-version=7.1";
    let body = adds(&[("System.Title", json!("x"))]).to_string().into_bytes();
    for (kind, effects) in [(FaultKind::TimeoutBeforeEffect, 0), (FaultKind::TimeoutAfterEffect, 1)]
    {
        sandbox.reset();
        sandbox.set_faults(vec![FaultRule::new(kind).on("POST ").hold_ms(0)]);
        let lost =
            caller.try_send("POST", create, "application/json-patch+json", body.clone()).await;
        assert!(lost.is_err(), "{kind:?} must not answer");
        assert_eq!(sandbox.effects().len(), effects, "{kind:?}");
    }
    sandbox.set_faults(vec![FaultRule::new(FaultKind::Truncated).on("POST ")]);
    let broken = caller.try_send("POST", create, "application/json-patch+json", body.clone()).await;
    assert!(broken.is_err(), "a truncated body must not read to its end");
    assert_eq!(sandbox.effects().len(), 2);
    sandbox.set_faults(vec![FaultRule::new(FaultKind::StatusAfterEffect(502)).on("POST ")]);
    assert_eq!(caller.send("POST", create, "application/json-patch+json", body).await.status, 502);
    assert_eq!(sandbox.effects().len(), 3);
    sandbox.stop().await;
}

#[tokio::test]
async fn answers_are_spoiled_as_scripted() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let spoil = |rule: FaultRule| sandbox.set_faults(vec![rule]);

    spoil(FaultRule::new(FaultKind::Status(429)).retry_after(7));
    let limited = caller.get(ITEM).await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("7")));
    assert!(limited.error(429).1.starts_with("TF400733"));
    assert_eq!(caller.get(ITEM).await.status, 200, "the rule fires once");

    spoil(FaultRule::new(FaultKind::RetryAfter200).retry_after(3));
    let slowed = caller.get(ITEM).await;
    assert_eq!((slowed.status, slowed.header("retry-after")), (200, Some("3")));

    spoil(FaultRule::new(FaultKind::SignInHtml));
    let page = caller.get(ITEM).await;
    assert_eq!(page.status, 203);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));

    spoil(FaultRule::new(FaultKind::WrongContentType));
    let wrong = caller.get(ITEM).await;
    assert!(wrong.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(wrong.json()["id"], 1);

    spoil(FaultRule::new(FaultKind::BrokenJson));
    assert!(serde_json::from_slice::<Value>(&caller.get(ITEM).await.bytes).is_err());

    spoil(FaultRule::new(FaultKind::UnauthorizedAfterN).after(1));
    let statuses = [
        caller.get(ITEM).await.status,
        caller.get(ITEM).await.status,
        caller.get(ITEM).await.status,
    ];
    assert_eq!(statuses, [200, 401, 401]);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_batch_fails_in_part_as_scripted() {
    let sandbox = AzureDevOps::start(options(0)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let entry = json!({"method": "PATCH", "uri": "/Webshop/_apis/wit/workitems/$Bug?api-version=7.1",
        "headers": {"Content-Type": "application/json-patch+json"}, "body": adds(&[("System.Title", json!("x"))])});
    sandbox.set_faults(vec![FaultRule::new(FaultKind::PartialBatch).on("$batch")]);
    let body = json!([entry, entry, entry]).to_string().into_bytes();
    let answer = caller
        .send("PATCH", "/_apis/wit/$batch?api-version=7.1", "application/json", body)
        .await
        .ok();
    let codes: Vec<&Value> =
        answer["value"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, [200, 500, 200]);
    assert_eq!(sandbox.effects().len(), 2);
    sandbox.stop().await;
}

#[tokio::test]
async fn strangers_are_sent_away() {
    let sandbox = AzureDevOps::start(options(1)).await.unwrap();
    let nobody = Caller::nobody(sandbox.base_url());
    let sign_in = nobody.get(ITEM).await;
    assert_eq!(sign_in.status, 203);
    let mut suppressed = Caller::nobody(sandbox.base_url());
    suppressed.headers.push(("X-TFS-FedAuthRedirect".into(), "Suppress".into()));
    assert_eq!(suppressed.get(ITEM).await.status, 401);
    let mut wrong = Caller::nobody(sandbox.base_url());
    wrong.headers.push(("Authorization".into(), "Basic OndvcmU=".into()));
    assert_eq!(wrong.get(ITEM).await.status, 401);
    let mut bearer = Caller::nobody(sandbox.base_url());
    bearer
        .headers
        .push(("Authorization".into(), format!("Bearer {}", sandbox.credentials()["token"])));
    assert_eq!(bearer.get(ITEM).await.status, 200);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_control_routes_work_over_http() {
    let sandbox = AzureDevOps::start(options(3)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let control = Caller::control(&sandbox);
    let info = control.get("/info").await.ok();
    assert_eq!(
        (info["connector_type"].as_str(), info["auth_type"].as_str()),
        (Some("azuredevops"), Some("pat"))
    );
    assert_eq!(info["base_url"], caller.base);
    let edited = control
        .post(
            "/edit",
            json!({"item_id": 1, "fields": {"System.Title": "by hand"}, "comment": "look"}),
        )
        .await
        .ok();
    assert_eq!(edited["item_id"], "1");
    assert_eq!(
        control.post("/edit", json!({"item_id": 1, "fields": {"Foo": 1}})).await.status,
        400
    );
    assert_eq!(control.get("/items/1").await.ok()["fields"]["System.Title"], "by hand");
    control.post("/clock", json!({"now": "2027-01-01T00:00:00Z"})).await.ok();
    let clock = control.post("/clock", json!({"advance_ms": 1500})).await.ok();
    assert_eq!(clock["now"], "2027-01-01T00:00:01.500Z");
    caller.create("Bug", adds(&[("System.Title", json!("x"))])).await.ok();
    let effects = control.get("/effects").await.ok();
    assert_eq!(effects["effects"][0]["op"], "create");
    assert_eq!(effects["effects"][0]["at"], "2027-01-01T00:00:01.500Z");
    assert_eq!(control.get("/effects?since=3").await.ok()["count"], 0);
    control.post("/faults", json!([{"kind": "500", "match": "GET "}])).await.ok();
    assert_eq!(caller.get(ITEM).await.status, 500);
    assert_eq!(control.post("/faults", json!([{"kind": "explode"}])).await.status, 400);
    let counts = control.get("/requests").await.ok();
    assert_eq!(counts["by_route"]["GET /_apis/wit/workitems/{id}"], 1);
    assert_eq!(counts["by_route"]["POST /_apis/wit/workitems/${type}"], 1);
    assert_eq!(control.send("DELETE", "/items/2", "", vec![]).await.status, 200);
    assert_eq!(caller.get("/_apis/wit/workitems/2?api-version=7.1").await.status, 404);
    control.post("/reset", json!({})).await.ok();
    assert_eq!(control.get("/items").await.ok()["count"], 3);
    assert_eq!(control.get("/requests").await.ok()["total"], 0);
    sandbox.stop().await;
}

#[tokio::test]
async fn each_ticket_has_a_page_for_people() {
    let sandbox = AzureDevOps::start(options(11)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let stranger = Caller::nobody(sandbox.base_url());
    let item = caller.get("/_apis/wit/workitems/11?$expand=links&api-version=7.1").await.ok();
    let page = stranger.get(item["_links"]["html"]["href"].as_str().unwrap()).await;
    assert_eq!(page.status, 200);
    let text = String::from_utf8(page.bytes).unwrap();
    assert!(text.contains("&lt;script&gt; in a product name"), "{text}");
    assert!(!text.contains("<script>"));
    let list = stranger.get(&format!("http://{}/", sandbox.addr())).await;
    assert!(String::from_utf8(list.bytes).unwrap().contains("/_workitems/edit/11"));
    assert_eq!(sandbox.requests().total, 1, "pages are not counted");
    sandbox.stop().await;
}
