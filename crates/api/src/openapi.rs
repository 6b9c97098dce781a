//! The OpenAPI document, made from the handlers, and what it knows of paths.

use std::sync::OnceLock;

use actix_router::ResourceDef;
use actix_web::web::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Spec, PathItem};

use crate::server::openapi;

/// The frame into which the handlers' own documentation goes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Syncline",
        description = "Keeps work items in step between trackers.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    security(("key" = []), ())
)]
pub(crate) struct Frame;

/// The document as it is served, with a table of its paths. Made when somebody first asks: most servers are never asked,
/// and making it takes several megabytes.
#[derive(Default)]
pub(crate) struct Document(OnceLock<Made>);

struct Made {
    json: Bytes,
    paths: Vec<(ResourceDef, Vec<&'static str>)>,
}

impl Made {
    /// From the collected document.
    fn new(spec: &Spec) -> Self {
        let paths = spec
            .paths
            .paths
            .iter()
            .map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item)))
            .collect();
        Self { json: spec.to_json().unwrap_or_default().into(), paths }
    }
}

impl Document {
    fn made(&self) -> &Made {
        self.0.get_or_init(|| Made::new(&openapi()))
    }

    /// The document itself, as JSON.
    pub(crate) fn json(&self) -> Bytes {
        self.made().json.clone()
    }

    /// The methods that a path knows; none when there is no such path.
    pub(crate) fn methods_of(&self, path: &str) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = self
            .made()
            .paths
            .iter()
            .filter(|(pattern, _)| pattern.is_match(path))
            .flat_map(|(_, methods)| methods.iter().copied())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Adds what the handlers cannot say of themselves.
pub(crate) fn finished(mut spec: Spec) -> Spec {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    spec.components
        .get_or_insert_with(Default::default)
        .add_security_scheme("key", SecurityScheme::Http(scheme));
    for item in spec.paths.paths.values_mut() {
        let known = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in known.into_iter().flatten() {
            let all = &mut operation.responses.responses;
            if let Some(failure) = all.get("4XX").cloned() {
                all.insert("5XX".to_owned(), failure);
            }
        }
    }
    spec
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let known = [
        ("GET", item.get.is_some()),
        ("HEAD", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    known.into_iter().filter_map(|(method, there)| there.then_some(method)).collect()
}
