//! One connection to a mail server: how it becomes safe, and the conversation for one mail.

use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;

use crate::mail::config::{Security, SmtpConfig};
use crate::mail::letter::Letter;

/// Longest time to make the connection itself.
const CONNECT: Duration = Duration::from_secs(10);

/// Where in the conversation something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Connect,
    SignIn,
    Sender,
    Recipient,
    Body,
}

/// Why the conversation ended early.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server said no, or nothing useful.
    Smtp(Stage, SmtpError),
    /// STARTTLS is required and the server does not offer it.
    NoStartTls,
    /// A password would leave in clear.
    ClearPassword,
    /// The address needs SMTPUTF8, which the server does not know.
    NoUtf8,
}

/// An open connection that has said who we are.
pub(crate) struct Session {
    connection: AsyncSmtpConnection,
    /// What the server answered to the sign-in.
    pub(crate) welcome: Option<Response>,
}

impl Session {
    /// Connects, becomes safe, signs in.
    ///
    /// Invariant: a password is sent only over TLS or to this machine; checked here once more, whatever the settings
    /// were (test `a_password_stays_here_without_tls`).
    pub(crate) async fn open(config: &SmtpConfig) -> Result<Self, Trouble> {
        let hello = ClientId::default();
        let connect = |error| Trouble::Smtp(Stage::Connect, error);
        let tls = match &config.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let server = (config.host.as_str(), config.port);
        let opening = AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &hello, tls, None);
        let mut connection = opening.await.map_err(connect)?;
        if let Security::StartTls { parameters, required } = &config.security {
            start_tls(&mut connection, parameters, *required, &hello).await?;
        }
        let welcome = match &config.credentials {
            None => None,
            Some(_) if !connection.is_encrypted() && !config.loopback => {
                return Err(Trouble::ClearPassword);
            }
            Some(credentials) => {
                let ways = [Mechanism::Plain, Mechanism::Login];
                let signed_in = connection.auth(&ways, credentials).await;
                Some(signed_in.map_err(|error| Trouble::Smtp(Stage::SignIn, error))?)
            }
        };
        Ok(Self { connection, welcome })
    }

    /// Hands one mail over. After a refusal the session may be used again if [`Session::reset`] says so.
    pub(crate) async fn deliver(&mut self, letter: &Letter) -> Result<Response, Trouble> {
        let connection = &mut self.connection;
        let at = |stage| move |error| Trouble::Smtp(stage, error);
        let mut parameters = Vec::new();
        if !AsRef::<str>::as_ref(&letter.to).is_ascii()
            || !AsRef::<str>::as_ref(&letter.from).is_ascii()
        {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Trouble::NoUtf8);
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let from = Mail::new(Some(letter.from.clone()), parameters);
        connection.command(from).await.map_err(at(Stage::Sender))?;
        let to = Rcpt::new(letter.to.clone(), Vec::new());
        connection.command(to).await.map_err(at(Stage::Recipient))?;
        connection.command(Data).await.map_err(at(Stage::Body))?;
        connection.message(&letter.bytes).await.map_err(at(Stage::Body))
    }

    /// Whether the server still listens to us.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.connection.test_connected().await
    }

    /// Forgets a mail that was refused; false when the connection is of no more use.
    pub(crate) async fn reset(&mut self) -> bool {
        self.connection.command(Rset).await.is_ok()
    }

    /// Says goodbye. What the server answers is of no interest.
    pub(crate) async fn quit(mut self) {
        drop(self.connection.command(Quit).await);
    }

    /// The name by which the server introduced itself.
    pub(crate) fn server_name(&self) -> &str {
        self.connection.server_info().name()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.connection.is_encrypted()
    }
}

async fn start_tls(
    connection: &mut AsyncSmtpConnection,
    parameters: &TlsParameters,
    required: bool,
    hello: &ClientId,
) -> Result<(), Trouble> {
    if connection.can_starttls() {
        let started = connection.starttls(parameters.clone(), hello).await;
        return started.map_err(|error| Trouble::Smtp(Stage::Connect, error));
    }
    if required { Err(Trouble::NoStartTls) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::mail::config::{SmtpSettings, SmtpTls};

    /// Offers a sign-in without TLS; answers with the lines it was sent.
    async fn tempting_server(listener: TcpListener) -> Vec<String> {
        let (socket, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = socket.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"220 come in\r\n").await.unwrap();
        let mut heard = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            let hello = line.starts_with("EHLO");
            let answer: &[u8] =
                if hello { b"250-here\r\n250 AUTH PLAIN LOGIN\r\n" } else { b"235 welcome\r\n" };
            heard.push(line);
            writer.write_all(answer).await.unwrap();
        }
        heard
    }

    #[tokio::test]
    async fn a_password_stays_here_without_tls() {
        for (loopback, lines) in [(true, 2), (false, 1)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let settings = SmtpSettings {
                host: "127.0.0.1".to_owned(),
                port: Some(listener.local_addr().unwrap().port()),
                tls: Some(SmtpTls::None),
                user: Some("me".to_owned()),
                password: Some("hunter2".to_owned().into()),
                from: Some("me@example.com".to_owned()),
                ..SmtpSettings::default()
            };
            let mut config = SmtpConfig::new(settings).unwrap();
            // As if the settings had let a server elsewhere through.
            config.loopback = loopback;
            let server = tokio::spawn(tempting_server(listener));
            let refused = matches!(Session::open(&config).await, Err(Trouble::ClearPassword));
            assert_eq!(refused, !loopback);
            assert_eq!(server.await.unwrap().len(), lines);
        }
    }
}
