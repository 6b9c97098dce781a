//! Health, the OpenAPI document, and paths that lead nowhere.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::error::ApiError;
use crate::openapi::Document;
use crate::status;

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, `unavailable` or `draining`
    status: String,
    timestamp: String,
    version: String,
}

fn health_of(state: &ApiState, word: &str) -> Health {
    Health {
        status: word.to_owned(),
        timestamp: state.app.now().to_iso(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

async fn judged(state: &ApiState) -> HttpResponse {
    if state.app.runs().is_closing() {
        return HttpResponse::build(status::UNAVAILABLE.1).json(health_of(state, "draining"));
    }
    match state.app.store().ready().await {
        Ok(()) => HttpResponse::Ok().json(health_of(state, "ok")),
        Err(fault) => {
            log::warn!("not ready: {fault}");
            HttpResponse::build(status::UNAVAILABLE.1).json(health_of(state, "unavailable"))
        }
    }
}

/// Say how the server is, with the database checked
#[utoipa::path(tag = "System", security(()), responses((status = 200, body = Health), (status = 503, body = Health)))]
#[get("/health")]
pub(crate) async fn health(state: Data<ApiState>) -> impl Responder {
    judged(&state).await
}

/// Say that the process lives
#[utoipa::path(tag = "System", security(()), responses((status = 200, body = Health)))]
#[get("/healthz")]
pub(crate) async fn healthz(state: Data<ApiState>) -> impl Responder {
    HttpResponse::Ok().json(health_of(&state, "ok"))
}

/// Say whether the server takes work: database there, migrated, not draining
#[utoipa::path(tag = "System", security(()), responses((status = 200, body = Health), (status = 503, body = Health)))]
#[get("/readyz")]
pub(crate) async fn readyz(state: Data<ApiState>) -> impl Responder {
    judged(&state).await
}

/// Read this document
#[utoipa::path(tag = "System", security(()), responses((status = 200, body = serde_json::Value)))]
#[get("/openapi.json")]
pub(crate) async fn openapi_json(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.json())
}

/// A path that leads nowhere, or a method that a path does not know.
pub(crate) async fn not_found(
    req: HttpRequest,
    document: Data<Document>,
) -> Result<HttpResponse, ApiError> {
    let methods = document.methods_of(req.path());
    if methods.is_empty() {
        let path: String = req.path().chars().take(200).collect();
        let text = format!("there is nothing at {path}; the routes are at /api/docs/");
        return Err(ApiError::new(status::NOT_FOUND, text));
    }
    let allow = methods.join(", ");
    let text = format!("{} is not possible here; use {allow}", req.method());
    Err(ApiError::new(status::METHOD_NOT_ALLOWED, text).allow(allow))
}
