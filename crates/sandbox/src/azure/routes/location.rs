//! What clients ask first: resource locations, resource areas, the connection, projects.

use serde_json::{Value, json};

use super::{Cx, list, one};
use crate::azure::access;
use crate::azure::errors::{Answer, no_project};
use crate::shared::http::Reply;
use crate::shared::people::SERVICE;
use crate::shared::text::{guid, short_iso};

/// Id, area, resource, route and preview number, as the official clients know them.
const LOCATIONS: &[(&str, &str, &str, &str, u8)] = &[
    ("00d9565f-ed9c-4a06-9a50-00e7896ccab4", "Location", "ConnectionData", "_apis/{resource}", 1),
    (
        "e81700f7-3be2-46de-8624-2eb35882fcaa",
        "Location",
        "ResourceAreas",
        "_apis/{resource}/{areaId}",
        1,
    ),
    (
        "603fe2ac-9723-48b9-88ad-09305aa6c6e1",
        "core",
        "projects",
        "_apis/{resource}/{*projectId}",
        4,
    ),
    (
        "62d3d110-0047-428c-ad3c-4fe872c91c74",
        "wit",
        "workItems",
        "{project}/_apis/{area}/{resource}/${type}",
        3,
    ),
    (
        "72c7ddf8-2cdc-4f60-90cd-ab71c14a399b",
        "wit",
        "workItems",
        "{project}/_apis/{area}/{resource}/{id}",
        3,
    ),
    (
        "908509b6-4248-4475-a1cd-829139ba419f",
        "wit",
        "workItemsBatch",
        "{project}/_apis/{area}/{resource}",
        1,
    ),
    (
        "8bc57545-27e5-420d-b709-f6e3ebcc1fc1",
        "wit",
        "workItemsDelete",
        "{project}/_apis/{area}/{resource}",
        1,
    ),
    (
        "1a9c53f7-f243-4447-b110-35ef023636e4",
        "wit",
        "wiql",
        "{project}/{team}/_apis/{area}/{resource}",
        2,
    ),
    (
        "608aac0a-32e1-4493-a863-b9cf4566d257",
        "wit",
        "comments",
        "{project}/_apis/{area}/workItems/{workItemId}/{resource}/{commentId}",
        4,
    ),
    (
        "b51fd764-e5c2-4b9b-aaf7-3395cf4bdd94",
        "wit",
        "fields",
        "{project}/_apis/{area}/{resource}/{fieldNameOrRefName}",
        3,
    ),
    (
        "7c8d7a76-4a09-43e8-b5df-bd792f4ac6aa",
        "wit",
        "workItemTypes",
        "{project}/_apis/{area}/{resource}/{type}",
        2,
    ),
    (
        "bd293ce5-3d25-4192-8e67-e8092e879efb",
        "wit",
        "fields",
        "{project}/_apis/{area}/workItemTypes/{type}/{resource}/{field}",
        3,
    ),
    (
        "7c9d7a76-4a09-43e8-b5df-bd792f4ac6aa",
        "wit",
        "states",
        "{project}/_apis/{area}/workItemTypes/{type}/{resource}",
        1,
    ),
    (
        "9b9f5734-36c8-415e-ba67-f83b45c31408",
        "wit",
        "workItemTypeCategories",
        "{project}/_apis/{area}/{resource}/{category}",
        2,
    ),
    (
        "f5d33bc9-5b49-4a3c-a9bd-f3cd46dd2165",
        "wit",
        "workItemRelationTypes",
        "_apis/{area}/{resource}/{relation}",
        2,
    ),
    (
        "6570bf97-d02c-4a91-8d93-3abe9895b1a9",
        "wit",
        "updates",
        "{project}/_apis/{area}/workItems/{id}/{resource}/{updateNumber}",
        3,
    ),
    (
        "a00c85a5-80fa-4565-99c3-bcd2181434bb",
        "wit",
        "revisions",
        "{project}/_apis/{area}/workItems/{id}/{resource}/{revisionNumber}",
        3,
    ),
    (
        "b70d8d39-926c-465e-b927-b1bf0e5ca0e0",
        "wit",
        "recycleBin",
        "{project}/_apis/{area}/{resource}/{id}",
        2,
    ),
    (
        "bc15bc60-e7a8-43cb-ab01-2106be3983a1",
        "wit",
        "tags",
        "{project}/_apis/{area}/{resource}/{tagIdOrName}",
        1,
    ),
    (
        "e07b5fa4-1499-494d-a496-64b860fd64ff",
        "wit",
        "attachments",
        "{project}/_apis/{area}/{resource}/{id}",
        3,
    ),
    (
        "a70579d1-f53a-48ee-a5be-7be8659023b9",
        "wit",
        "classificationNodes",
        "{project}/_apis/{area}/{resource}",
        2,
    ),
    (
        "5a172953-1b41-49d3-840a-33f79c3ce89f",
        "wit",
        "classificationNodes",
        "{project}/_apis/{area}/{resource}/{structureGroup}/{*path}",
        2,
    ),
    (
        "f828fe59-dd87-495d-a17c-7a8d6211ca6c",
        "wit",
        "workItemRevisions",
        "{project}/_apis/{area}/reporting/{resource}",
        2,
    ),
];

/// Id and name of each resource area; all live at the collection's address.
const AREAS: &[(&str, &str)] = &[
    ("5264459e-e5e0-4bd8-b118-0985e68a4ec5", "wit"),
    ("79134c72-4a58-4b42-976c-04e7115f32bf", "core"),
];

/// Answers the calls that come before all others; `None`: this is none of them.
pub(crate) fn open(cx: &Cx<'_>, method: &str, head: &str, rest: &[&str]) -> Answer<Option<Reply>> {
    let (area, name) = head.split_once('/').unwrap_or((head, ""));
    let reply = match (method, area, name) {
        ("OPTIONS", ..) => locations(),
        ("GET", "resourceareas", "") => {
            list(AREAS.iter().map(|area| resource_area(cx, area)).collect())
        }
        ("GET", "resourceareas", id) => match AREAS.iter().find(|area| area.0 == id) {
            Some(area) => one(&resource_area(cx, area))?,
            None => one(&Value::Null)?,
        },
        ("GET", "connectiondata", _) => {
            if access::version(cx.request)?.is_some() {
                access::preview(cx.request)?;
            }
            connection(cx)
        }
        ("GET", "projects", "") => {
            access::released(cx.request)?;
            projects(cx)
        }
        ("GET", "projects", name) if rest.is_empty() => {
            access::released(cx.request)?;
            match cx.site.is_project(name) {
                true => one(&project(cx))?,
                false => return Err(no_project(name)),
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(reply))
}

fn locations() -> Reply {
    let one = |(id, area, resource, route, version): &(&str, &str, &str, &str, u8)| {
        json!({
            "id": id, "area": area, "resourceName": resource, "routeTemplate": route,
            "resourceVersion": version, "minVersion": "1.0", "maxVersion": "7.2", "releasedVersion": "7.1",
        })
    };
    list(LOCATIONS.iter().map(one).collect())
}

fn resource_area(cx: &Cx<'_>, (id, name): &(&str, &str)) -> Value {
    json!({ "id": id, "name": name, "locationUrl": format!("{}/", cx.site.collection) })
}

fn connection(cx: &Cx<'_>) -> Reply {
    let shown = cx.site.identity(SERVICE);
    let mail = shown.get("uniqueName").cloned().unwrap_or_default();
    let me = json!({
        "id": shown.get("id"),
        "descriptor": format!("Microsoft.IdentityModel.Claims.ClaimsIdentity;{}", mail.as_str().unwrap_or("")),
        "subjectDescriptor": shown.get("descriptor"),
        "providerDisplayName": shown.get("displayName"),
        "isActive": true,
        "properties": { "Account": { "$type": "System.String", "$value": mail } },
        "resourceVersion": 2,
        "metaTypeId": 0,
    });
    Reply::json(
        200,
        &json!({
            "authenticatedUser": me,
            "authorizedUser": me,
            "instanceId": guid("instance"),
            "deploymentId": guid("deployment"),
            "deploymentType": "hosted",
            "locationServiceData": { "serviceOwner": guid("owner"), "defaultAccessMappingMoniker": "PublicAccessMapping", "lastChangeId": 1, "lastChangeId64": 1 },
        }),
    )
}

fn project(cx: &Cx<'_>) -> Value {
    let id = cx.site.project_guid();
    json!({
        "id": id,
        "name": cx.site.options.project,
        "description": "A web shop, its app and its warehouse.",
        "url": format!("{}/_apis/projects/{id}", cx.site.collection),
        "state": "wellFormed",
        "revision": 11,
        "visibility": "private",
        "lastUpdateTime": short_iso(1_735_689_600_000),
    })
}

fn projects(cx: &Cx<'_>) -> Reply {
    let spare = json!({
        "id": guid("project spare"), "name": "Sandbox Empty", "state": "wellFormed", "revision": 3,
        "url": format!("{}/_apis/projects/{}", cx.site.collection, guid("project spare")),
        "visibility": "private", "lastUpdateTime": short_iso(1_735_689_600_000),
    });
    let all = [project(cx), spare];
    let skip =
        cx.request.number("continuationToken").or_else(|| cx.request.number("$skip")).unwrap_or(0);
    let top = cx.request.number("$top").unwrap_or(100);
    let page: Vec<Value> = all.iter().skip(skip).take(top).cloned().collect();
    let next = skip.saturating_add(page.len());
    let reply = list(page);
    if next < all.len() { reply.with("x-ms-continuationtoken", next.to_string()) } else { reply }
}
