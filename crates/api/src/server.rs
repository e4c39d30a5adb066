//! The server: routes, limits, the documentation page, a stop that lets requests finish.

use crate::addresses::{self, Addresses};
use crate::budget::{Budgets, Limits};
use crate::error_reference::read_error_reference;
use crate::events::Events;
use crate::problem::ApiError;
use crate::{State, body, openapi, request_id, routes};
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, middleware, web};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;
use vocab::{Code, Problem};

/// Requests at the same time that take a whole file in memory or write a whole archive.
const HEAVY_AT_ONCE: usize = 2;

/// How the server listens.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address to bind; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that run use cases; near the size of the connection pool, so that a full pool makes
    /// requests wait in order.
    pub blocking_threads: usize,
    /// Request budgets.
    pub limits: Limits,
    /// How long a body may take, and a pause within an uploaded file.
    pub body_patience: Duration,
    /// Proxies whose `X-Forwarded-For` says who asks, for the budgets by address.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
            blocking_threads: 4,
            limits: Limits::default(),
            body_patience: body::PATIENCE,
            trusted_proxies: Vec::new(),
        }
    }
}

/// A server that has begun to listen.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    /// Stops it.
    pub handle: ServerHandle,
    /// Ends when the server has stopped.
    pub server: actix_web::dev::Server,
}

/// Binds and begins to serve; await [`Running::server`] to go on until it stops.
pub fn start(app: app::App, options: &Options) -> std::io::Result<Running> {
    let listener = TcpListener::bind(options.listen)?;
    let address = listener.local_addr()?;
    let document = openapi::document();
    let state = State {
        app,
        budgets: Arc::new(Budgets::new(options.limits)),
        events: Events::default(),
        heavy: Arc::new(Semaphore::new(HEAVY_AT_ONCE)),
        body_patience: options.body_patience,
        trusted_proxies: options.trusted_proxies.clone().into(),
        addresses: Arc::new(Addresses::of(&document)),
    };
    let threads = options.blocking_threads.max(1);
    let server = HttpServer::new(move || {
        App::new()
            .wrap(middleware::from_fn(addresses::refuse_unknown_parameters))
            .wrap(middleware::from_fn(request_id::middleware))
            .app_data(web::Data::new(state.clone()))
            .into_utoipa_app()
            .configure(routes::configure)
            .into_app()
            .route("/docs/errors", web::get().to(read_error_reference))
            .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document.clone()))
            .service(web::redirect("/docs", "/docs/"))
            .default_service(web::to(nothing_here))
    })
    // Each worker has its own blocking pool.
    .workers(2)
    .worker_max_blocking_threads(threads.div_ceil(2))
    .client_request_timeout(Duration::from_secs(15))
    .keep_alive(Duration::from_secs(60))
    .shutdown_timeout(20)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(Running { address, handle: server.handle(), server })
}

async fn nothing_here(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    if let Some(allowed) = state.addresses.allowed(request.path()) {
        let detail = format!("this address takes {allowed}");
        return Err(Problem::new(Code::MethodNotAllowed, detail).with("allow", allowed).into());
    }
    Err(Problem::new(Code::NotFound, "there is nothing at this address").into())
}
