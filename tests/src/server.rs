//! The program as a server that may be killed, frozen and started again.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How much of a log is kept for whoever has to find out what went wrong.
const LINES: usize = 4_000;

/// Longer than anything here takes, on a slow machine; only what went wrong takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server process. It ends with this value.
pub struct Server {
    child: Child,
    log: Arc<Mutex<VecDeque<String>>>,
    heard: watch::Receiver<Heard>,
}

/// What a server's log has said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Heard {
    lines: usize,
    address: Option<String>,
    ended: bool,
}

impl Server {
    /// Starts a command that logs to its standard error, which must be piped. Answers at once: see
    /// [`Server::address`].
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (tell, heard) = watch::channel(Heard::default());
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let address = address_in(&line);
                let mut log = kept.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_back(line);
                if log.len() > LINES {
                    log.pop_front();
                }
                drop(log);
                tell.send_modify(|heard| {
                    heard.lines += 1;
                    heard.address = address.or(heard.address.take());
                });
            }
            tell.send_modify(|heard| heard.ended = true);
        });
        Self { child, log, heard }
    }

    /// `http://host:port`, as soon as it listens there; `None` when it ended before.
    ///
    /// # Panics
    /// When neither happens for a minute.
    pub async fn address(&self) -> Option<String> {
        let heard = self.until("listens", |heard| heard.address.is_some() || heard.ended).await;
        heard.address
    }

    /// Waits until its process has ended, by itself or by a kill.
    ///
    /// # Panics
    /// When that does not happen for a minute.
    pub async fn ended(&mut self) -> ExitStatus {
        self.until("ends", |heard| heard.ended).await;
        self.child.wait().unwrap()
    }

    /// As [`Server::ended`], within this time; `None` when it goes on.
    pub async fn ended_within(&mut self, span: Duration) -> Option<ExitStatus> {
        timeout(span, self.ended()).await.ok()
    }

    /// Waits until its log has a line with these words in it.
    ///
    /// # Panics
    /// When that does not happen for a minute.
    pub async fn says(&self, words: &str) {
        self.until(words, |_| self.has_said(words)).await;
    }

    /// Whether its log has a line with these words in it.
    #[must_use]
    pub fn has_said(&self, words: &str) -> bool {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().any(|line| line.contains(words))
    }

    /// The end of its log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let last: Vec<&str> = log.iter().rev().take(60).rev().map(String::as_str).collect();
        last.join("\n")
    }

    /// Kills it, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Stops it where it is: it gets no time until [`Server::thaw`].
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Asks it to end in peace.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status();
        assert!(done.unwrap().success(), "cannot send {name} to {pid}");
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Heard) -> bool) -> Heard {
        let mut heard = self.heard.clone();
        let found = async {
            loop {
                let now = heard.borrow_and_update().clone();
                if is_so(&now) {
                    return now;
                }
                assert!(!now.ended, "the server ended before it {what}:\n{}", self.log());
                drop(heard.changed().await);
            }
        };
        let found = timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("no server that {what}:\n{}", self.log()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `listening on 127.0.0.1:34567; ...`
fn address_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    let (address, _) = rest.split_once(';')?;
    Some(format!("http://{address}"))
}
