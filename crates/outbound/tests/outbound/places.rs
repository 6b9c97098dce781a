//! Where a call may go, and how it gets there.

use crate::support::{JumpClock, Server, client, config, ok, outbound};
use syncline_domain::ports::{ErrorKind, HeldFile};
use syncline_outbound::{
    AddressPolicy, AllowList, Failure, Limits, PlainHttp, Proxies, Request, Sent,
};

#[tokio::test]
async fn a_name_that_leads_to_loopback_is_refused_at_connect_time() {
    let server = Server::start(vec![ok()]).await;
    let url = format!("http://localhost:{}/", server.address.port());
    for (policy, open) in [
        (AddressPolicy::channels(), false),
        (AddressPolicy::connectors(false), false),
        (AddressPolicy::connectors(true), true),
        (AddressPolicy::channels().allowing(AllowList::parse("localhost").unwrap()), true),
        (AddressPolicy::channels().allowing(AllowList::parse("127.0.0.0/8").unwrap()), true),
    ] {
        let mut config = config();
        config.policy = policy;
        let client = outbound(&JumpClock::new(), config).credential("c", Limits::default());
        let before = server.count();
        let outcome = client.send(Request::post(url.parse().unwrap()).json(&1)).await;
        assert_eq!(outcome.is_ok(), open);
        assert_eq!(server.count() - before, usize::from(open));
        if let Err(error) = outcome {
            assert!(matches!(error.failure, Failure::Refused(_)), "{error}");
            let error = error.into_connector_error(true);
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.for_people().contains("ALLOWED_NETWORKS"));
        }
    }
}

#[tokio::test]
async fn plain_http_and_unknown_names_say_what_to_do() {
    let client = client(&JumpClock::new());
    let plain = Request::get("http://tracker.invalid/".parse().unwrap()).bearer("t");
    let plain = client.send(plain).await.unwrap_err();
    assert_eq!(plain.sent, Sent::No);
    assert!(plain.advice().unwrap().contains("ALLOW_PLAIN_HTTP"));

    let unknown = Request::get("https://tracker.invalid/".parse().unwrap());
    let unknown = client.send(unknown).await.unwrap_err();
    assert_eq!(unknown.failure, Failure::Dns { host: "tracker.invalid".to_owned() });
    let error = unknown.into_connector_error(true);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.for_people().contains("spelling of tracker.invalid"));
}

#[tokio::test]
async fn a_proxy_is_used_but_not_for_loopback() {
    let proxy = Server::start(vec![ok()]).await;
    let tracker = Server::start(vec![ok()]).await;
    let mut config = config();
    config.plain_http = PlainHttp::parse("tracker.example other.example");
    config.proxies =
        Proxies { http: Some(proxy.url("/")), https: None, direct: "other.example".to_owned() };
    let outbound = outbound(&JumpClock::new(), config);
    let client = outbound.credential("c", Limits::default());
    let far = Request::get("http://tracker.example/issues".parse().unwrap());
    client.send(far).await.unwrap();
    assert!(proxy.seen().concat().starts_with("GET http://tracker.example/issues "));
    client.send(Request::get(tracker.url("/near"))).await.unwrap();
    assert_eq!((proxy.count(), tracker.count()), (1, 1));
    assert!(outbound.check_url(&"http://169.254.169.254/".parse().unwrap()).is_err());
}

#[tokio::test]
async fn bodies_and_credentials_arrive_as_written() {
    let server = Server::start(vec![ok()]).await;
    let client = client(&JumpClock::new());
    let file = HeldFile::new("hello");
    for request in [
        Request::post(server.url("/json?x=1"))
            .query("q", "a b&c")
            .json(&[1])
            .basic("ann", "pass:ü"),
        Request::put(server.url("/form")).form(&[("input_data", "{\"a\": 1}"), ("b", "ü")]),
        Request::post(server.url("/parts"))
            .form_file("f", "ü.txt", "text/plain", file.clone())
            .bearer("tok"),
        Request::post(server.url("/file")).file_body("text/plain", file.clone()),
        Request::delete(server.url("/raw")).body("text/csv", "a,b"),
    ] {
        client.send(request).await.unwrap();
    }
    let seen = server.seen();
    let [json, form, multi, plain, raw] = seen.as_slice() else { unreachable!("five requests") };
    assert!(json.starts_with("POST /json?x=1&q=a+b%26c HTTP/1.1"), "{json}");
    assert!(json.contains("authorization: Basic YW5uOnBhc3M6w7w=") && json.ends_with("\r\n[1]"));
    assert!(form.ends_with("\r\n\r\ninput_data=%7B%22a%22%3A+1%7D&b=%C3%BC"), "{form}");
    assert!(form.contains("content-type: application/x-www-form-urlencoded"));
    assert!(multi.contains("filename=\"ü.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n"));
    assert!(multi.contains("authorization: Bearer tok"));
    let (head, body) = multi.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{multi}");
    assert!(plain.contains("content-length: 5\r\n") && plain.ends_with("\r\n\r\nhello"), "{plain}");
    assert!(raw.contains("content-type: text/csv") && raw.ends_with("a,b"));
}
