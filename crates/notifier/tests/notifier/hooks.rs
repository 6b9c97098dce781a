//! Slack, Teams and webhooks against a small server on this machine.

use std::time::Duration;

use crate::support::{StillClock, about, at, completed, failed, links, outbound, run, to};
use serde_json::Value;
use syncline_domain::ChannelKind::{self, Email, Slack, Teams, Webhook};
use syncline_domain::ports::Clock;
use syncline_notifier::{
    Channels, MAX_RECIPIENTS, Message, News, Recipient, RecipientRules, SendError, SendErrorKind,
    Sent, SigningSecret, check_recipients,
};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const PATH: &str = "/services/T0000/B0000/s3cretS3cret";

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn send_to(
    server: &MockServer,
    kind: ChannelKind,
    message: &Message,
) -> Result<Sent, SendError> {
    let recipient = to(kind, &format!("{}{PATH}", server.uri()));
    let recipient = recipient.signed_with(SigningSecret::parse(SECRET).unwrap());
    send(kind, message, &recipient, "127.0.0.1").await
}

async fn send(
    kind: ChannelKind,
    message: &Message,
    recipient: &Recipient,
    allowed: &str,
) -> Result<Sent, SendError> {
    let clock = StillClock::new();
    let channels = Channels::new(outbound(&clock, allowed), None, &links(), clock);
    channels.get(kind).unwrap().send(message, recipient, "execution/45/sync_completed").await
}

async fn only_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

#[tokio::test]
async fn each_channel_posts_its_own_form() {
    for (kind, pointer, expected) in [
        (Slack, "/text", "✗ Sync Failed: Azure Bugs to ServiceDesk"),
        (Teams, "/attachments/0/content/version", "1.4"),
        (Webhook, "/data/error", "Failed to connect to target connector"),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_string("ok")).await;
        let sent = send_to(&server, kind, &failed()).await.unwrap();
        assert_eq!((sent.code, sent.answer.as_str()), (Some(200), "ok"));
        let request = only_request(&server).await;
        assert_eq!((request.method.as_str(), request.url.path()), ("POST", PATH));
        assert_eq!(request.headers["content-type"], "application/json");
        let body: Value = request.body_json().unwrap();
        assert_eq!(body.pointer(pointer), Some(&expected.into()), "{body}");
    }
}

#[tokio::test]
async fn the_reference_library_verifies_what_is_sent() {
    // The library compares with the machine's clock, so this test stands on it, too.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let clock = StillClock::at(at("1970-01-01T00:00:00Z").after(Duration::from_secs(now)));
    let server = answering(ResponseTemplate::new(204)).await;
    let channels = Channels::new(outbound(&clock, "127.0.0.1"), None, &links(), clock.clone());
    let channel = channels.get(Webhook).unwrap();
    let recipient = to(Webhook, &server.uri()).signed_with(SigningSecret::parse(SECRET).unwrap());
    for key in ["one", "one", "two"] {
        channel.send(&completed(), &recipient, key).await.unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    let theirs = standardwebhooks::Webhook::new(SECRET).unwrap();
    let mut ids = Vec::new();
    for request in &requests {
        theirs.verify(&request.body, &request.headers).unwrap();
        assert_eq!(request.headers["webhook-timestamp"], clock.now().secs().to_string().as_str());
        ids.push(request.headers["webhook-id"].to_str().unwrap());
        let mut tampered = request.body.clone();
        tampered.push(b' ');
        assert!(theirs.verify(&tampered, &request.headers).is_err());
    }
    assert_eq!((ids[0], ids[1] == ids[2]), (ids[1], false));
}

#[tokio::test]
async fn without_a_secret_a_webhook_is_not_signed() {
    let server = answering(ResponseTemplate::new(200)).await;
    let recipient = to(Webhook, &server.uri());
    send(Webhook, &completed(), &recipient, "127.0.0.1").await.unwrap();
    let request = only_request(&server).await;
    assert!(request.headers.contains_key("webhook-id"));
    assert!(!request.headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn every_status_means_one_thing_for_the_outbox() {
    use SendErrorKind::{Gone, Refused, Temporary};
    let soon = Temporary { retry_after: None };
    let later = Temporary { retry_after: Some(Duration::from_secs(77)) };
    // status, Retry-After, chat, webhook
    let table = [
        (301, None, Refused, soon),
        (307, None, Refused, soon),
        (400, None, Refused, soon),
        (401, None, Refused, soon),
        (404, None, Refused, soon),
        (408, None, soon, soon),
        (410, None, Gone, Gone),
        (429, Some("77"), later, later),
        (429, None, soon, soon),
        (500, None, soon, soon),
        (502, None, soon, soon),
        (503, Some("77"), later, later),
    ];
    for (status, wait, of_chat, of_webhook) in table {
        for (kind, expected) in [(Slack, of_chat), (Teams, of_chat), (Webhook, of_webhook)] {
            let mut answer = ResponseTemplate::new(status).set_body_string("in\r\nwords");
            if let Some(wait) = wait {
                answer = answer.insert_header("retry-after", wait);
            }
            let server = answering(answer).await;
            let error = send_to(&server, kind, &completed()).await.unwrap_err();
            assert_eq!((error.kind, error.code), (expected, Some(status)), "{kind} {status}");
            let words = error.explanation();
            assert!(!words.contains("s3cret") && !words.contains('\n'), "{words}");
            assert_eq!(server.received_requests().await.unwrap().len(), 1, "{kind} {status}");
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let trap = answering(ResponseTemplate::new(200)).await;
    for status in [301, 302, 303, 307, 308] {
        let to_trap = ResponseTemplate::new(status).insert_header("location", trap.uri().as_str());
        let server = answering(to_trap).await;
        let error = send_to(&server, Webhook, &completed()).await.unwrap_err();
        assert!(error.explanation().contains("redirects are not followed"), "{error}");
    }
    assert!(trap.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_that_never_ends_is_cut_and_counts() {
    let long = ResponseTemplate::new(200).set_body_string("x".repeat(1 << 20));
    let server = answering(long).await;
    let sent = send_to(&server, Slack, &completed()).await.unwrap();
    assert_eq!(sent.code, None);
}

#[tokio::test]
async fn nothing_on_this_machine_or_network_is_reached_unless_listed() {
    let server = answering(ResponseTemplate::new(200)).await;
    let port = server.address().port();
    let (loopback, named) =
        (format!("http://127.0.0.1:{port}/x"), format!("http://localhost:{port}/x"));
    for url in [&loopback, &named, "https://169.254.169.254/latest", "https://10.0.0.7/x"] {
        for kind in [Slack, Teams, Webhook] {
            let error = send(kind, &completed(), &to(kind, url), "").await.unwrap_err();
            assert_eq!(error.kind, SendErrorKind::Refused, "{url}: {error}");
        }
    }
    assert!(server.received_requests().await.unwrap().is_empty());
    send(Webhook, &completed(), &to(Webhook, &named), "127.0.0.1 ::1").await.unwrap();
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_server_that_is_down_is_tried_again_later() {
    let server = MockServer::start().await;
    let url = format!("{}{PATH}", server.uri());
    drop(server);
    // A pooled server may still listen; a port of our own that was closed does not.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = url.replace(&url[..url.find(PATH).unwrap()], &format!("http://127.0.0.1:{free}"));
    let error = send(Webhook, &completed(), &to(Webhook, &url), "127.0.0.1").await.unwrap_err();
    assert_eq!(error.kind, SendErrorKind::Temporary { retry_after: None });
    assert!(!error.explanation().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn hostile_names_reach_chat_as_text() {
    let message = about("<!channel> & {{7*7}}\r\n<script>", News::SyncCompleted(run()));
    let server = answering(ResponseTemplate::new(200)).await;
    send_to(&server, Slack, &message).await.unwrap();
    let body = String::from_utf8(only_request(&server).await.body).unwrap();
    assert!(body.contains("&lt;!channel&gt; &amp; {{7*7}} &lt;script&gt;"), "{body}");
    let fields: Value = serde_json::from_str(&body).unwrap();
    let fields = fields["blocks"][1]["fields"].to_string();
    assert!(!fields.contains("<!"), "{fields}");
}

#[tokio::test]
async fn mail_is_no_channel_without_a_server() {
    let clock = StillClock::new();
    let channels = Channels::new(outbound(&clock, ""), None, &links(), clock);
    assert!(channels.get(Email).is_none() && channels.mail().is_none());
    for kind in [Slack, Teams, Webhook] {
        assert_eq!(channels.get(kind).unwrap().kind(), kind);
    }
}

fn checked(
    kind: ChannelKind,
    texts: &[&str],
    dotless_domains: bool,
) -> Result<Vec<String>, Vec<(String, String)>> {
    let clock = StillClock::new();
    let outbound = outbound(&clock, "10.1.0.0/16 hooks.corp.example");
    let rules = RecipientRules { outbound: &outbound, dotless_domains };
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    match check_recipients(kind, &texts, rules) {
        Ok(all) => Ok(all.iter().map(|recipient| recipient.address().to_owned()).collect()),
        Err(faults) => Err(faults.into_iter().map(|fault| (fault.path, fault.message)).collect()),
    }
}

#[tokio::test]
async fn faults_of_recipients_name_place_and_reason_all_at_once() {
    let faults = checked(Email, &["a@example.com", "x", "b@c", "d@e.test\r\n"], false).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/recipients/1", "/recipients/2", "/recipients/3"]);
    assert!(faults[1].1.contains("no dot"), "{faults:?}");
    assert_eq!(checked(Email, &["root@localhost"], true).unwrap(), ["root@localhost"]);
    let many = vec!["a@example.com"; MAX_RECIPIENTS + 1];
    assert_eq!(checked(Email, &many, false).unwrap_err()[0].0, "/recipients");
    assert_eq!(checked(Email, &[], false).unwrap_err()[0].0, "/recipients");
    let twice = ["A@example.com", "b@example.com", "a@Example.com"];
    assert_eq!(checked(Email, &twice, false).unwrap(), ["A@example.com", "b@example.com"]);
}

#[tokio::test]
async fn addresses_that_are_never_called_are_refused_on_entry() {
    let refused = [
        ("https://127.0.0.1/x", "loopback"),
        ("https://2130706433/x", "loopback"),
        ("https://0x7f.1/x", "loopback"),
        ("https://[::1]/x", "loopback"),
        ("https://[::ffff:10.0.0.1]/x", "private"),
        ("https://[64:ff9b::7f00:1]/x", "loopback"),
        ("https://[2002:7f00:1::]/x", "reserved"),
        ("https://100.64.0.1/x", "private"),
        ("https://192.168.0.1/x", "private"),
        ("https://169.254.169.254/x", "metadata"),
        ("https://[fe80::1]/x", "link-local"),
        ("https://0.0.0.0/x", "not unicast"),
        ("http://example.com/x", "https"),
        ("https://example.com:25/x", "port 25"),
    ];
    for (url, word) in refused {
        for kind in [Slack, Teams, Webhook] {
            let faults = checked(kind, &[url], false).unwrap_err();
            assert!(faults[0].1.contains(word), "{url}: {faults:?}");
        }
    }
    for url in ["https://example.com/x", "https://10.1.2.3/x", "https://8.8.8.8:8443/x"] {
        assert_eq!(checked(Webhook, &[url], false).unwrap(), [url]);
    }
}
