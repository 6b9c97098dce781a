//! The server: listener in, running server out.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App as HttpApp, HttpServer, web};
use syncline_app::App;
use syncline_domain::ports::Rng;
use utoipa::OpenApi as _;
use utoipa_actix_web::AppExt as _;
use utoipa_swagger_ui::SwaggerUi;

use std::sync::Arc;

use crate::connections::{Connections, MOST};
use crate::events::EventHub;
use crate::layer;
use crate::openapi::{Document, Frame, finished};
use crate::pages;
use crate::routes;
use crate::tries::Tries;

/// What the handlers share.
#[derive(Clone)]
pub struct ApiState {
    /// The use cases.
    pub app: App,
    /// Progress of runs.
    pub events: EventHub,
    /// The server is bound to loopback and its public address is, too: then a laptop needs no key.
    pub anonymous_possible: bool,
    /// Names requests.
    pub rng: Arc<dyn Rng>,
}

/// How the server runs.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Threads that serve requests.
    pub workers: usize,
    /// How long open requests may take after a stop was asked for.
    pub drain: Duration,
}

/// Starts serving on a bound listener. Signals are the caller's business.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    state: ApiState,
    options: ServerOptions,
) -> std::io::Result<Server> {
    let state = Data::new(state);
    let document = Data::new(Document::default());
    let tries = Data::new(Tries::new());
    let connections = Connections::default();
    let server = HttpServer::new(move || {
        HttpApp::new()
            .app_data(state.clone())
            .app_data(tries.clone())
            .app_data(document.clone())
            // Before the API's scope, which answers for everything below it.
            .service(web::redirect("/api/docs", "/api/docs/"))
            .service(
                SwaggerUi::new("/api/docs/{_:.*}")
                    .config(utoipa_swagger_ui::Config::from("/api/openapi.json")),
            )
            .configure(pages::all)
            .configure(routes::all)
            .default_service(web::route().to(routes::not_found))
            .wrap(from_fn(layer::around))
    })
    .workers(options.workers)
    .shutdown_timeout(options.drain.as_secs())
    .client_request_timeout(Duration::from_secs(5))
    // Counted for each worker by the framework.
    .max_connections(MOST.div_ceil(options.workers.max(1)))
    .on_connect(move |stream, kept| connections.meet(stream, kept))
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

/// The OpenAPI document of every route.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, spec) = HttpApp::new()
        .into_utoipa_app()
        .openapi(Frame::openapi())
        .configure(routes::documented)
        .split_for_parts();
    finished(spec)
}
