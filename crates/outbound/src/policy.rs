//! Which addresses may be reached.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::address::{AddressClass, canonical};

/// Networks and host names that may be reached although they are not public: `ALLOWED_NETWORKS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    networks: Vec<IpNet>,
    hosts: Vec<String>,
}

impl AllowList {
    /// Reads entries separated by commas or white space: `10.0.0.0/8`, `192.168.7.3`, `fd00::/8`, `redmine.lan`,
    /// `*.corp.example`.
    ///
    /// # Errors
    /// The first entry that is neither a network, an address nor a host name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut list = Self::default();
        for entry in text.split([',', ' ', '\t', '\n', '\r', ';']) {
            let entry = entry.trim();
            if !entry.is_empty() {
                list.add(entry)?;
            }
        }
        Ok(list)
    }

    fn add(&mut self, entry: &str) -> Result<(), String> {
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Ok(network) = bare.parse::<IpNet>() {
            self.networks.push(network);
        } else if let Ok(ip) = bare.parse::<IpAddr>() {
            self.networks.push(IpNet::from(canonical(ip)));
        } else if is_host_pattern(entry) {
            self.hosts.push(normal_host(entry));
        } else {
            return Err(format!(
                "{entry:?} is neither a network such as 10.0.0.0/8 nor a host name"
            ));
        }
        Ok(())
    }

    /// Whether the list names this host or this address.
    #[must_use]
    pub fn allows(&self, host: &str, ip: IpAddr) -> bool {
        let ip = canonical(ip);
        self.networks.iter().any(|network| network.contains(&ip)) || self.names(host)
    }

    fn names(&self, host: &str) -> bool {
        let host = normal_host(host);
        self.hosts.iter().any(|pattern| match pattern.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix) && host.len() > suffix.len(),
            None => *pattern == host,
        })
    }
}

fn normal_host(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn is_host_pattern(entry: &str) -> bool {
    let name = entry.strip_prefix("*.").unwrap_or(entry);
    // A numeric last label is a mistyped address or network, never a name.
    let last_is_number =
        name.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    !last_is_number
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_') || b >= 0x80)
}

/// Decides about each address before it is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPolicy {
    private: bool,
    loopback: bool,
    allowed: AllowList,
}

impl AddressPolicy {
    /// For connectors: public and private addresses; loopback when `loopback` (the server itself is bound to it).
    #[must_use]
    pub fn connectors(loopback: bool) -> Self {
        Self { private: true, loopback, allowed: AllowList::default() }
    }

    /// For notification channels: public addresses only.
    #[must_use]
    pub fn channels() -> Self {
        Self { private: false, loopback: false, allowed: AllowList::default() }
    }

    /// Opens what the operator lists; never link-local or metadata addresses.
    #[must_use]
    pub fn allowing(mut self, allowed: AllowList) -> Self {
        self.allowed = allowed;
        self
    }

    /// Whether `ip`, to which `host` resolves, may be connected to.
    ///
    /// # Errors
    /// [`Refused`] with the class and what would open it.
    pub fn check(&self, host: &str, ip: IpAddr) -> Result<(), Refused> {
        let class = AddressClass::of(ip);
        let open = match class {
            AddressClass::Public => true,
            AddressClass::Private => self.private,
            AddressClass::Loopback => self.loopback,
            _ => false,
        };
        if open || (!class.is_never_reached() && self.allowed.allows(host, ip)) {
            return Ok(());
        }
        Err(Refused { host: host.to_owned(), ip, class })
    }
}

/// An address that the policy does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at {ip}, a {class} address that may not be reached")]
pub struct Refused {
    /// The host as it was asked for.
    pub host: String,
    /// The address at fault.
    pub ip: IpAddr,
    /// Its class.
    pub class: AddressClass,
}

impl Refused {
    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        if self.class.is_never_reached() {
            "use the address of the tracker itself; this kind of address is never called".to_owned()
        } else {
            format!("if this is intended, add {} or its network to ALLOWED_NETWORKS", self.host)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_policy_opens_its_classes_and_no_others() {
        let near = AddressPolicy::connectors(true);
        let far = AddressPolicy::connectors(false);
        let channels = AddressPolicy::channels();
        // address, connectors of a loopback server, connectors, channels
        let table = [
            ("8.8.8.8", true, true, true),
            ("2606:4700:4700::1111", true, true, true),
            ("10.1.2.3", true, true, false),
            ("fd12::1", true, true, false),
            ("127.0.0.1", true, false, false),
            ("::1", true, false, false),
            ("::ffff:127.0.0.1", true, false, false),
            ("169.254.169.254", false, false, false),
            ("::ffff:169.254.169.254", false, false, false),
            ("fe80::1", false, false, false),
            ("fd00:ec2::254", false, false, false),
            ("0.0.0.0", false, false, false),
            ("224.0.0.1", false, false, false),
            ("192.0.2.1", false, false, false),
            ("2002:7f00:1::1", false, false, false),
            ("2001:0:1::8080:fffe", false, false, false),
        ];
        for (text, of_near, of_far, of_channels) in table {
            assert_eq!(near.check("h", ip(text)).is_ok(), of_near, "near {text}");
            assert_eq!(far.check("h", ip(text)).is_ok(), of_far, "far {text}");
            assert_eq!(channels.check("h", ip(text)).is_ok(), of_channels, "channels {text}");
        }
    }

    #[test]
    fn the_allow_list_opens_networks_and_names_but_never_metadata() {
        let list = AllowList::parse("10.0.0.0/8, 127.0.0.1 redmine.lan,*.corp.example").unwrap();
        let policy = AddressPolicy::channels().allowing(list);
        let table = [
            ("any", "10.9.8.7", true),
            ("any", "::ffff:10.9.8.7", true),
            ("any", "11.0.0.1", true),
            ("any", "192.168.0.1", false),
            ("any", "127.0.0.1", true),
            ("any", "127.0.0.2", false),
            ("Redmine.LAN.", "192.168.0.1", true),
            ("redmine.lan.evil", "192.168.0.1", false),
            ("a.corp.example", "192.168.0.1", true),
            ("corp.example", "192.168.0.1", false),
            ("evilcorp.example", "192.168.0.1", false),
            ("redmine.lan", "169.254.169.254", false),
            ("redmine.lan", "fe80::1", false),
            ("redmine.lan", "224.0.0.1", false),
        ];
        for (host, address, open) in table {
            assert_eq!(policy.check(host, ip(address)).is_ok(), open, "{host} {address}");
        }
    }

    #[test]
    fn metadata_stays_shut_even_when_its_network_is_listed() {
        let list = AllowList::parse("0.0.0.0/0 ::/0 metadata.google.internal").unwrap();
        let policy = AddressPolicy::connectors(true).allowing(list);
        for text in ["169.254.169.254", "169.254.1.1", "fd00:ec2::254", "fe80::1"] {
            let refused = policy.check("metadata.google.internal", ip(text)).unwrap_err();
            assert!(!refused.advice().contains("ALLOWED_NETWORKS"), "{text}");
        }
    }

    #[test]
    fn entries_that_are_no_network_and_no_name_are_named() {
        for bad in ["10.0.0.0/33", "10.0.0", "http://x", "a/b", "1.2.3.4.5"] {
            let error = AllowList::parse(bad).unwrap_err();
            assert!(error.contains(bad), "{error}");
        }
        assert_eq!(AllowList::parse(" , ").unwrap(), AllowList::default());
    }
}
