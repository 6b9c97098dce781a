//! Registering, changing, rotating and setting up.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{Plain, Plan, Rig, event};
use serde_json::{Value, json};
use syncline_domain::ports::{Clock, Rng, StoreExt as _};
use syncline_domain::{ConnectorId, DeliveryStatus, Fault, WebhookAuth};
use syncline_testkit::{PlainSealer, SeededRng};
use syncline_webhooks::{
    Answer, Change, NewWebhook, Rotation, Secret, new_secret, new_token, recommended_auth,
    revoke_old_secrets, rotate, setup,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn asked(rig: &Rig) -> NewWebhook {
    NewWebhook {
        name: "a hook".to_owned(),
        config_id: rig.config,
        connector_id: rig.webhook.connector_id,
        event_types: vec!["*".to_owned()],
        auth: WebhookAuth::Hmac,
        secret: None,
        metadata: json!({}),
    }
}

fn faults(fault: Fault) -> Vec<String> {
    match fault {
        Fault::Invalid(all) => all.into_iter().map(|one| one.path).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_webhook_gets_a_token_and_a_secret_that_is_stored_sealed() {
    let rig = Rig::new().await;
    let token = &rig.webhook.token;
    let digits = token.strip_prefix("webhook_").unwrap();
    assert!(digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
    let secret = rig.secret.expose();
    assert!(secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit()));
    let sealed = &rig.webhook.sealed_secret;
    assert!(!sealed.is_empty() && !String::from_utf8_lossy(sealed).contains(secret));
    let standard = new_secret(WebhookAuth::Standard, &SeededRng::new(1)).unwrap();
    assert!(standardwebhooks::Webhook::new(standard.expose()).is_ok());
    assert!(standard.expose().starts_with("whsec_") && standard.expose().len() == 6 + 44);
    let rng = SeededRng::new(1);
    let tokens: BTreeSet<String> = (0..1_000).map(|_| new_token(&rng).unwrap()).collect();
    assert_eq!(tokens.len(), 1_000);
}

#[test]
fn without_chance_there_is_no_secret() {
    struct Broken;
    impl Rng for Broken {
        fn fill(&self, _bytes: &mut [u8]) {}
    }
    assert!(matches!(new_secret(WebhookAuth::Hmac, &Broken), Err(Fault::Internal(_))));
    assert!(matches!(new_token(&Broken), Err(Fault::Internal(_))));
}

#[tokio::test]
async fn every_fault_of_a_registration_is_named_at_once() {
    let rig = Rig::new().await;
    let bad = NewWebhook {
        name: " ".to_owned(),
        event_types: vec!["git.push".to_owned()],
        secret: Some(Secret::new("short")),
        metadata: json!({"header_name": "Content-Length"}),
        ..asked(&rig)
    };
    let fault = bad.prepare(Some(&Plain), &SeededRng::new(1)).unwrap_err();
    assert_eq!(faults(fault), ["/name", "/event_types", "/metadata/header_name", "/secret"]);

    let one = |new: NewWebhook| new.prepare(Some(&Plain), &SeededRng::new(1));
    let named = |name: &str| NewWebhook { name: name.to_owned(), ..asked(&rig) };
    let secret =
        |text: &str, auth| NewWebhook { secret: Some(Secret::new(text)), auth, ..asked(&rig) };
    let events = |list: Vec<String>| NewWebhook { event_types: list, ..asked(&rig) };
    let metadata = |metadata: Value| NewWebhook { metadata, ..asked(&rig) };
    let hmac = WebhookAuth::Hmac;
    let refused = [
        named(&"x".repeat(201)),
        named("two\nlines"),
        secret(&"x".repeat(23), hmac),
        secret(&"x".repeat(257), hmac),
        secret(&format!("{} x", "x".repeat(30)), hmac),
        secret(&"é".repeat(30), hmac),
        secret("whsec_not-base64-at-all!!!!!!!!", WebhookAuth::Standard),
        events(Vec::new()),
        events(vec!["*".to_owned(); 1_000]),
        metadata(json!([])),
        metadata(json!({"header_name": 1})),
        metadata(json!({"header_name": "a b"})),
        metadata(json!({"header_name": ""})),
    ];
    for new in refused {
        let shown = format!("{new:?}");
        assert!(matches!(one(new), Err(Fault::Invalid(_))), "{shown}");
    }
    assert!(one(secret(&"x".repeat(24), hmac)).is_ok());
}

#[tokio::test]
async fn the_trackers_own_words_become_ours() {
    let rig = Rig::new().await;
    let list = ["thing.opened", "workitem.created", "workitem.deleted"].map(str::to_owned).to_vec();
    let new = NewWebhook { event_types: list, ..asked(&rig) };
    let prepared = new.prepare(Some(&Plain), &SeededRng::new(2)).unwrap();
    let now = rig.clock.now();
    let row = rig.tx(move |tx| prepared.insert(tx, &PlainSealer, now)).await;
    assert_eq!(row.event_types, ["workitem.created", "workitem.deleted"]);
}

#[tokio::test]
async fn the_connector_must_be_one_of_the_configurations_two() {
    let rig = Rig::new().await;
    let now = rig.clock.now();
    let store = rig.world.store();
    for (new, path) in [
        (NewWebhook { connector_id: ConnectorId(99), ..asked(&rig) }, "/connector_id"),
        (NewWebhook { config_id: 99.into(), ..asked(&rig) }, "/sync_config_id"),
    ] {
        let prepared = new.prepare(None, &SeededRng::new(3)).unwrap();
        let done = store.tx("a test", move |tx| prepared.insert(tx, &PlainSealer, now)).await;
        assert_eq!(faults(done.unwrap_err()), [path]);
    }
}

async fn turn(rig: &Rig, grace: Duration, seed: u64) -> Result<Secret, Fault> {
    let rotation = Rotation::new(rig.webhook.auth, None, grace, &SeededRng::new(seed))?;
    let (id, now, secret) = (rig.webhook.id, rig.clock.now(), rotation.secret().clone());
    let store = rig.world.store();
    store.tx("a test", move |tx| rotate(tx, &PlainSealer, id, &rotation, now)).await?;
    Ok(secret)
}

/// 2,000 deliveries during a rotation, signed by either secret: none is rejected; after the grace all by the old are.
#[tokio::test]
async fn both_secrets_are_taken_until_the_grace_is_over() {
    let table =
        [(WebhookAuth::Hmac, 2_000), (WebhookAuth::Standard, 100), (WebhookAuth::Basic, 100)];
    for (auth, deliveries) in table {
        let rig = Rig::with(Plan { auth, ..Plan::default() }).await;
        rig.send(&event("0")).await;
        let old = rig.secret.clone();
        let new = turn(&rig, DAY, 5).await.unwrap();
        assert_ne!(old.expose(), new.expose());
        for n in 0..deliveries {
            let secret = if n % 3 == 0 { &new } else { &old };
            let body = event(&(n % 50).to_string());
            let answer = rig.receiver.receive(rig.signed_by(secret, &body)).await;
            let fine = matches!(answer, Answer::Accepted { .. } | Answer::Duplicate { .. });
            assert!(fine, "{auth} {n}: {answer:?}");
        }
        assert!(rig.log().await.iter().all(|row| row.status != DeliveryStatus::Rejected));
        rig.clock.advance(DAY + Duration::from_secs(1));
        for _ in 0..50 {
            let answer = rig.receiver.receive(rig.signed_by(&old, &event("1"))).await;
            assert_eq!(answer, Answer::Rejected, "{auth}");
        }
        let answer = rig.receiver.receive(rig.signed_by(&new, &event("1"))).await;
        assert!(!matches!(answer, Answer::Rejected), "{auth}");
    }
}

#[tokio::test]
async fn at_most_two_replaced_secrets_are_taken_and_they_can_be_revoked() {
    let rig = Rig::new().await;
    turn(&rig, DAY, 1).await.unwrap();
    turn(&rig, DAY, 2).await.unwrap();
    assert!(matches!(turn(&rig, DAY, 3).await, Err(Fault::Conflict(_))));
    // The first one is still taken.
    assert!(matches!(rig.send(&event("1")).await, Answer::Accepted { .. }));
    let (id, now) = (rig.webhook.id, rig.clock.now());
    rig.tx(move |tx| revoke_old_secrets(tx, id, now)).await;
    assert_eq!(rig.send(&event("1")).await, Answer::Rejected);
    turn(&rig, DAY, 4).await.unwrap();
    // Without a grace the one before is gone at once; those that run out make room.
    let newest = turn(&rig, Duration::ZERO, 5).await.unwrap();
    rig.clock.advance(DAY * 2);
    turn(&rig, DAY, 6).await.unwrap();
    assert_eq!(rig.stored().await.old_secrets.len(), 1);
    let answer = rig.receiver.receive(rig.signed_by(&newest, &event("1"))).await;
    assert!(matches!(answer, Answer::Accepted { .. }));
    let long = Rotation::new(WebhookAuth::Hmac, None, DAY * 8, &SeededRng::new(1));
    assert_eq!(faults(long.unwrap_err()), ["/grace_seconds"]);
    assert!(Rotation::new(WebhookAuth::Hmac, None, DAY * 7, &SeededRng::new(1)).is_ok());
    let unknown = syncline_domain::Webhook { id: 99.into(), ..rig.webhook.clone() };
    let rig = Rig { webhook: unknown, ..rig };
    assert!(matches!(turn(&rig, DAY, 1).await, Err(Fault::NotFound(_))));
}

/// A sender that uses the new secret at once reaches a process that still keeps the old one.
#[tokio::test]
async fn another_process_takes_a_new_secret_at_once() {
    let rig = Rig::new().await;
    let other = rig.other_process();
    assert!(matches!(other.receive(rig.signed(&event("1"))).await, Answer::Accepted { .. }));
    let new = turn(&rig, Duration::ZERO, 5).await.unwrap();
    assert!(matches!(
        other.receive(rig.signed_by(&new, &event("1"))).await,
        Answer::Accepted { .. }
    ));
    assert_eq!(other.receive(rig.signed(&event("1"))).await, Answer::Rejected);
}

#[tokio::test]
async fn a_replaced_secret_with_the_kept_row_is_caught_by_the_revision() {
    let rig = Rig::new().await;
    let other = rig.other_process();
    other.receive(rig.signed(&event("1"))).await;
    turn(&rig, Duration::ZERO, 5).await.unwrap();
    // The kept row says yes, the stored one says no.
    assert_eq!(other.receive(rig.signed(&event("1"))).await, Answer::Rejected);
}

#[tokio::test]
async fn a_change_takes_effect_at_once_and_is_checked_whole() {
    let rig = Rig::new().await;
    let change = Change {
        event_types: Some(vec!["thing.opened".to_owned()]),
        auth: Some(WebhookAuth::HeaderToken),
        metadata: Some(json!({"header_name": "X-Hook"})),
        ..Change::default()
    };
    let checked = change.check(Some(&Plain)).unwrap();
    let (id, now) = (rig.webhook.id, rig.clock.now());
    let row = rig.tx(move |tx| checked.apply(tx, &PlainSealer, id, now)).await;
    assert_eq!(
        (row.event_types, row.name),
        (vec!["workitem.created".to_owned()], "a hook".to_owned())
    );
    assert_eq!(rig.send(&event("1")).await, Answer::Rejected);
    let headers = [("x-hook".to_owned(), rig.secret.expose().to_owned())];
    let body = event("1").to_string().into_bytes();
    let answer =
        rig.receiver.receive(crate::support::incoming(&rig.webhook.token, &headers, body)).await;
    assert!(matches!(answer, Answer::Ignored { .. }));
    let bad = Change {
        name: Some(String::new()),
        event_types: Some(vec!["?".to_owned()]),
        metadata: Some(json!(1)),
        ..Change::default()
    };
    assert_eq!(faults(bad.check(None).unwrap_err()), ["/name", "/event_types", "/metadata"]);
}

#[tokio::test]
async fn a_way_of_proving_that_the_secret_cannot_do_is_refused() {
    let rig = Rig::new().await;
    let own = Rotation::new(
        WebhookAuth::Hmac,
        Some(Secret::new("no-base64-but-long-enough-for-hmac")),
        Duration::ZERO,
        &SeededRng::new(1),
    );
    let (rotation, id, now) = (own.unwrap(), rig.webhook.id, rig.clock.now());
    rig.tx(move |tx| rotate(tx, &PlainSealer, id, &rotation, now)).await;
    let change = Change { auth: Some(WebhookAuth::Standard), ..Change::default() };
    let checked = change.check(None).unwrap();
    let store = rig.world.store();
    let done = store.tx("a test", move |tx| checked.apply(tx, &PlainSealer, id, now)).await;
    assert_eq!(faults(done.unwrap_err()), ["/auth_mode"]);
}

#[test]
fn the_steps_fit_the_tracker_and_the_way() {
    let url = "https://sync.example.org/api/webhooks/receive/webhook_0";
    let all = ["*".to_owned()];
    let trackers =
        ["azuredevops", "servicedeskplus", "redmine", "github", "gitlab", "jira", "other"];
    for tracker in trackers {
        for auth in WebhookAuth::ALL {
            let made = setup(tracker, *auth, url, "x-webhook-token", &all);
            assert!(made.steps.iter().any(|step| step.contains(url)), "{tracker} {auth}");
            assert!(made.steps.len() >= 4, "{tracker} {auth}");
            assert_eq!(made.recommended, recommended_auth(tracker));
            let cannot = made.warnings.iter().any(|words| words.contains("cannot prove itself"));
            assert!(!cannot || *auth != made.recommended, "{tracker} {auth}");
        }
    }
    let table = [
        ("azuredevops", WebhookAuth::Basic, "Service hooks", false),
        ("azuredevops", WebhookAuth::Hmac, "cannot do that", true),
        ("servicedeskplus", WebhookAuth::HeaderToken, "x-webhook-token", false),
        ("servicedeskplus", WebhookAuth::Standard, "request_id", true),
        ("github", WebhookAuth::Hmac, "Set Secret", false),
        ("gitlab", WebhookAuth::GitlabToken, "Secret token", false),
        ("gitlab", WebhookAuth::Hmac, "X-Hub-Signature-256", true),
        ("jira", WebhookAuth::Hmac, "JQL", false),
        ("redmine", WebhookAuth::Hmac, "My account", false),
    ];
    for (tracker, auth, words, warned) in table {
        let made = setup(tracker, auth, url, "x-webhook-token", &all);
        assert!(made.steps.iter().any(|step| step.contains(words)), "{tracker} {auth} {words}");
        let cannot = made.warnings.iter().any(|words| words.contains("cannot prove itself"));
        assert_eq!(cannot, warned, "{tracker} {auth}");
    }
    let plain = setup("github", WebhookAuth::Hmac, "http://localhost:3000/x", "x", &all);
    assert!(plain.warnings.iter().any(|words| words.contains("no TLS")));
    let some = setup("jira", WebhookAuth::Hmac, url, "x", &["workitem.deleted".to_owned()]);
    assert!(some.steps.iter().any(|step| step == "Choose these events: Issue deleted"));
}
