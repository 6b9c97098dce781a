//! The mail channel: a few connections, kept while they are used.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use syncline_domain::ChannelKind;
use syncline_domain::ports::{BoxFuture, Clock};
use syncline_outbound::with_timeout;
use tokio::sync::Semaphore;

use crate::channel::{Channel, SendError, Sent};
use crate::clean::line;
use crate::links::Links;
use crate::mail::config::SmtpConfig;
use crate::mail::explain::{explain, silent};
use crate::mail::letter::{self, Letter};
use crate::mail::session::{Session, Trouble};
use crate::message::Message;
use crate::recipient::{Place, Recipient};

/// Connections at once; many providers allow no more.
const CONNECTIONS: usize = 4;
/// Longest time for one mail, connection and sign-in included.
const SEND_SECS: u64 = 60;
/// A connection rests no longer than this; servers close them after a few minutes.
const IDLE: Duration = Duration::from_secs(60);
/// Mails over one connection; some servers close it, or count it as abuse, after more.
const MAILS_EACH: u32 = 100;
/// Most characters of a server's answer.
const ANSWER: usize = 200;

/// Sends mail through one server.
///
/// Connections are kept here and not in the library's pool: a conversation that is cut off by a time-out must not be
/// used again, or the answers to the next mail would be those to the last.
pub struct MailChannel {
    config: SmtpConfig,
    links: Links,
    clock: Arc<dyn Clock>,
    slots: Semaphore,
    idle: Mutex<Vec<Resting>>,
}

struct Resting {
    session: Session,
    since: Duration,
    mails: u32,
}

/// What a mail server said when it was only asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpCheck {
    /// The name by which it introduced itself.
    pub server: String,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// What it answered to the sign-in, where there was one: code and words.
    pub signed_in: Option<Sent>,
}

impl MailChannel {
    /// Opens no connection yet.
    #[must_use]
    pub fn new(config: SmtpConfig, links: Links, clock: Arc<dyn Clock>) -> Self {
        Self { config, links, clock, slots: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }

    /// The settings in use.
    #[must_use]
    pub const fn config(&self) -> &SmtpConfig {
        &self.config
    }

    /// Connects, signs in and takes leave, without sending anything.
    ///
    /// # Errors
    /// [`SendError`] as a mail would end.
    pub async fn verify(&self) -> Result<SmtpCheck, SendError> {
        let talk = async {
            let session = Session::open(&self.config).await?;
            let check = SmtpCheck {
                server: line(session.server_name(), ANSWER),
                encrypted: session.is_encrypted(),
                signed_in: session.welcome.as_ref().map(taken),
            };
            session.quit().await;
            Ok(check)
        };
        self.within_time(Box::pin(talk)).await
    }

    async fn send_letter(&self, letter: &Letter) -> Result<Sent, SendError> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        self.within_time(Box::pin(self.hand_over(letter))).await
    }

    /// Dropping `talk` when its time is up closes its connection.
    async fn within_time<T>(
        &self,
        talk: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, SendError> {
        let limit = Duration::from_secs(SEND_SECS);
        match with_timeout(self.clock.as_ref(), limit, talk).await {
            Ok(outcome) => outcome.map_err(|trouble| explain(&self.config, &trouble)),
            Err(_) => Err(silent(&self.config, SEND_SECS)),
        }
    }

    async fn hand_over(&self, letter: &Letter) -> Result<Sent, Trouble> {
        let mut resting = self.connection().await?;
        let outcome = resting.session.deliver(letter).await;
        let reusable = match &outcome {
            Ok(_) => true,
            Err(Trouble::Smtp(_, error)) if error.status().is_some() => {
                resting.session.reset().await
            }
            Err(_) => false,
        };
        resting.mails += 1;
        if reusable && resting.mails < MAILS_EACH {
            resting.since = self.clock.monotonic();
            self.lock().push(resting);
        }
        outcome.map(|response| taken(&response))
    }

    /// A connection that rested and still lives, or a new one.
    async fn connection(&self) -> Result<Resting, Trouble> {
        let now = self.clock.monotonic();
        loop {
            let Some(mut resting) = self.lock().pop() else {
                let session = Session::open(&self.config).await?;
                return Ok(Resting { session, since: now, mails: 0 });
            };
            if now.saturating_sub(resting.since) < IDLE && resting.session.is_alive().await {
                return Ok(resting);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Resting>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel for MailChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Email
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        to: &'a Recipient,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Sent, SendError>> {
        Box::pin(async move {
            let Place::Mailbox(address) = to.place() else {
                return Err(SendError::permanent("the address of a webhook is no mail address"));
            };
            let now = self.clock.now();
            let letter = letter::write(message, &self.links, &self.config.from, address, key, now)
                .map_err(|error| SendError::permanent(format!("no mail can be made: {error}")))?;
            self.send_letter(&letter).await
        })
    }
}

fn taken(response: &lettre::transport::smtp::response::Response) -> Sent {
    let words: Vec<&str> = response.message().collect();
    Sent { code: Some(response.code().into()), answer: line(&words.join(" "), ANSWER) }
}
