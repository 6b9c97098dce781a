//! The ceiling: two workers, a signature, one delivery row and one job row in SQLite with `synchronous=FULL` and group
//! commit, and nothing else. It knows no duplicates, no limits and no webhooks.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;

use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use diesel::connection::SimpleConnection as _;
use diesel::result::QueryResult;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection as _, RunQueryDsl as _};
use ring::hmac;
use tokio::sync::{mpsc, oneshot};

use super::load::{SIGNATURE, name_of};
use super::statement::{DELIVERIES, Delivery, JOBS, JobOfLast};

/// The most deliveries of one commit.
const BATCH: usize = 256;

/// A delivery that waits for its commit.
struct Waiting {
    body: Bytes,
    answer: oneshot::Sender<bool>,
}

struct State {
    key: hmac::Key,
    queue: mpsc::Sender<Waiting>,
}

/// Serves until standard input ends. `args`: the database file, the secret. Says its port.
pub(crate) fn serve(args: &[String]) -> anyhow::Result<()> {
    let [file, secret] = args else { anyhow::bail!("a file and a secret, please") };
    let db = open(Path::new(file))?;
    let (queue, waiting) = mpsc::channel(1_024);
    std::thread::Builder::new().name("writer".to_owned()).spawn(move || write(db, waiting))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let state =
        Data::new(State { key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), queue });
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new().app_data(state.clone()).default_service(web::post().to(receive))
        })
        .workers(2)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);
        crate::child::tell(&serde_json::json!({ "port": port }))?;
        actix_web::rt::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))
            .await??;
        handle.stop(false).await;
        Ok(serving.await??)
    })
}

async fn receive(request: HttpRequest, body: Bytes, state: Data<State>) -> HttpResponse {
    let given = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok());
    let mac = given.and_then(|text| hex::decode(text.strip_prefix("sha256=")?).ok());
    if mac.is_none_or(|mac| hmac::verify(&state.key, &body, &mac).is_err()) {
        return HttpResponse::Unauthorized().finish();
    }
    let (answer, answered) = oneshot::channel();
    let handed = state.queue.send(Waiting { body, answer }).await;
    match answered.await {
        Ok(true) if handed.is_ok() => HttpResponse::Accepted().body("{\"success\":true}"),
        _ => HttpResponse::ServiceUnavailable().finish(),
    }
}

fn open(file: &Path) -> anyhow::Result<SqliteConnection> {
    let mut db = SqliteConnection::establish(file.to_str().context("an odd path")?)?;
    db.batch_execute(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
         CREATE TABLE deliveries (id INTEGER PRIMARY KEY, {DELIVERIES}); \
         CREATE TABLE jobs (id INTEGER PRIMARY KEY, {JOBS})"
    ))?;
    Ok(db)
}

fn write(mut db: SqliteConnection, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut at_us = 0;
    while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
        let done = db.transaction(|db| batch.iter().try_for_each(|one| store(db, one, &mut at_us)));
        for one in batch.drain(..) {
            // Whoever went away needs no answer.
            let _gone = one.answer.send(done.is_ok());
        }
    }
}

fn store(db: &mut SqliteConnection, one: &Waiting, at_us: &mut i64) -> QueryResult<()> {
    *at_us += 1;
    let payload = String::from_utf8_lossy(&one.body);
    let name = name_of(&payload);
    Delivery { name, payload: &payload, at_us: *at_us }.execute(db)?;
    JobOfLast { at_us: *at_us }.execute(db)?;
    Ok(())
}
