//! The document in the repository is the one that is served.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::House;

/// Set to write the file anew.
const UPDATE: &str = "SYNCLINE_UPDATE";

#[tokio::test]
async fn openapi_file_is_the_document_that_is_served() {
    let house = House::new().await;
    let served = house.get("/api/openapi.json").await;
    assert_eq!(served.status, 200);
    let fresh = format!("{:#}\n", served.json());
    let file: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "openapi.json"].iter().collect();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == fresh,
        "docs/openapi.json is not what the handlers say; refresh it with\n  \
         {UPDATE}=1 cargo test -p syncline-api --test http openapi_file\nand look the change over"
    );
}

#[tokio::test]
async fn the_document_says_what_a_client_needs() {
    let house = House::new().await;
    let document = &house.contract.document;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for (method, path, operation) in house.contract.operations() {
        let name = format!("{method} {path}");
        assert!(
            operation["summary"].as_str().is_some_and(|text| text.len() > 5),
            "{name} has no summary"
        );
        assert!(operation["operationId"].is_string(), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
        if path.starts_with("/api/") && path != "/api/openapi.json" {
            assert!(responses.contains_key("4XX") && responses.contains_key("5XX"), "{name}");
        }
        let in_path = operation["parameters"].as_array().cloned().unwrap_or_default();
        let described = in_path.iter().filter(|one| one["in"] == "path").count();
        assert_eq!(described, path.matches('{').count(), "{name} describes its path");
        assert_unique_refs(document, &operation, &name);
    }
}

/// Every `$ref` leads somewhere.
fn assert_unique_refs(document: &Value, part: &Value, name: &str) {
    match part {
        Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                let pointer = target.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{name}: {target} leads nowhere");
            }
            map.values().for_each(|inner| assert_unique_refs(document, inner, name));
        }
        Value::Array(parts) => {
            parts.iter().for_each(|inner| assert_unique_refs(document, inner, name))
        }
        _ => {}
    }
}
