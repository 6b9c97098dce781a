//! Azure DevOps answers against the published specification.
#![allow(clippy::as_conversions, reason = "tests")]

use crate::support::{Caller, Spec, adds, options};
use serde_json::json;
use syncline_sandbox::AzureDevOps;

#[tokio::test]
async fn lists_fit_the_published_definitions() {
    let sandbox = AzureDevOps::start(options(30)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let spec = Spec::read();
    for (path, name) in [
        ("/_apis/projects?api-version=7.1", "TeamProjectReference"),
        ("/Webshop/_apis/wit/workitemtypes?api-version=7.1", "WorkItemType"),
        (
            "/Webshop/_apis/wit/workitemtypes/User%20Story/states?api-version=7.1",
            "WorkItemStateColor",
        ),
        (
            "/Webshop/_apis/wit/workitemtypes/Bug/fields?$expand=all&api-version=7.1",
            "WorkItemTypeFieldWithReferences",
        ),
        ("/Webshop/_apis/wit/workitemtypecategories?api-version=7.1", "WorkItemTypeCategory"),
        ("/_apis/wit/fields?api-version=7.1", "WorkItemField2"),
        ("/_apis/wit/workitemrelationtypes?api-version=7.1", "WorkItemRelationType"),
        ("/Webshop/_apis/wit/tags?api-version=7.1", "WorkItemTagDefinition"),
        (
            "/Webshop/_apis/wit/classificationnodes?$depth=3&api-version=7.1",
            "WorkItemClassificationNode",
        ),
        ("/_apis/wit/workitems?ids=1,2,3&$expand=all&api-version=7.1", "WorkItem"),
        ("/_apis/wit/workItems/2/updates?api-version=7.1", "WorkItemUpdate"),
        ("/_apis/wit/workItems/2/revisions?$expand=fields&api-version=7.1", "WorkItem"),
    ] {
        spec.check_list(name, &caller.get(path).await.ok());
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn single_answers_fit_the_published_definitions() {
    let sandbox = AzureDevOps::start(options(12)).await.unwrap();
    let caller = Caller::azure(&sandbox);
    let spec = Spec::read();
    for (path, name) in [
        ("/_apis/wit/workitems/1?$expand=all&api-version=7.1", "WorkItem"),
        ("/_apis/wit/workitems/1?fields=System.Id,System.Title&api-version=7.1", "WorkItem"),
        ("/_apis/projects/Webshop?api-version=7.1", "TeamProject"),
        ("/_apis/wit/fields/System.Title?api-version=7.1", "WorkItemField2"),
        (
            "/Webshop/_apis/wit/classificationnodes/Areas/Search?api-version=7.1",
            "WorkItemClassificationNode",
        ),
        (
            "/Webshop/_apis/wit/reporting/workitemrevisions?includeDeleted=true&api-version=7.1",
            "ReportingWorkItemRevisionsBatch",
        ),
    ] {
        spec.check(name, &caller.get(path).await.ok());
    }
    let query = "SELECT [System.Id], [System.Title] FROM WorkItems WHERE [System.Id] > 0 ORDER BY [System.Title] DESC";
    spec.check("WorkItemQueryResult", &caller.wiql(query, "").await.ok());

    let made = caller
        .create("Bug", adds(&[("System.Title", json!("fresh")), ("System.Tags", json!("a; b"))]))
        .await
        .ok();
    spec.check("WorkItem", &made);
    let id = made["id"].as_u64().unwrap();
    let changed = caller.patch(&format!("/_apis/wit/workitems/{id}?api-version=7.1"), json!([
        {"op": "test", "path": "/rev", "value": 1},
        {"op": "add", "path": "/relations/-", "value": {"rel": "System.LinkTypes.Related", "url": format!("{}/_apis/wit/workItems/1", caller.base), "attributes": {"comment": "see"}}},
    ])).await.ok();
    spec.check("WorkItem", &changed);

    let comments = format!("/Webshop/_apis/wit/workItems/{id}/comments");
    let said = caller
        .post(&format!("{comments}?api-version=7.1-preview.4"), json!({"text": "hello"}))
        .await
        .ok();
    spec.check("Comment", &said);
    let list = caller
        .get(&format!("{comments}?$expand=renderedText&api-version=7.1-preview.4"))
        .await
        .ok();
    spec.check("CommentList", &list);
    assert_eq!(list["comments"][0]["renderedText"], "hello");

    let upload = "/Webshop/_apis/wit/attachments?fileName=a%20b.txt&api-version=7.1";
    let file =
        caller.send("POST", upload, "application/octet-stream", b"bytes".to_vec()).await.ok();
    spec.check("AttachmentReference", &file);
    assert_eq!(caller.get(file["url"].as_str().unwrap()).await.bytes, b"bytes");

    let gone = caller
        .send("DELETE", &format!("/_apis/wit/workitems/{id}?api-version=7.1"), "", vec![])
        .await
        .ok();
    spec.check("WorkItemDelete", &gone);
    let bin = caller.get(&format!("/Webshop/_apis/wit/recyclebin/{id}?api-version=7.1")).await.ok();
    spec.check("WorkItemDelete", &bin);
    let listed = caller.get("/Webshop/_apis/wit/recyclebin?api-version=7.1").await.ok();
    spec.check_list("WorkItemDeleteShallowReference", &listed);
    sandbox.stop().await;
}
