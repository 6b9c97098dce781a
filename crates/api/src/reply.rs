//! The one form of every success.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, Responder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::status;

/// What a handler answers.
pub(crate) type Answer<T> = Result<Reply<T>, ApiError>;

/// A success: `success: true`, the fields of `T`, and warnings where there are any.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reply<T> {
    /// Always true.
    success: bool,
    #[serde(flatten)]
    body: T,
    /// What was ignored or looks odd.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
    #[serde(skip)]
    #[schema(ignore)]
    code: u16,
}

/// Nothing but success.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    /// What was done.
    pub(crate) message: String,
}

impl Done {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl<T> Reply<T> {
    /// Answers 200.
    pub(crate) fn new(body: T) -> Self {
        Self { success: true, body, warnings: Vec::new(), code: status::OK.as_u16() }
    }

    /// Answers 201.
    pub(crate) fn created(body: T) -> Self {
        Self { code: status::CREATED.as_u16(), ..Self::new(body) }
    }

    /// Answers 202.
    pub(crate) fn accepted(body: T) -> Self {
        Self { code: status::ACCEPTED.as_u16(), ..Self::new(body) }
    }

    /// Adds warnings.
    pub(crate) fn warn(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// The status code.
    pub(crate) const fn code(&self) -> u16 {
        self.code
    }
}

impl<T: Serialize> Responder for Reply<T> {
    type Body = BoxBody;

    fn respond_to(self, _req: &HttpRequest) -> HttpResponse {
        let code = StatusCode::from_u16(self.code).unwrap_or(status::OK);
        HttpResponse::build(code).json(self)
    }
}
