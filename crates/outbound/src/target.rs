//! What can be said about an address before anything is sent.

use std::net::IpAddr;

use url::{Host, Url};

use crate::config::PlainHttp;
use crate::error::Failure;
use crate::policy::AddressPolicy;

/// Ports of other protocols that a forged address must not reach (the list of the Fetch standard, "bad port").
const BAD_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
    465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
    993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
    6668, 6669, 6679, 6697, 10080,
];

/// Checks scheme, user info, port and, where the host is an address, the address.
pub(crate) fn check(url: &Url, policy: &AddressPolicy, plain: &PlainHttp) -> Result<(), Failure> {
    let host =
        url.host_str().ok_or_else(|| Failure::Request("the address has no host".to_owned()))?;
    check_literal(url, host, policy)?;
    match url.scheme() {
        "https" => {}
        "http" if plain.allows(url) => {}
        "http" => {
            return Err(Failure::PlainHttp { host: host.to_owned() });
        }
        other => {
            return Err(Failure::Request(format!("{other} addresses are never called; use https")));
        }
    }
    if !url.username().is_empty() || url.password().is_some() {
        let fault = "the address holds a user or password; enter them as credentials instead";
        return Err(Failure::Request(fault.to_owned()));
    }
    match url.port() {
        Some(port) if BAD_PORTS.contains(&port) => {
            return Err(Failure::Request(format!(
                "port {port} belongs to another protocol and is never called"
            )));
        }
        _ => {}
    }
    Ok(())
}

/// An address that is never called is no matter of TLS, so it is told first.
fn check_literal(url: &Url, host: &str, policy: &AddressPolicy) -> Result<(), Failure> {
    let literal = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip),
        _ => return Ok(()),
    };
    policy.check(host, literal).map_err(Failure::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguised_addresses_are_seen_through() {
        let policy = AddressPolicy::channels();
        let plain = PlainHttp::default();
        let refused = [
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://%31%32%37.0.0.1/",
            "https://①②⑦.0.0.1/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://169.254.169.254/latest/meta-data",
            "http://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
        ];
        for text in refused {
            let url = text.parse().unwrap();
            let result = check(&url, &policy, &plain);
            assert!(matches!(result, Err(Failure::Refused(_))), "{text}");
        }
        for text in ["https://8.8.8.8/", "https://example.com:8443/x"] {
            assert_eq!(check(&text.parse().unwrap(), &policy, &plain), Ok(()));
        }
    }

    #[test]
    fn scheme_port_and_user_info_are_checked() {
        let policy = AddressPolicy::connectors(true);
        let plain = PlainHttp::default();
        let fault = |text: &str| check(&text.parse().unwrap(), &policy, &plain).unwrap_err();
        assert!(
            matches!(fault("http://tracker.lan/"), Failure::PlainHttp { host } if host == "tracker.lan")
        );
        for (text, word) in [
            ("ftp://example.com/", "ftp"),
            ("https://example.com:25/", "25"),
            ("https://example.com:6667/", "6667"),
            ("https://u:hunter2@example.com/", "credentials"),
        ] {
            let Failure::Request(fault) = fault(text) else {
                panic!("{text} is refused for its form");
            };
            assert!(fault.contains(word) && !fault.contains("hunter2"), "{fault}");
        }
        assert_eq!(check(&"http://127.0.0.1:3000/".parse().unwrap(), &policy, &plain), Ok(()));
    }
}
