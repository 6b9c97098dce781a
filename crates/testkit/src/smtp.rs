//! A real mail server.
//!
//! [`SmtpServer::shared`] starts `tests/trackers/smtp` once for all tests of a process. The server ends when its input
//! does; so it stops and its folder goes when the process ends, even by a kill.
//!
//! ```no_run
//! use syncline_testkit::{SmtpServer, SmtpWay};
//!
//! # fn test() {
//! let Some(server) = SmtpServer::shared() else { return };
//! let port = server.port(SmtpWay::StartTls);
//! // ... send to localhost:port, trusting server.ca_pem(), as server.user() ...
//! let mails = server.mails_to("team@example.com");
//! # let _ = (port, mails);
//! # }
//! ```

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::require::or_skip;

/// Who may sign in.
const USER: &str = "tester";
/// With what. Distinctive, so that a test can look for it where it must not be.
const PASSWORD: &str = "pass-Wort/7+geheim";
/// How often an inbox is looked at while a test waits for a mail.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The server of this process. The process is its owner, since the test harness gives its tests nothing else in common.
static SERVER: Mutex<Option<Arc<SmtpServer>>> = Mutex::new(None);

/// A way to hand in a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpWay {
    /// Neither TLS nor a password.
    Plain,
    /// STARTTLS, then a password.
    StartTls,
    /// TLS from the first byte, then a password.
    Tls,
    /// A password in clear.
    PlainPassword,
}

impl SmtpWay {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::StartTls => "starttls",
            Self::Tls => "smtps",
            Self::PlainPassword => "authplain",
        }
    }
}

/// A mail as the server took it.
#[derive(Clone, Debug)]
pub struct ReceivedMail {
    /// The bytes as they came.
    pub raw: Vec<u8>,
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Whether it came encrypted.
    pub tls: bool,
    /// Who was signed in.
    pub user: Option<String>,
    /// Names and decoded values, in order, as Python's mail parser reads them.
    pub headers: Vec<(String, String)>,
    /// The type of the whole, such as `multipart/alternative`.
    pub content_type: String,
    /// The text part, decoded.
    pub text: Option<String>,
    /// The HTML part, decoded.
    pub html: Option<String>,
}

impl ReceivedMail {
    /// The values of all headers of this name.
    #[must_use]
    pub fn headers_named(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a header.
    ///
    /// # Panics
    /// When it is not there exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        match self.headers_named(name).as_slice() {
            [value] => value,
            other => panic!("{name} is there {} times", other.len()),
        }
    }
}

/// A mail server that this process started. It stops when this value is dropped or the process ends.
pub struct SmtpServer {
    keeper: Child,
    folder: PathBuf,
    ports: BTreeMap<String, u16>,
}

impl SmtpServer {
    /// The server of this process; `None`, said on standard error, when it is not to be had here.
    ///
    /// # Panics
    /// When `SYNCLINE_REQUIRE` names `smtp` and it is not to be had.
    #[must_use]
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.as_ref() {
            return Some(Arc::clone(server));
        }
        match Self::start() {
            Ok(server) => {
                let server = Arc::new(server);
                *shared = Some(Arc::clone(&server));
                Some(server)
            }
            Err(why) => {
                drop(shared);
                or_skip("smtp", &why);
                None
            }
        }
    }

    /// Starts a server of its own.
    ///
    /// # Errors
    /// What is missing or went wrong, in words.
    pub fn start() -> Result<Self, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/trackers/smtp/up.sh");
        let folder = tempfile::Builder::new()
            .prefix("syncline-smtp-")
            .tempdir()
            .map_err(|error| format!("no temporary folder: {error}"))?;
        let mut keeper = Command::new(script)
            .env("FOREGROUND", "1")
            .env("STATE", folder.path())
            .env("SMTP_USER", USER)
            .env("SMTP_PASSWORD", PASSWORD)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: an interrupt from the terminal must not reach it before its input ends.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("its script does not start: {error}"))?;
        let ready = keeper.stdout.take().and_then(ready_line);
        let mut server = Self { keeper, folder: folder.keep(), ports: BTreeMap::new() };
        match ready.as_deref().map(serde_json::from_str) {
            Some(Ok(ports)) => server.ports = ports,
            _ => return Err(server.failure()),
        }
        Ok(server)
    }

    /// The port of a way in; the host is `localhost` or 127.0.0.1.
    #[must_use]
    pub fn port(&self, way: SmtpWay) -> u16 {
        self.ports[way.name()]
    }

    /// The authority that vouches for the server, as PEM.
    ///
    /// # Panics
    /// When the file is gone.
    #[must_use]
    pub fn ca_pem(&self) -> Vec<u8> {
        std::fs::read(self.ca_file()).expect("the authority was written before the server began")
    }

    /// The file with the authority.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Who may sign in.
    #[must_use]
    pub fn user(&self) -> &'static str {
        USER
    }

    /// With what.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// All mails so far, oldest first. A mail is here before its sender hears that it was taken.
    ///
    /// # Panics
    /// When the inbox is not what the server writes.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        let entries = std::fs::read_dir(self.folder.join("inbox")).expect("the inbox is there");
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.expect("the inbox is readable").path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
            .collect();
        files.sort();
        files.iter().map(|file| read_mail(file)).collect()
    }

    /// The mails to this address.
    #[must_use]
    pub fn mails_to(&self, address: &str) -> Vec<ReceivedMail> {
        self.mails().into_iter().filter(|mail| mail.to.iter().any(|to| to == address)).collect()
    }

    /// Resolves with the mails to this address when there are at least `count`. The caller's own limit ends the wait.
    pub async fn wait_for(&self, address: &str, count: usize) -> Vec<ReceivedMail> {
        loop {
            let mails = self.mails_to(address);
            if mails.len() >= count {
                return mails;
            }
            // The mail comes from another process; its inbox is a folder, which gives no signal.
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Why the server did not start.
    fn failure(&mut self) -> String {
        let mut words = String::new();
        if let Some(stderr) = self.keeper.stderr.take() {
            drop(std::io::Read::read_to_string(&mut BufReader::new(stderr), &mut words));
        }
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let words = format!("{words} {log}").split_whitespace().collect::<Vec<_>>().join(" ");
        format!("the server does not start: {words}")
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// What follows READY on a line of the script's output.
fn ready_line(output: impl std::io::Read) -> Option<String> {
    let lines = BufReader::new(output).lines();
    let mut said = lines
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("READY ").map(str::to_owned));
    said.next()
}

fn read_mail(file: &Path) -> ReceivedMail {
    let facts = std::fs::read(file).expect("a mail's facts are readable");
    let facts: Value = serde_json::from_slice(&facts).expect("a mail's facts are JSON");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    ReceivedMail {
        raw: std::fs::read(file.with_extension("eml")).expect("a mail is readable"),
        from: text(&facts["from"]).unwrap_or_default(),
        to: list(&facts["to"]).iter().filter_map(text).collect(),
        tls: facts["tls"] == true,
        user: text(&facts["user"]),
        headers: list(&facts["headers"])
            .iter()
            .filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?)))
            .collect(),
        content_type: text(&facts["content_type"]).unwrap_or_default(),
        text: text(&facts["text"]),
        html: text(&facts["html"]),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_mail_is_kept_as_it_came_and_the_server_leaves_nothing_behind() {
        let server = match SmtpServer::start() {
            Ok(server) => server,
            Err(why) => {
                or_skip("smtp", &why);
                return;
            }
        };
        let mut socket = TcpStream::connect(("127.0.0.1", server.port(SmtpWay::Plain))).unwrap();
        let script = "EHLO me\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n\
                      Subject: hello\r\n\r\n..dot\r\n.\r\nQUIT\r\n";
        socket.write_all(script.as_bytes()).unwrap();
        let mut answers = String::new();
        socket.read_to_string(&mut answers).unwrap();
        let mails = server.mails_to("c@d.test");
        let [mail] = mails.as_slice() else { panic!("one mail came: {answers}") };
        assert_eq!((mail.header("subject"), mail.tls), ("hello", false));
        assert_eq!(mail.raw, b"Subject: hello\r\n\r\n.dot\r\n");
        let folder = server.folder.clone();
        drop(server);
        assert!(!folder.exists());
    }
}
