//! Ids in paths.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use syncline_domain::Fault;

use crate::error::ApiError;

/// The first id of a path.
pub(crate) struct Id<T>(pub(crate) T);

/// The first and the second id of a path.
pub(crate) struct Ids<A, B>(pub(crate) A, pub(crate) B, PhantomData<(A, B)>);

/// Reads an id.
pub(crate) fn parse<T: From<i64>>(name: &str, text: &str) -> Result<T, ApiError> {
    match text.parse::<i64>() {
        Ok(id) if id > 0 && !text.starts_with('+') => Ok(T::from(id)),
        _ => Err(Fault::invalid(
            name,
            format!(
                "{:?} is no id; use a whole number above 0",
                text.chars().take(40).collect::<String>()
            ),
        )
        .into()),
    }
}

fn nth<T: From<i64>>(req: &HttpRequest, n: usize) -> Result<T, ApiError> {
    let part = req.match_info().iter().nth(n);
    let (name, text) = part.unwrap_or(("id", ""));
    parse(name, text)
}

impl<T: From<i64>> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(nth(req, 0).map(Self))
    }
}

impl<A: From<i64>, B: From<i64>> FromRequest for Ids<A, B> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let both = nth(req, 0).and_then(|a| nth(req, 1).map(|b| Self(a, b, PhantomData)));
        ready(both)
    }
}
