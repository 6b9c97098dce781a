//! What every handler takes first: the use cases, who calls, and the query string.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use syncline_app::{App, Caller};

use crate::ApiState;
use crate::door;
use crate::error::ApiError;
use crate::params::Params;
use crate::request_id::request_id;

/// A request that was let in.
pub(crate) struct Call {
    pub(crate) state: Data<ApiState>,
    pub(crate) caller: Caller,
    params: RefCell<Params>,
    path: String,
    method: String,
    idempotency_key: Option<String>,
}

impl Call {
    pub(crate) fn app(&self) -> &App {
        &self.state.app
    }

    /// Reads the query string; the warnings are about unknown parameters.
    pub(crate) fn query<T>(
        &self,
        read: impl FnOnce(&mut Params) -> T,
    ) -> Result<(T, Vec<String>), ApiError> {
        let mut params = self.params.borrow_mut();
        let value = read(&mut params);
        let warnings = params.finish()?;
        Ok((value, warnings))
    }

    /// For routes that take no parameters: warnings about any that came.
    pub(crate) fn no_query(&self) -> Result<Vec<String>, ApiError> {
        self.query(|_| ()).map(|((), warnings)| warnings)
    }

    /// The client's `Idempotency-Key`.
    pub(crate) fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Who asks where: the scope within which an idempotency key is unique.
    pub(crate) fn idempotency_scope(&self) -> String {
        format!("{} {} {}", self.caller.actor, self.method, self.path)
    }
}

impl FromRequest for Call {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let Some(state) = req.app_data::<Data<ApiState>>().cloned() else {
                return Err(syncline_domain::Fault::Internal("no state".to_owned()).into());
            };
            let known = req.extensions_mut().remove::<Caller>();
            let mut caller = match known {
                Some(caller) => caller,
                None => door::let_in(&state, &req).await?,
            };
            caller.request_id = Some(request_id(&req));
            let header = |name: &str| {
                req.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
            };
            Ok(Self {
                caller,
                params: RefCell::new(Params::new(req.query_string())),
                path: req.path().to_owned(),
                method: req.method().to_string(),
                idempotency_key: header("idempotency-key").filter(|key| !key.is_empty()),
                state,
            })
        })
    }
}
