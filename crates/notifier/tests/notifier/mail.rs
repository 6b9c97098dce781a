//! Mail against a real server.

use std::sync::Arc;

use crate::support::{StillClock, about, at, completed, failed, links, run, to};
use syncline_domain::ChannelKind::Email;
use syncline_notifier::{
    Channel, MailChannel, Message, News, RunFacts, SendError, SendErrorKind, Sent, SmtpConfig,
    SmtpSettings, SmtpTls,
};
use syncline_testkit::{ReceivedMail, SmtpServer, SmtpWay};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const TEMPORARY: SendErrorKind = SendErrorKind::Temporary { retry_after: None };

/// Settings for one way into the server, as an operator would write them.
fn settings(server: &SmtpServer, way: SmtpWay) -> SmtpSettings {
    let signs_in = way != SmtpWay::Plain;
    SmtpSettings {
        host: "localhost".to_owned(),
        port: Some(server.port(way)),
        secure: way == SmtpWay::Tls,
        tls: (way == SmtpWay::StartTls).then_some(SmtpTls::Required),
        ca_pem: Some(server.ca_pem()),
        user: signs_in.then(|| server.user().to_owned()),
        password: signs_in.then(|| server.password().to_owned().into()),
        from: Some("Sync Platform <noreply@example.com>".to_owned()),
    }
}

fn channel(settings: SmtpSettings) -> MailChannel {
    MailChannel::new(SmtpConfig::new(settings).unwrap(), links(), StillClock::new())
}

async fn send(channel: &MailChannel, message: &Message, address: &str) -> Result<Sent, SendError> {
    channel.send(message, &to(Email, address), &format!("test to {address}")).await
}

fn only(server: &SmtpServer, address: &str) -> ReceivedMail {
    let mut mails = server.mails_to(address);
    assert_eq!(mails.len(), 1, "mails to {address}");
    mails.remove(0)
}

#[tokio::test]
async fn a_mail_arrives_by_every_way_in() {
    let Some(server) = SmtpServer::shared() else { return };
    let ways = [
        (SmtpWay::Plain, false, None),
        (SmtpWay::StartTls, true, Some("tester")),
        (SmtpWay::Tls, true, Some("tester")),
        // In clear, but to this machine.
        (SmtpWay::PlainPassword, false, Some("tester")),
    ];
    for (way, tls, user) in ways {
        let address = format!("{way:?}@ways.example.com").to_lowercase();
        let channel = channel(settings(&server, way));
        let sent = send(&channel, &completed(), &address).await.unwrap();
        assert_eq!(sent.code, Some(250), "{way:?}");
        assert!(sent.answer.contains("2.0.0 kept as"), "{}", sent.answer);
        let mail = only(&server, &address);
        assert_eq!((mail.tls, mail.user.as_deref()), (tls, user), "{way:?}");
        assert_eq!((mail.from.as_str(), mail.to.len()), ("noreply@example.com", 1));
        let check = channel.verify().await.unwrap();
        assert_eq!((check.encrypted, check.server.as_str()), (tls, "mail.test"), "{way:?}");
        assert_eq!(check.signed_in.map(|sent| sent.code), user.map(|_| Some(235)));
    }
}

#[tokio::test]
async fn the_published_templates_arrive_as_text_and_html() {
    let Some(server) = SmtpServer::shared() else { return };
    let channel = channel(settings(&server, SmtpWay::StartTls));
    send(&channel, &completed(), "done@words.example.com").await.unwrap();
    send(&channel, &failed(), "failed@words.example.com").await.unwrap();
    let mail = only(&server, "done@words.example.com");
    assert_eq!(mail.header("subject"), "✓ Sync Completed: Azure Bugs to ServiceDesk");
    assert_eq!(mail.header("from"), "Sync Platform <noreply@example.com>");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("date"), "Thu, 12 Feb 2026 08:02:31 +0000");
    assert_eq!(mail.content_type, "multipart/alternative");
    let text = mail.text.unwrap().replace("\r\n", "\n");
    let expected = "Sync Completed Successfully\nConfiguration: Azure Bugs to ServiceDesk\nExecution ID: 45\n\
                    Items Synced: 10\nItems Failed: 0\nStarted: 2026-02-12 08:00:00\n\
                    Completed: 2026-02-12 08:02:30\nDuration: 2m 30s\n\n\
                    Open the execution: https://sync.example/executions/45\n";
    assert!(text.starts_with(expected), "{text}");
    let html = mail.html.unwrap();
    for part in [
        "Sync Completed Successfully",
        "Items Synced:",
        "<td>10</td>",
        "2m 30s",
        "executions&#x2f;45",
    ] {
        assert!(html.contains(part), "{html}");
    }
    let mail = only(&server, "failed@words.example.com");
    assert_eq!(mail.header("subject"), "✗ Sync Failed: Azure Bugs to ServiceDesk");
    let text = mail.text.unwrap().replace("\r\n", "\n");
    let expected = "Sync Failed\nConfiguration: Azure Bugs to ServiceDesk\nExecution ID: 46\nItems Synced: 3\n\
                    Items Failed: 7\nError: Failed to connect to target connector\n\
                    Action Required: Please check the execution logs for more details.\n";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn times_are_told_in_the_zone_of_the_schedule() {
    let Some(server) = SmtpServer::shared() else { return };
    let channel = channel(settings(&server, SmtpWay::Plain));
    let message = Message { zone: "Europe/Berlin".to_owned(), ..completed() };
    send(&channel, &message, "zone@words.example.com").await.unwrap();
    let text = only(&server, "zone@words.example.com").text.unwrap();
    assert!(text.contains("Started: 2026-02-12 09:00:00 CET (Europe/Berlin)"), "{text}");
}

#[tokio::test]
async fn hostile_and_foreign_names_arrive_as_text() {
    let Some(server) = SmtpServer::shared() else { return };
    let channel = channel(settings(&server, SmtpWay::Plain));
    let names = [
        ("Evil\r\nBcc: victim@example.com", "Evil Bcc: victim@example.com"),
        ("Evil\nX-Evil: 1\r\n\r\nbody", "Evil X-Evil: 1 body"),
        ("null\0byte \u{1b}[2J", "null byte [2J"),
        ("Grüße 漢字 🚀 ∞", "Grüße 漢字 🚀 ∞"),
        ("{{7*7}} ${7*7} {% raw %} <%= 1 %>", "{{7*7}} ${7*7} {% raw %} <%= 1 %>"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=?utf-8?q?forged?=", "=?utf-8?q?forged?="),
        (".\r\n.\r\nQUIT", ". . QUIT"),
    ];
    for (index, (name, shown)) in names.iter().enumerate() {
        let address = format!("hostile{index}@names.example.com");
        let run = RunFacts { error: Some(format!("{name}\r\n.\r\n")), ..run() };
        send(&channel, &about(name, News::SyncFailed(run)), &address).await.unwrap();
        let mail = only(&server, &address);
        assert_eq!(mail.headers.len(), 9, "{:?}", mail.headers);
        assert!(mail.headers_named("bcc").is_empty() && mail.headers_named("x-evil").is_empty());
        assert_eq!(mail.to, [address]);
        // A reader may take an encoded word for what it says; it is text all the same.
        if !name.starts_with("=?") {
            assert_eq!(mail.header("subject"), format!("✗ Sync Failed: {shown}"));
        }
        let text = mail.text.unwrap();
        assert!(text.contains(&format!("Configuration: {shown}")), "{text}");
        assert!(!mail.html.unwrap().contains("<script"));
        assert!(mail.raw.is_ascii());
    }
}

#[tokio::test]
async fn one_refused_recipient_does_not_cost_the_others_theirs() {
    let Some(server) = SmtpServer::shared() else { return };
    let channel = channel(settings(&server, SmtpWay::StartTls));
    let tries = [
        (
            "rcpt-550@mixed.example.com",
            Some((SendErrorKind::Refused, 550, "5.1.1 nobody of that name")),
        ),
        ("first@mixed.example.com", None),
        ("rcpt-451@mixed.example.com", Some((TEMPORARY, 451, "come back later"))),
        ("data-554@mixed.example.com", Some((SendErrorKind::Refused, 554, "not wanted"))),
        ("data-450@mixed.example.com", Some((TEMPORARY, 450, "mailbox busy"))),
        ("second@mixed.example.com", None),
    ];
    for (address, refusal) in tries {
        match (send(&channel, &completed(), address).await, refusal) {
            (Ok(sent), None) => assert_eq!(sent.code, Some(250)),
            (Err(error), Some((kind, code, words))) => {
                assert_eq!((error.kind, error.code), (kind, Some(code)), "{error}");
                assert!(error.detail.contains(words), "{error}");
            }
            (outcome, _) => panic!("{address}: {outcome:?}"),
        }
    }
    assert_eq!(server.mails_to("first@mixed.example.com").len(), 1);
    assert_eq!(server.mails_to("second@mixed.example.com").len(), 1);
}

#[tokio::test]
async fn a_sender_that_may_not_send_is_a_matter_of_settings() {
    let Some(server) = SmtpServer::shared() else { return };
    let mut settings = settings(&server, SmtpWay::Plain);
    settings.from = Some("mail-553@example.com".to_owned());
    let error = send(&channel(settings), &completed(), "x@sender.example.com").await.unwrap_err();
    assert_eq!((error.kind, error.code), (SendErrorKind::Permanent, Some(553)));
    assert!(error.explanation().contains("SMTP_FROM"), "{}", error.explanation());
}

#[tokio::test]
async fn a_wrong_password_is_told_with_its_code_and_never_repeated() {
    let Some(server) = SmtpServer::shared() else { return };
    for way in [SmtpWay::StartTls, SmtpWay::Tls, SmtpWay::PlainPassword] {
        let mut settings = settings(&server, way);
        settings.password = Some("hunter2-wrong".to_owned().into());
        let channel = channel(settings);
        let error = send(&channel, &completed(), "x@login.example.com").await.unwrap_err();
        assert_eq!((error.kind, error.code), (SendErrorKind::Permanent, Some(535)), "{error}");
        assert!(error.explanation().contains("SMTP_PASS"), "{}", error.explanation());
        assert_eq!(channel.verify().await.unwrap_err(), error);
        let all = format!("{error:?} {error} {:?}", channel.config());
        assert!(!all.contains("hunter2") && !all.contains("aHVudGVyM"), "{all}");
    }
    let mut settings = settings(&server, SmtpWay::StartTls);
    (settings.user, settings.password) = (None, None);
    let error = send(&channel(settings), &completed(), "x@login.example.com").await.unwrap_err();
    assert_eq!((error.kind, error.code), (SendErrorKind::Permanent, Some(530)), "{error}");
    assert!(error.explanation().contains("set SMTP_USER"), "{}", error.explanation());
}

#[tokio::test]
async fn an_authority_nobody_knows_ends_the_conversation() {
    let Some(server) = SmtpServer::shared() else { return };
    for way in [SmtpWay::StartTls, SmtpWay::Tls] {
        let mut settings = settings(&server, way);
        settings.ca_pem = None;
        let error = send(&channel(settings), &completed(), "x@tls.example.com").await.unwrap_err();
        assert_eq!((error.kind, error.code), (TEMPORARY, None), "{error}");
        assert!(error.explanation().contains("SMTP_CA_FILE"), "{}", error.explanation());
    }
    assert!(server.mails_to("x@tls.example.com").is_empty());
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_where_it_is_required() {
    let Some(server) = SmtpServer::shared() else { return };
    let mut settings = settings(&server, SmtpWay::Plain);
    settings.tls = Some(SmtpTls::Required);
    let error = send(&channel(settings), &completed(), "x@clear.example.com").await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Permanent);
    assert!(error.explanation().contains("SMTP_TLS"), "{}", error.explanation());
    assert!(server.mails_to("x@clear.example.com").is_empty());
}

#[tokio::test]
async fn a_server_that_speaks_tls_another_way_is_told_apart() {
    let Some(server) = SmtpServer::shared() else { return };
    let mut settings = settings(&server, SmtpWay::Plain);
    settings.secure = true;
    let error = send(&channel(settings), &completed(), "x@clear.example.com").await.unwrap_err();
    assert_eq!(error.kind, TEMPORARY);
    assert!(error.explanation().contains("SMTP_SECURE"), "{}", error.explanation());
}

#[tokio::test]
async fn a_server_that_is_down_costs_nothing_but_another_attempt() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let channel = channel(SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(free),
        from: Some("noreply@example.com".to_owned()),
        ..SmtpSettings::default()
    });
    let error = send(&channel, &completed(), "x@example.com").await.unwrap_err();
    assert_eq!((error.kind, error.code), (TEMPORARY, None));
    assert!(error.explanation().contains(&format!("127.0.0.1:{free}")), "{error}");
}

/// Answers as a mail server does, but never to RCPT TO on its first connection; says when it is silent and when that
/// connection is gone.
async fn silent_once(listener: TcpListener, events: mpsc::Sender<&'static str>) {
    for first in [true, false] {
        let (socket, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = socket.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"220 ready\r\n").await.unwrap();
        let mut in_body = false;
        while let Ok(Some(line)) = lines.next_line().await {
            let answer: &[u8] = match line.split(' ').next() {
                Some(".") => b"250 taken\r\n",
                _ if in_body => continue,
                Some("DATA") => b"354 go on\r\n",
                Some("RCPT") if first => {
                    events.send("silent").await.unwrap();
                    continue;
                }
                _ => b"250 ok\r\n",
            };
            in_body = line == "DATA";
            writer.write_all(answer).await.unwrap();
        }
        events.send("closed").await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_left_and_its_connection_never_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (events, mut heard) = mpsc::channel(4);
    tokio::spawn(silent_once(listener, events));
    let clock = StillClock::new();
    let config = SmtpConfig::new(SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(port),
        from: Some("noreply@example.com".to_owned()),
        ..SmtpSettings::default()
    });
    let channel = Arc::new(MailChannel::new(config.unwrap(), links(), clock.clone()));
    let waiting = {
        let channel = Arc::clone(&channel);
        tokio::spawn(async move { send(&channel, &completed(), "one@example.com").await })
    };
    assert_eq!(heard.recv().await, Some("silent"));
    clock.end_waits();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind, TEMPORARY);
    assert!(error.detail.contains("did not answer within 60 s"), "{error}");
    assert_eq!(heard.recv().await, Some("closed"));
    let sent = send(&channel, &completed(), "two@example.com").await.unwrap();
    assert_eq!((sent.code, sent.answer.as_str()), (Some(250), "taken"));
}

#[tokio::test]
async fn many_mails_share_a_few_connections_and_all_arrive_once() {
    let Some(server) = SmtpServer::shared() else { return };
    let channel = channel(settings(&server, SmtpWay::StartTls));
    let (channel, message) = (&channel, &completed());
    let addresses: Vec<String> = (0..120).map(|n| format!("crowd{n}@crowd.example.com")).collect();
    let sending = addresses.iter().map(|address| send(channel, message, address));
    for outcome in futures_util::future::join_all(sending).await {
        assert_eq!(outcome.unwrap().code, Some(250));
    }
    let mails = server.mails();
    for address in &addresses {
        let count = mails.iter().filter(|mail| mail.to.contains(address)).count();
        assert_eq!(count, 1, "{address}");
    }
}

#[tokio::test]
async fn a_repetition_is_recognisable() {
    let Some(server) = SmtpServer::shared() else { return };
    let channel = channel(settings(&server, SmtpWay::Plain));
    for _ in 0..2 {
        send(&channel, &completed(), "twice@repeat.example.com").await.unwrap();
    }
    let other = Message { at: at("2026-02-13T00:00:00Z"), ..completed() };
    channel.send(&other, &to(Email, "twice@repeat.example.com"), "another key").await.unwrap();
    let mails = server.mails_to("twice@repeat.example.com");
    let ids: Vec<&str> = mails.iter().map(|mail| mail.header("message-id")).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[1], ids[2]);
    assert!(ids[0].ends_with("@example.com>"), "{}", ids[0]);
}
