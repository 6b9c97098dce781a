//! Who sent a request: published vectors, an independent implementation, and everything that must not pass.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use syncline_domain::ports::Rng as _;
use syncline_domain::{Timestamp, WebhookAuth};
use syncline_testkit::SeededRng;
use syncline_webhooks::{Proof, Rejected, Secret, Verified, signed_headers, verify};

const SECRET: &str = "It's a Secret to Everybody";
/// GitHub's published example, for the body `Hello, World!`.
const VECTOR: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// Atlassian's, for the body `Hello World!`.
const JIRA_VECTOR: &str = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
const HELLO: &[u8] = b"Hello, World!";

const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
const SIGNED_AT: i64 = 1_649_367_553;
const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
/// What the reference implementations compute for the three above.
const REFERENCE: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

type Headers<'a> = &'a [(&'a str, &'a str)];

fn check(
    auth: WebhookAuth,
    secrets: &[&str],
    headers: Headers<'_>,
    body: &[u8],
    now: i64,
) -> Result<Verified, Rejected> {
    let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let secrets: Vec<_> = secrets.iter().map(|text| Secret::new(*text)).collect();
    let now = Timestamp::from_secs(now);
    verify(&secrets, &Proof { auth, header_name: "x-own", headers: &headers, body, now })
}

fn hub(headers: Headers<'_>) -> Result<Verified, Rejected> {
    check(WebhookAuth::Hmac, &[SECRET], headers, HELLO, 0)
}

#[test]
fn published_signatures_are_taken_in_every_header_that_carries_them() {
    let value = format!("sha256={VECTOR}");
    for header in
        ["x-hub-signature-256", "x-webhook-signature", "x-hub-signature", "x-redmine-signature-256"]
    {
        assert!(hub(&[(header, &value)]).is_ok(), "{header}");
    }
    let jira = format!("sha256={JIRA_VECTOR}");
    let headers: Headers<'_> = &[("x-hub-signature", &jira)];
    assert!(check(WebhookAuth::Hmac, &[SECRET], headers, b"Hello World!", 0).is_ok());
    // Digits may be upper case: the MAC is the same.
    assert!(hub(&[("x-hub-signature-256", &format!("sha256={}", VECTOR.to_uppercase()))]).is_ok());
}

#[test]
fn a_hub_signature_with_any_fault_is_rejected() {
    let good = format!("sha256={VECTOR}");
    let other = format!("sha256={}", "0".repeat(64));
    let mut flipped = VECTOR.to_owned();
    flipped.replace_range(63..64, "6");
    let faults = [
        other.clone(),
        format!("sha256={flipped}"),
        format!("sha256={}", &VECTOR[..62]),
        format!("sha256={VECTOR}00"),
        format!("sha256={}x", &VECTOR[..63]),
        format!("SHA256={VECTOR}"),
        format!("sha512={VECTOR}"),
        format!("sha1={}", &VECTOR[..40]),
        format!("sha256={VECTOR} "),
        format!("sha256= {VECTOR}"),
        format!("sha256={VECTOR},sha256={VECTOR}"),
        VECTOR.to_owned(),
        "sha256=".to_owned(),
        "sha256".to_owned(),
        String::new(),
        "\u{FFFD}\u{FFFD}".to_owned(),
        "é".repeat(64),
        "a".repeat(1_000_000),
    ];
    for fault in &faults {
        for header in ["x-hub-signature-256", "x-webhook-signature", "x-hub-signature"] {
            assert!(hub(&[(header, fault)]).is_err(), "{header}: {fault:.80}");
            // Beside a good one, before and after it.
            let beside: Headers<'_> = &[("x-redmine-signature-256", &good), (header, fault)];
            assert!(hub(beside).is_err(), "{header}: {fault:.80}");
            assert!(hub(&[(header, fault), (header, &good)]).is_err(), "{header}: {fault:.80}");
        }
    }
    assert!(matches!(hub(&[]), Err(Rejected::Missing(_))));
    assert!(hub(&[("x-hub-signature-256", &good), ("x-webhook-signature", &good)]).is_ok());
    // Another body, no secret, an empty secret.
    let headers: Headers<'_> = &[("x-hub-signature-256", &good)];
    assert!(check(WebhookAuth::Hmac, &[SECRET], headers, b"Hello, World?", 0).is_err());
    assert!(check(WebhookAuth::Hmac, &[SECRET], headers, b"", 0).is_err());
    assert_eq!(check(WebhookAuth::Hmac, &[], headers, HELLO, 0), Err(Rejected::NoSecret));
    assert!(check(WebhookAuth::Hmac, &[""], headers, HELLO, 0).is_err());
}

#[test]
fn githubs_old_signature_must_fit_beside_the_new_one_and_is_not_enough_alone() {
    let new = format!("sha256={VECTOR}");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRET.as_bytes());
    let old = format!("sha1={}", hex::encode(ring::hmac::sign(&key, HELLO)));
    let wrong = format!("sha1={}", "0".repeat(40));
    assert!(hub(&[("x-hub-signature", &old), ("x-hub-signature-256", &new)]).is_ok());
    assert!(hub(&[("x-hub-signature", &wrong), ("x-hub-signature-256", &new)]).is_err());
    assert!(hub(&[("x-hub-signature", &old)]).is_err());
    assert!(hub(&[("x-hub-signature-256", &old)]).is_err());
}

#[test]
fn a_replaced_secret_is_taken_as_long_as_it_is_given() {
    let headers: Headers<'_> = &[("x-hub-signature-256", &format!("sha256={VECTOR}"))];
    for secrets in [[SECRET, "new"], ["new", SECRET]] {
        assert!(check(WebhookAuth::Hmac, &secrets, headers, HELLO, 0).is_ok());
    }
    assert!(check(WebhookAuth::Hmac, &["new", "newer"], headers, HELLO, 0).is_err());
    // Two headers by two secrets are nobody's signature.
    let both =
        signed_headers(WebhookAuth::Hmac, "", &Secret::new("new"), "", HELLO, Timestamp::EPOCH);
    let mixed: Headers<'_> = &[headers[0], ("x-webhook-signature", &both[0].1)];
    assert!(check(WebhookAuth::Hmac, &[SECRET, "new"], mixed, HELLO, 0).is_err());
}

fn standard(headers: Headers<'_>, now: i64) -> Result<Verified, Rejected> {
    check(WebhookAuth::Standard, &[WHSEC], headers, BODY, now)
}

fn message<'a>(timestamp: &'a str, signature: &'a str) -> [(&'a str, &'a str); 3] {
    [("webhook-id", ID), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]
}

#[test]
fn we_sign_what_the_reference_implementation_signs() {
    let oracle = standardwebhooks::Webhook::new(WHSEC).unwrap();
    assert_eq!(oracle.sign(ID, SIGNED_AT, BODY).unwrap(), REFERENCE);
    for (id, at, body) in
        [(ID, SIGNED_AT, BODY), ("a", 0, &b""[..]), ("x.y", 1, "ä{}".as_bytes()), (ID, 99, b"1.2")]
    {
        let now = Timestamp::from_secs(at);
        let ours = signed_headers(WebhookAuth::Standard, "", &Secret::new(WHSEC), id, body, now);
        let theirs = oracle.sign(id, at, body).unwrap();
        assert_eq!(ours[2], ("webhook-signature".to_owned(), theirs.clone()));
        let at_text = at.to_string();
        let headers: Headers<'_> =
            &[("webhook-id", id), ("webhook-timestamp", &at_text), ("webhook-signature", &theirs)];
        let verified = check(WebhookAuth::Standard, &[WHSEC], headers, body, at).unwrap();
        assert_eq!(verified.message_id.as_deref(), Some(id));
    }
}

/// The list of cases that the reference implementations test, in their order.
#[test]
fn the_cases_of_the_reference_implementations_hold() {
    let at = SIGNED_AT.to_string();
    let good = message(&at, REFERENCE);
    // A valid signature, by a secret with and without its prefix.
    assert!(standard(&good, SIGNED_AT).is_ok());
    let bare = WHSEC.trim_start_matches("whsec_");
    assert!(check(WebhookAuth::Standard, &[bare], &good, BODY, SIGNED_AT).is_ok());
    // Each header missing, or there twice.
    for n in 0..3 {
        let mut missing = good.to_vec();
        missing.remove(n);
        assert!(matches!(standard(&missing, SIGNED_AT), Err(Rejected::Missing(_))), "{n}");
        let mut twice = good.to_vec();
        twice.push(good[n]);
        assert!(matches!(standard(&twice, SIGNED_AT), Err(Rejected::Malformed(_))), "{n}");
    }
    // Time stamps that are none.
    for odd in
        ["", "soon", "-1", "+1649367553", "1649367553.0", "1e9", "0x1", "9223372036854775808"]
    {
        let result = standard(&message(odd, REFERENCE), SIGNED_AT);
        assert!(matches!(result, Err(Rejected::Malformed(_))), "{odd}");
    }
    // The window: 5 minutes either way, its ends included.
    for (shift, taken) in [(300, true), (-300, true), (301, false), (-301, false), (86_400, false)]
    {
        assert_eq!(standard(&good, SIGNED_AT + shift).is_ok(), taken, "{shift}");
    }
    assert!(matches!(standard(&good, SIGNED_AT + 400), Err(Rejected::Stale(400))));
    assert!(matches!(standard(&good, SIGNED_AT - 400), Err(Rejected::Future(400))));
    // A time stamp that was moved into the window does not fit the signature.
    let later = (SIGNED_AT + 400).to_string();
    assert!(matches!(
        standard(&message(&later, REFERENCE), SIGNED_AT + 400),
        Err(Rejected::Signature(_))
    ));
    // Signatures that are wrong, in part, of another version, or none.
    let wrong = STANDARD.encode([0; 32]);
    for odd in [
        "",
        "v1",
        "v1,",
        "v1, ",
        ",",
        REFERENCE.trim_start_matches("v1,"),
        &REFERENCE[..8],
        &REFERENCE[..REFERENCE.len() - 1],
        &format!("{REFERENCE}="),
        &REFERENCE.replace("v1", "v2"),
        &REFERENCE.replace("v1", "v1a"),
        &format!("v1,{wrong}"),
        "v1,é",
        "\u{FFFD}",
        &format!("v1,{wrong} v1,{wrong} v1a,{wrong}"),
    ] {
        assert!(
            matches!(standard(&message(&at, odd), SIGNED_AT), Err(Rejected::Signature(_))),
            "{odd}"
        );
    }
    // Several signatures, ours among them.
    let several = format!("v1,{wrong} v2,{wrong} {REFERENCE} v1,{wrong}");
    assert!(standard(&message(&at, &several), SIGNED_AT).is_ok());
    // A changed body, id or secret.
    assert!(check(WebhookAuth::Standard, &[WHSEC], &good, b"{}", SIGNED_AT).is_err());
    let mut renamed = good;
    renamed[0].1 = "msg_other";
    assert!(standard(&renamed, SIGNED_AT).is_err());
    renamed[0].1 = "";
    assert!(matches!(standard(&renamed, SIGNED_AT), Err(Rejected::Malformed(_))));
    let stranger = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(check(WebhookAuth::Standard, &[stranger], &good, BODY, SIGNED_AT).is_err());
    assert!(check(WebhookAuth::Standard, &[stranger, WHSEC], &good, BODY, SIGNED_AT).is_ok());
    // Secrets that are no base64.
    for broken in ["", "whsec_", "whsec_!", "é"] {
        let result = check(WebhookAuth::Standard, &[broken], &good, BODY, SIGNED_AT);
        assert_eq!(result, Err(Rejected::NoSecret), "{broken:?}");
    }
}

#[test]
fn tokens_must_be_the_whole_secret_and_nothing_else() {
    let table = [(WebhookAuth::GitlabToken, "x-gitlab-token"), (WebhookAuth::HeaderToken, "x-own")];
    for (auth, header) in table {
        let secret = "0123456789abcdef0123456789abcdef";
        let with = |value: &str| check(auth, &["old one", secret], &[(header, value)], b"x", 0);
        assert!(with(secret).is_ok());
        assert!(with("old one").is_ok());
        let upper = secret.to_uppercase();
        for odd in ["", "0", &secret[1..], &secret[..31], &upper, "Bearer x", "\u{FFFD}"] {
            assert!(matches!(with(odd), Err(Rejected::Token(_))), "{odd}");
        }
        let longer = format!("{secret}0");
        assert!(with(&longer).is_err());
        assert!(with(&format!("{secret} ")).is_err());
        // All of them, and the same one.
        assert!(check(auth, &[secret], &[(header, secret), (header, "x")], b"x", 0).is_err());
        assert!(
            check(auth, &["old one", secret], &[(header, secret), (header, "old one")], b"", 0)
                .is_err()
        );
        assert!(matches!(
            check(auth, &[secret], &[("x-other", secret)], b"", 0),
            Err(Rejected::Missing(_))
        ));
        assert!(check(auth, &[], &[(header, "")], b"", 0).is_err());
    }
}

#[test]
fn basic_takes_one_user_and_the_secret_as_password() {
    let secret = "a:secret:with:colons:in-it";
    let with =
        |value: &str| check(WebhookAuth::Basic, &[secret], &[("authorization", value)], b"", 0);
    let encoded = |plain: &str| format!("Basic {}", STANDARD.encode(plain));
    assert!(with(&encoded(&format!("syncline:{secret}"))).is_ok());
    assert!(with(&encoded(&format!("syncline:{secret}")).replace("Basic", "bAsIc")).is_ok());
    for odd in [
        encoded(&format!("other:{secret}")),
        encoded(&format!("Syncline:{secret}")),
        encoded("syncline:"),
        encoded("syncline"),
        encoded(&format!("syncline:{secret}\0")),
        encoded(&format!("syncline:{secret}x")),
        encoded(""),
        format!("Bearer {}", STANDARD.encode(format!("syncline:{secret}"))),
        STANDARD.encode(format!("syncline:{secret}")),
        "Basic".to_owned(),
        "Basic !".to_owned(),
        String::new(),
    ] {
        assert!(with(&odd).is_err(), "{odd}");
    }
    let good = encoded(&format!("syncline:{secret}"));
    let twice: Headers<'_> = &[("authorization", &good), ("authorization", &good)];
    assert!(check(WebhookAuth::Basic, &[secret], twice, b"", 0).is_err());
}

#[test]
fn where_the_address_is_the_secret_nothing_more_is_asked_for() {
    assert!(check(WebhookAuth::UrlToken, &[], &[], b"x", 0).is_ok());
}

#[test]
fn what_we_sign_we_take_in_every_way() {
    let secret = Secret::new(WHSEC);
    for auth in WebhookAuth::ALL {
        let now = Timestamp::from_secs(1_000);
        let headers = signed_headers(*auth, "x-own", &secret, "m", b"body", now);
        let proof =
            Proof { auth: *auth, header_name: "x-own", headers: &headers, body: b"body", now };
        assert!(verify(std::slice::from_ref(&secret), &proof).is_ok(), "{auth}");
    }
}

const NAMES: [&str; 10] = [
    "x-hub-signature-256",
    "x-webhook-signature",
    "x-hub-signature",
    "x-redmine-signature-256",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "x-gitlab-token",
    "authorization",
    "x-own",
];

const TRIED: [WebhookAuth; 5] = [
    WebhookAuth::Hmac,
    WebhookAuth::Standard,
    WebhookAuth::GitlabToken,
    WebhookAuth::Basic,
    WebhookAuth::HeaderToken,
];

fn secrets() -> [Secret; 2] {
    [Secret::new(WHSEC), Secret::new("5d41402abc4b2a76b9719d911017c592")]
}

/// A value as an attacker would try it: of the right form, of nearly the right form, or of none.
fn value(rng: &SeededRng) -> String {
    let count = usize::try_from(rng.below(48)).unwrap();
    let mut bytes = vec![0; count];
    rng.fill(&mut bytes);
    let mut mac = [0; 32];
    rng.fill(&mut mac);
    match rng.below(10) {
        0 => format!("sha256={}", hex::encode(mac)),
        1 => format!("sha256={}", hex::encode(bytes)),
        2 => format!("sha1={}", hex::encode(&mac[..20])),
        3 => format!("v1,{} v1,{}", STANDARD.encode(mac), STANDARD.encode(bytes)),
        4 => format!("Basic {}", STANDARD.encode([b"syncline:", &bytes[..]].concat())),
        5 => (SIGNED_AT + i64::try_from(count).unwrap()).to_string(),
        6 => format!("sha256={VECTOR}"),
        7 => REFERENCE.to_owned(),
        8 => hex::encode(mac),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// The chance is seeded: a failure comes again.
#[test]
fn a_hundred_thousand_random_requests_prove_nothing() {
    let (rng, secrets) = (SeededRng::new(20_261_124), secrets());
    for round in 0..100_000 {
        let pick = |end: usize| usize::try_from(rng.below(end.try_into().unwrap())).unwrap();
        let headers: Vec<_> =
            (0..pick(6)).map(|_| (NAMES[pick(NAMES.len())].to_owned(), value(&rng))).collect();
        let auth = TRIED[pick(TRIED.len())];
        let body = value(&rng).into_bytes();
        let now = Timestamp::from_secs(SIGNED_AT);
        let proof = Proof { auth, header_name: "x-own", headers: &headers, body: &body, now };
        assert!(verify(&secrets, &proof).is_err(), "round {round}: {auth} {headers:?}");
    }
}

proptest! {
    #[test]
    fn no_text_at_all_proves_anything(
        headers in prop::collection::vec((prop::sample::select(NAMES.to_vec()), ".{0,60}"), 0..6),
        body in prop::collection::vec(any::<u8>(), 0..40),
        auth in prop::sample::select(TRIED.to_vec()),
        now in any::<i64>(),
    ) {
        let headers: Vec<_> = headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        let now = Timestamp::from_micros(now);
        let proof = Proof { auth, header_name: "x-own", headers: &headers, body: &body, now };
        prop_assert!(verify(&secrets(), &proof).is_err());
    }
}

/// A guard over the source: what proves something is compared by `ring::hmac::verify` alone.
#[test]
fn no_line_compares_a_mac_or_a_secret_with_an_operator() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let mut files = vec![std::path::PathBuf::from(source)];
    let (mut seen, mut verifies) = (0, 0);
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            seen += 1;
            verifies += usize::from(line.contains("hmac::verify("));
            let telling = ["mac", "secret", "signature", "password", "tag", "expected", "given"];
            let sides = [" == ", " != "].iter().filter_map(|sign| line.split_once(sign));
            for (left, right) in sides {
                let left = left.rsplit(' ').next().unwrap_or_default();
                let right = right.split(' ').next().unwrap_or_default();
                let tells =
                    |side: &str| telling.iter().any(|word| side.to_lowercase().contains(word));
                let length = left.ends_with(".len()");
                assert!(length || !tells(left) && !tells(right), "{}: {line}", path.display());
            }
            assert!(!line.contains("constant_time"), "{}: {line}", path.display());
        }
    }
    assert!(seen > 500 && verifies == 3, "{seen} lines, {verifies} comparisons");
}
