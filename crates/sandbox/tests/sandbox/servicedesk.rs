//! ServiceDesk Plus over HTTP, both flavours.
#![allow(clippy::as_conversions, reason = "tests")]

use std::time::Duration;

use crate::support::{Answer, Caller, options};
use serde_json::{Value, json};
use syncline_sandbox::{
    Edit, EffectOp, FaultKind, FaultRule, Flavour, ItemId, RunningSandbox, ServiceDeskOptions,
    ServiceDeskPlus,
};

/// Asserts success in the body, whatever the HTTP status, and gives the body.
fn success(answer: &Answer) -> Value {
    let body = answer.json();
    let status = &body["response_status"];
    let status = status.get(0).unwrap_or(status);
    assert_eq!(status["status_code"], 2000, "{body}");
    body
}

fn code(answer: &Answer) -> u64 {
    answer.json()["response_status"]["messages"][0]["status_code"].as_u64().unwrap()
}

async fn onprem(items: usize) -> (RunningSandbox, Caller) {
    let sandbox = ServiceDeskPlus::start(options(items)).await.unwrap();
    let caller = Caller::desk(&sandbox);
    (sandbox, caller)
}

/// A cloud sandbox and a caller with a fresh access token.
async fn cloud(items: usize) -> (RunningSandbox, Caller) {
    let sandbox =
        ServiceDeskPlus::start_with(options(items), ServiceDeskOptions::cloud()).await.unwrap();
    let mut caller = Caller::desk(&sandbox);
    caller.base = format!("{}/app/{}/api/v3", sandbox.base_url(), sandbox.endpoint());
    let token =
        refresh(&sandbox, "refresh_token").await["access_token"].as_str().unwrap().to_owned();
    caller.headers.push(("Authorization".into(), format!("Zoho-oauthtoken {token}")));
    (sandbox, caller)
}

async fn refresh(sandbox: &RunningSandbox, grant: &str) -> Value {
    let credentials = sandbox.credentials();
    let form = format!(
        "grant_type={grant}&client_id={}&client_secret={}&refresh_token={}",
        credentials["client_id"], credentials["client_secret"], credentials["refresh_token"]
    );
    let nobody = Caller::nobody(sandbox.base_url());
    nobody
        .send("POST", "/oauth/v2/token", "application/x-www-form-urlencoded", form.into_bytes())
        .await
        .ok()
}

#[tokio::test]
async fn a_request_lives_from_create_to_close() {
    let (sandbox, caller) = onprem(0).await;
    let data = json!({"request": {
        "subject": "Größe <b> & 東京",
        "description": "<div>text</div>",
        "priority": {"name": "high"},
        "requester": {"email_id": "grace.oneill@demo.example"},
        "udf_fields": {"udf_char1": "EXT-1", "udf_long1": 7, "udf_date1": {"value": "1790000000000"}},
    }});
    let made = success(&caller.input("POST", "/requests", data).await);
    let request = &made["request"];
    assert_eq!(request["id"], "1");
    assert_eq!(request["subject"], "Größe <b> & 東京");
    assert_eq!(request["priority"]["name"], "High");
    assert_eq!(request["status"]["internal_name"], "Open");
    assert_eq!(request["udf_fields"]["udf_date1"]["value"], "1790000000000");
    assert_eq!(request["requester"]["name"], "Grace O'Neill");
    let before = request["last_updated_time"]["value"].clone();

    sandbox.advance(Duration::from_secs(60));
    let changed = success(
        &caller
            .input(
                "PUT",
                "/requests/1",
                json!({"request": {"status": {"name": "On Hold"}, "priority": null}}),
            )
            .await,
    );
    assert_eq!(changed["request"]["subject"], request["subject"], "only sent keys change");
    assert_eq!(changed["request"]["priority"], Value::Null);
    assert_eq!(changed["request"]["status"]["stop_timer"], true);
    assert_ne!(changed["request"]["last_updated_time"]["value"], before);

    let closure = json!({"request": {"closure_info": {"closure_comments": "done", "closure_code": {"name": "success"}, "requester_ack_resolution": true}}});
    success(&caller.input("PUT", "/requests/1/close", closure.clone()).await);
    let again = caller.input("PUT", "/requests/1/close", closure).await;
    assert_eq!((again.status, code(&again)), (400, 4001));
    let read = success(&caller.get("/requests/1").await);
    assert_eq!(read["request"]["status"]["name"], "Closed");
    assert_eq!(read["request"]["closure_info"]["closure_comments"], "done");
    let ops: Vec<EffectOp> = sandbox.effects().iter().map(|effect| effect.op).collect();
    assert_eq!(ops, [EffectOp::Create, EffectOp::Update, EffectOp::Update]);
    sandbox.stop().await;
}

#[tokio::test]
async fn broken_writes_say_which_field() {
    let (sandbox, caller) = onprem(1).await;
    for (data, expected, field) in [
        (json!({"request": {"status": {"name": "Dancing"}}}), 4001, "status"),
        (json!({"request": {"colour": "red"}}), 4001, "colour"),
        (json!({"request": {"udf_fields": {"udf_char9": "x"}}}), 4001, "udf_fields.udf_char9"),
        (json!({"request": {"created_time": {"value": "1"}}}), 4001, "created_time"),
        (json!({"request": {"due_by_time": "2026-01-01"}}), 4001, "due_by_time"),
        (json!({"subject": "x"}), 4001, "request"),
    ] {
        let refused = caller.input("PUT", "/requests/1", data.clone()).await;
        assert_eq!((refused.status, code(&refused)), (400, expected), "{data}");
        assert_eq!(refused.json()["response_status"]["messages"][0]["field"], field, "{data}");
    }
    let bare = caller
        .input(
            "POST",
            "/requests",
            json!({"request": {"template": {"name": "Web shop bug"}, "subject": "x"}}),
        )
        .await;
    assert_eq!(code(&bare), 4003);
    assert_eq!(
        bare.json()["response_status"]["messages"][0]["fields"],
        json!(["category", "priority"])
    );
    let as_body = caller.post("/requests", json!({"request": {"subject": "x"}})).await;
    assert_eq!(as_body.status, 400);
    let missing = caller.get("/requests/999").await;
    assert_eq!((missing.status, code(&missing)), (404, 4007));
    assert!(sandbox.effects().is_empty());
    sandbox.stop().await;
}

#[tokio::test]
async fn a_refused_status_comes_with_http_200() {
    let desk = ServiceDeskOptions {
        closure_required: vec!["technician".into(), "resolution".into()],
        ..ServiceDeskOptions::default()
    };
    let sandbox = ServiceDeskPlus::start_with(options(0), desk).await.unwrap();
    let caller = Caller::desk(&sandbox);
    success(&caller.input("POST", "/requests", json!({"request": {"subject": "x"}})).await);
    let refused = caller
        .input("PUT", "/requests/1", json!({"request": {"status": {"name": "Resolved"}}}))
        .await;
    assert_eq!(refused.status, 200);
    let body = refused.json();
    assert_eq!(body["response_status"]["status_code"], 3000);
    assert_eq!(
        body["response_status"]["messages"][0]["fields"],
        json!(["technician", "resolution"])
    );
    assert_eq!(success(&caller.get("/requests/1").await)["request"]["status"]["name"], "Open");
    let whole = json!({"request": {"status": {"name": "Resolved"}, "technician": {"email_id": "ana.sousa@demo.example"}, "resolution": {"content": "fixed"}}});
    let done = success(&caller.input("PUT", "/requests/1", whole).await);
    assert_eq!(done["request"]["resolution"]["content"], "fixed");
    assert!(done["request"]["resolved_time"]["value"].is_string());
    sandbox.stop().await;
}

#[tokio::test]
async fn lists_page_sort_and_stay_partial() {
    let (sandbox, caller) = onprem(25).await;
    let mut seen = Vec::new();
    let mut start = 1;
    loop {
        let info = json!({"list_info": {"row_count": 10, "start_index": start, "sort_field": "last_updated_time", "sort_order": "asc", "get_total_count": true}});
        let page = success(&caller.asked("/requests", info).await);
        assert!(page["response_status"].is_array());
        assert_eq!(page["list_info"]["total_count"], 25);
        for row in page["requests"].as_array().unwrap() {
            assert!(row.get("description").is_none() && row.get("udf_fields").is_none(), "{row}");
            seen.push(row["last_updated_time"]["value"].as_str().unwrap().parse::<i64>().unwrap());
        }
        if !page["list_info"]["has_more_rows"].as_bool().unwrap() {
            break;
        }
        start += 10;
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted());
    let middle = seen[12];
    let info = json!({"list_info": {"row_count": 100, "sort_field": "last_updated_time", "sort_order": "asc",
        "search_criteria": [{"field": "last_updated_time", "condition": "greater than", "value": middle.to_string()}],
        "fields_required": ["id", "description", "last_updated_time"]}});
    let rest = success(&caller.asked("/requests", info).await);
    assert_eq!(
        rest["requests"].as_array().unwrap().len(),
        seen.iter().filter(|at| **at > middle).count()
    );
    let row = rest["requests"][0].as_object().unwrap();
    assert_eq!(row.keys().collect::<Vec<_>>(), ["description", "id", "last_updated_time"]);
    for bad in [json!({"row_count": 101}), json!({"sort_field": "colour"})] {
        let refused = caller.asked("/requests", json!({ "list_info": bad })).await;
        assert_eq!((refused.status, code(&refused)), (400, 4001));
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn notes_are_wrapped_by_flavour() {
    for flavour in [Flavour::OnPremises, Flavour::Cloud] {
        let (sandbox, caller) =
            if flavour == Flavour::Cloud { cloud(1).await } else { onprem(1).await };
        let (own, other) = if flavour == Flavour::Cloud {
            ("request_note", "note")
        } else {
            ("note", "request_note")
        };
        let id = sandbox.items()[0].id.clone();
        let before = success(&caller.get(&format!("/requests/{id}/notes")).await)["notes"]
            .as_array()
            .unwrap()
            .len();
        let path = format!("/requests/{id}/notes");
        let refused = caller.input("POST", &path, json!({ other: {"description": "x"} })).await;
        assert_eq!(code(&refused), 4001, "{flavour:?}");
        let added = success(
            &caller
                .input(
                    "POST",
                    &path,
                    json!({ own: {"description": "<b>hi</b>", "show_to_requester": true} }),
                )
                .await,
        );
        let note = added[own]["id"].as_str().unwrap().to_owned();
        let edited = success(
            &caller
                .input("PUT", &format!("{path}/{note}"), json!({ own: {"description": "changed"} }))
                .await,
        );
        assert_eq!(edited[own]["description"], "changed");
        assert_eq!(
            success(&caller.get(&path).await)["notes"].as_array().unwrap().len(),
            before + 1
        );
        success(&caller.send("DELETE", &format!("{path}/{note}"), "", vec![]).await);
        assert_eq!(success(&caller.get(&path).await)["notes"].as_array().unwrap().len(), before);
        assert!(
            sandbox
                .effects()
                .iter()
                .all(|effect| effect.op == EffectOp::Comment && effect.item_id == id)
        );
        sandbox.stop().await;
    }
}

#[tokio::test]
async fn cloud_ids_are_long_and_tokens_expire() {
    let (sandbox, caller) = cloud(2).await;
    let list = success(&caller.get("/requests").await);
    let id = list["requests"][0]["id"].as_str().unwrap();
    assert_eq!(id.len(), 18);
    assert!(id.parse::<u64>().unwrap() > 1 << 53);
    let display = list["requests"][0]["display_id"].as_str().unwrap();
    assert_eq!(
        caller.get(&format!("/requests/{display}")).await.status,
        404,
        "the shown number is no id"
    );
    sandbox.advance(Duration::from_secs(3_601));
    assert_eq!(caller.get("/requests").await.status, 401);
    assert_eq!(refresh(&sandbox, "password").await["error"], "unsupported_grant_type");
    let mut refused = None;
    for _ in 0..11 {
        refused = Some(refresh(&sandbox, "refresh_token").await);
    }
    assert_eq!(refused.unwrap()["error"], "Access Denied");
    sandbox.stop().await;
}

#[tokio::test]
async fn wrong_credentials_and_headers_are_refused() {
    let (sandbox, caller) = onprem(1).await;
    let mut old = Caller::desk(&sandbox);
    old.headers.retain(|(name, _)| name != "authtoken");
    assert_eq!(old.get("/requests/1").await.status, 401);
    old.headers.push(("TECHNICIAN_KEY".into(), sandbox.credentials()["apiKey"].clone()));
    assert_eq!(old.get("/requests/1").await.status, 200);
    old.headers.retain(|(name, _)| name != "Accept");
    assert_eq!(old.get("/requests/1").await.status, 415);
    sandbox.set_faults(vec![FaultRule::new(FaultKind::RollingThrottle)]);
    let throttled = caller.get("/requests/1").await;
    assert_eq!(throttled.status, 400);
    assert_eq!(throttled.json()["error"]["title"], "URL_ROLLING_THROTTLES_LIMIT_EXCEEDED");
    let portal = format!("{}/app/itdesk/api/v3/requests/1", sandbox.base_url());
    assert_eq!(caller.get(&portal).await.status, 200);
    assert_eq!(sandbox.requests().matching("GET /api/v3/requests/{id}"), 5);
    sandbox.stop().await;
}

#[tokio::test]
async fn trash_hides_from_lists_and_deletion_is_final() {
    let (sandbox, caller) = onprem(3).await;
    success(&caller.send("DELETE", "/requests/1/move_to_trash", "", vec![]).await);
    assert_eq!(success(&caller.get("/requests").await)["requests"].as_array().unwrap().len(), 2);
    assert_eq!(success(&caller.get("/requests/1").await)["request"]["is_trashed"], true);
    assert_eq!(sandbox.info().items, 2);
    assert_eq!(
        caller.input("PUT", "/requests/1", json!({"request": {"subject": "x"}})).await.status,
        400
    );
    success(&caller.send("PUT", "/requests/1/restore_from_trash", "", vec![]).await);
    success(&caller.send("DELETE", "/requests/2", "", vec![]).await);
    assert_eq!(caller.get("/requests/2").await.status, 404);
    assert_eq!(sandbox.info().items, 2);
    assert!(sandbox.forbid("3", true));
    assert_eq!(caller.get("/requests/3").await.status, 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn links_and_files_hang_on_requests() {
    let (sandbox, caller) = onprem(3).await;
    let link = json!({"link_requests": [{"linked_request": {"id": "2"}, "comments": "same"}]});
    success(&caller.input("POST", "/requests/1/link_requests", link.clone()).await);
    let other = success(&caller.get("/requests/2/link_requests").await);
    assert_eq!(other["link_requests"][0]["linked_request"]["id"], "1");
    success(&caller.input("DELETE", "/requests/1/link_requests", link).await);
    assert!(
        success(&caller.get("/requests/2/link_requests").await)["link_requests"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    let body = b"--B\r\nContent-Disposition: form-data; name=\"input_file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nbytes\r\n--B--\r\n";
    let stored = success(
        &caller
            .send("PUT", "/requests/1/upload", "multipart/form-data; boundary=B", body.to_vec())
            .await,
    );
    let url =
        format!("{}{}", sandbox.base_url(), stored["attachment"]["content_url"].as_str().unwrap());
    assert_eq!(caller.get(&url).await.bytes, b"bytes");
    assert_eq!(
        success(&caller.get("/requests/1/attachments").await)["attachments"][0]["name"],
        "a.txt"
    );
    assert_eq!(sandbox.effects().last().unwrap().op, EffectOp::Attachment);
    sandbox.stop().await;
}

#[tokio::test]
async fn metadata_describes_fields_lookups_and_templates() {
    let (sandbox, caller) = onprem(0).await;
    let meta = success(&caller.get("/requests/_metainfo").await);
    let fields = &meta["metainfo"]["fields"];
    assert_eq!(fields["status"]["lookup_entity"], "status");
    assert_eq!(fields["udf_fields"]["fields"]["udf_char1"]["display_name"], "External Id");
    for path in [
        "statuses",
        "priorities",
        "urgencies",
        "impacts",
        "levels",
        "modes",
        "categories",
        "groups",
        "sites",
        "technicians",
        "users",
        "request_types",
        "request_templates",
    ] {
        let list = success(
            &caller.asked(&format!("/{path}"), json!({"list_info": {"row_count": 100}})).await,
        );
        assert!(!list[path].as_array().unwrap().is_empty(), "{path}");
    }
    let templates = success(&caller.get("/request_templates").await);
    let bug = success(
        &caller
            .get(&format!(
                "/request_templates/{}",
                templates["request_templates"][1]["id"].as_str().unwrap()
            ))
            .await,
    );
    let fields =
        bug["request_template"]["layouts"][0]["sections"][0]["fields"].as_array().unwrap().clone();
    let mandatory: Vec<&str> = fields
        .iter()
        .filter(|field| field["mandatory"] == true)
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert_eq!(mandatory, ["subject", "priority", "category"]);
    sandbox.stop().await;
}

#[tokio::test]
async fn people_edit_and_pages_show_it() {
    let (sandbox, caller) = onprem(2).await;
    let edit = Edit {
        item_id: Some(ItemId::Text("1".into())),
        fields: json!({"subject": "<i>by hand</i>", "status": "On Hold", "technician": "chiara.rossi@demo.example"}).as_object().unwrap().clone(),
        comment: Some("look".into()),
        ..Edit::default()
    };
    sandbox.edit(&edit).unwrap();
    assert!(sandbox.effects().is_empty());
    let read = success(&caller.get("/requests/1").await);
    assert_eq!(read["request"]["technician"]["email_id"], "chiara.rossi@demo.example");
    let page = Caller::nobody(String::new()).get(&sandbox.items()[0].url).await;
    let text = String::from_utf8(page.bytes).unwrap();
    assert!(text.contains("&lt;i&gt;by hand&lt;/i&gt;") && text.contains("look"), "{text}");
    let wrong = Edit {
        fields: json!({"status": "Nope", "subject": "x"}).as_object().unwrap().clone(),
        ..Edit::default()
    };
    assert!(sandbox.edit(&wrong).is_err());
    sandbox.stop().await;
}
