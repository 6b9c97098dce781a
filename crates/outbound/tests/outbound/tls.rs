//! What is wrong with a certificate is told in words that lead to the cure.
#![expect(clippy::unwrap_used, reason = "a test's way to say no")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use crate::support::{JumpClock, config, outbound};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use syncline_domain::ports::ErrorKind;
use syncline_outbound::{Client, Failure, Limits, OutboundError, Request, TlsFault};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server whose certificate is for `name` and valid over these years.
    fn serve(&self, name: &str, years: std::ops::Range<i32>) -> SocketAddr {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || answer_all(&listener, &Arc::new(config)));
        address
    }

    fn client(&self, trusted: bool) -> Client {
        let mut config = config();
        config.attempts = 1;
        if trusted {
            config.extra_ca = vec![self.pem.clone().into_bytes()];
        }
        outbound(&JumpClock::new(), config).credential("c", Limits::default())
    }
}

fn answer_all(listener: &TcpListener, config: &Arc<rustls::ServerConfig>) {
    for socket in listener.incoming() {
        let session = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(session, socket.unwrap());
        let mut buffer = [0; 4_096];
        if stream.read(&mut buffer).is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }
}

async fn call(client: &Client, address: SocketAddr) -> Result<u16, OutboundError> {
    let url = format!("https://localhost:{}/", address.port());
    let request = Request::post(url.parse().unwrap()).json(&1);
    Ok(client.send(request).await?.status)
}

#[tokio::test]
async fn certificates_are_judged_and_the_words_fit() {
    let authority = Authority::new();
    let good = authority.serve("localhost", 2020..2090);
    let trusting = authority.client(true);
    assert_eq!(call(&trusting, good).await.unwrap(), 204);

    let table = [
        (authority.client(false), good, TlsFault::UnknownAuthority, "EXTRA_CA_FILE"),
        (
            trusting.clone(),
            authority.serve("other.example", 2020..2090),
            TlsFault::WrongName,
            "name",
        ),
        (trusting.clone(), authority.serve("localhost", 2001..2002), TlsFault::Expired, "clock"),
        (
            trusting.clone(),
            authority.serve("localhost", 2088..2090),
            TlsFault::NotYetValid,
            "clock",
        ),
    ];
    for (client, address, fault, word) in table {
        let error = call(&client, address).await.unwrap_err();
        assert_eq!(error.failure, Failure::Tls(fault));
        let error = error.into_connector_error(true);
        assert_eq!(error.kind, ErrorKind::Unavailable, "nothing was sent");
        assert!(error.for_people().contains(word), "{}", error.for_people());
    }
}

#[tokio::test]
async fn a_port_without_tls_is_a_tls_fault() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut hello = [0; 16];
        socket.read_exact(&mut hello).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let error = call(&Authority::new().client(false), address).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Tls(TlsFault::Other(_))), "{error:?}");
}

/// Runs again as a process of its own, in which the system has no certificate authorities.
#[test]
fn a_machine_without_authorities_still_starts() {
    let name = "a_machine_without_authorities_still_starts";
    if std::env::var_os("SSL_CERT_DIR").is_some_and(|dir| dir.to_string_lossy().contains(name)) {
        let clock: Arc<dyn syncline_domain::ports::Clock> = JumpClock::new();
        let chance = Arc::new(crate::support::NoChance);
        assert!(syncline_outbound::Outbound::new(config(), clock.clone(), chance.clone()).is_ok());
        let mut config = config();
        config.extra_ca = vec![Authority::new().pem.into_bytes()];
        assert!(syncline_outbound::Outbound::new(config, clock, chance).is_ok());
        return;
    }
    let directory = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("empty.pem"), "").unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("tls::{name}")])
        .env("SSL_CERT_FILE", directory.join("empty.pem"))
        .env("SSL_CERT_DIR", &directory)
        .output();
    std::fs::remove_dir_all(&directory).unwrap();
    let child = child.unwrap();
    let text = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn extra_authorities_that_are_none_stop_the_start() {
    let mut config = config();
    config.extra_ca = vec![b"no pem".to_vec()];
    let clock = JumpClock::new();
    let made = syncline_outbound::Outbound::new(config, clock, Arc::new(crate::support::NoChance));
    assert!(made.is_err());
}
