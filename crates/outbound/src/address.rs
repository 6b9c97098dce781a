//! What kind of place an IP address is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The class of an address after tunnels and mappings have been unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Reachable from the whole internet.
    Public,
    /// RFC 1918, RFC 6598 (carrier NAT) or a unique local IPv6 address.
    Private,
    /// This machine.
    Loopback,
    /// 169.254.0.0/16 or fe80::/10. Never reached.
    LinkLocal,
    /// A cloud's metadata service. Never reached.
    Metadata,
    /// No unicast address: unspecified, multicast or broadcast. Never reached.
    NotUnicast,
    /// Set aside: documentation, benchmarks, obsolete tunnels (6to4, Teredo), the future.
    Reserved,
}

impl AddressClass {
    /// The class of `ip`. IPv4 addresses inside IPv6 (mapped, compatible, NAT64, 6to4, Teredo) count as what they
    /// lead to; 6to4 and Teredo are never better than [`AddressClass::Reserved`].
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// Whether no setting opens this class.
    #[must_use]
    pub const fn is_never_reached(self) -> bool {
        matches!(self, Self::LinkLocal | Self::Metadata | Self::NotUnicast)
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::NotUnicast => "not unicast",
            Self::Reserved => "reserved",
        })
    }
}

/// The address that `ip` stands for, where it is an IPv4 address in IPv6 clothes that the system would unwrap.
pub(crate) fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// Metadata services outside the link-local range: Alibaba, Oracle, Azure's wire server.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// The metadata service of Amazon on IPv6 (its address, and the one of its neighbours for DNS and time).
const METADATA_V6_PREFIX: [u16; 2] = [0xfd00, 0x0ec2];

fn of_v4(ip: Ipv4Addr) -> AddressClass {
    let [a, b, c, _] = ip.octets();
    if METADATA_V4.contains(&ip) || ip == Ipv4Addr::new(169, 254, 169, 254) {
        return AddressClass::Metadata;
    }
    match (a, b, c) {
        (127, ..) => AddressClass::Loopback,
        (169, 254, _) => AddressClass::LinkLocal,
        (10, ..) | (192, 168, _) => AddressClass::Private,
        (172, 16..=31, _) | (100, 64..=127, _) => AddressClass::Private,
        (0, ..) | (224..=239, ..) => AddressClass::NotUnicast,
        _ if ip.is_broadcast() => AddressClass::NotUnicast,
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) => AddressClass::Reserved,
        (198, 51, 100) | (203, 0, 113) | (240..=255, ..) => AddressClass::Reserved,
        _ => AddressClass::Public,
    }
}

fn of_v6(ip: Ipv6Addr) -> AddressClass {
    if ip.is_loopback() {
        return AddressClass::Loopback;
    }
    if ip.is_unspecified() || ip.is_multicast() {
        return AddressClass::NotUnicast;
    }
    if let Some(v4) = embedded(ip) {
        return of_v4(v4);
    }
    let [a, b, ..] = ip.segments();
    match (a, b) {
        _ if [a, b] == METADATA_V6_PREFIX => AddressClass::Metadata,
        (0xfe80..=0xfebf, _) => AddressClass::LinkLocal,
        (0xfc00..=0xfdff, _) => AddressClass::Private,
        (0x2002, _) => tunnelled(v4_of_6to4(ip)),
        (0x2001, 0) => tunnelled(v4_of_teredo(ip)),
        (0x2001, 0x0db8 | 0x0010..=0x002f | 0x0002) | (0x3fff, 0..=0x0fff) => {
            AddressClass::Reserved
        }
        (0x2000..=0x3fff, _) => AddressClass::Public,
        _ => AddressClass::Reserved,
    }
}

/// Obsolete tunnels are never public: nobody runs a tracker behind one, attackers do.
fn tunnelled(inner: Ipv4Addr) -> AddressClass {
    match of_v4(inner) {
        AddressClass::Public | AddressClass::Private => AddressClass::Reserved,
        AddressClass::Loopback => AddressClass::Reserved,
        class => class,
    }
}

/// IPv4-mapped, IPv4-compatible and NAT64 (RFC 6052 well-known prefix) addresses.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let [s0, s1, s2, s3, s4, s5, high, low] = segments;
    let prefix = [s0, s1, s2, s3, s4, s5];
    let known = [
        [0, 0, 0, 0, 0, 0xffff],
        [0, 0, 0, 0, 0xffff, 0],
        [0, 0, 0, 0, 0, 0],
        [0x64, 0xff9b, 0, 0, 0, 0],
    ];
    known.contains(&prefix).then(|| v4(high, low))
}

fn v4_of_6to4(ip: Ipv6Addr) -> Ipv4Addr {
    let [_, high, low, ..] = ip.segments();
    v4(high, low)
}

/// RFC 4380: the client's address, inverted, in the last 32 bits.
fn v4_of_teredo(ip: Ipv6Addr) -> Ipv4Addr {
    let [.., high, low] = ip.segments();
    v4(!high, !low)
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_address_is_recognised() {
        use AddressClass::{LinkLocal, Loopback, Metadata, NotUnicast, Private, Public, Reserved};
        let table = [
            ("8.8.8.8", Public),
            ("1.1.1.1", Public),
            ("172.15.255.255", Public),
            ("172.32.0.1", Public),
            ("100.63.255.255", Public),
            ("100.128.0.1", Public),
            ("2606:4700:4700::1111", Public),
            ("2a00:1450:4001::1", Public),
            ("::ffff:8.8.8.8", Public),
            ("64:ff9b::808:808", Public),
            ("10.0.0.1", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("100.64.0.1", Private),
            ("100.127.255.255", Private),
            ("fc00::1", Private),
            ("fd12:3456::1", Private),
            ("::ffff:10.0.0.1", Private),
            ("64:ff9b::a00:1", Private),
            ("127.0.0.1", Loopback),
            ("127.255.255.254", Loopback),
            ("::1", Loopback),
            ("::ffff:127.0.0.1", Loopback),
            ("::127.0.0.1", Loopback),
            ("64:ff9b::7f00:1", Loopback),
            ("::ffff:0:127.0.0.1", Loopback),
            ("169.254.1.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("::ffff:169.254.7.7", LinkLocal),
            ("169.254.169.254", Metadata),
            ("::ffff:169.254.169.254", Metadata),
            ("64:ff9b::a9fe:a9fe", Metadata),
            ("2002:a9fe:a9fe::1", Metadata),
            ("fd00:ec2::254", Metadata),
            ("100.100.100.200", Metadata),
            ("192.0.0.192", Metadata),
            ("168.63.129.16", Metadata),
            ("0.0.0.0", NotUnicast),
            ("0.1.2.3", NotUnicast),
            ("::", NotUnicast),
            ("224.0.0.1", NotUnicast),
            ("239.255.255.255", NotUnicast),
            ("255.255.255.255", NotUnicast),
            ("ff02::1", NotUnicast),
            ("192.0.2.1", Reserved),
            ("198.51.100.7", Reserved),
            ("203.0.113.7", Reserved),
            ("198.18.0.1", Reserved),
            ("192.88.99.1", Reserved),
            ("240.0.0.1", Reserved),
            ("2001:db8::1", Reserved),
            ("fec0::1", Reserved),
            ("100::1", Reserved),
            ("64:ff9b:1::1", Reserved),
            ("2002:7f00:1::1", Reserved),
            ("2002:808:808::1", Reserved),
            ("2001:0:808:808::f7f7:f7f7", Reserved),
            // Teredo around 169.254.169.254: the last 32 bits are its complement.
            ("2001:0:808:808::5601:5601", Metadata),
        ];
        for (text, class) in table {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(AddressClass::of(ip), class, "{text}");
        }
    }
}
