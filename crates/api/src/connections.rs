//! How many connections there may be, so that nobody can hold all of them.
//!
//! One that comes after the last is closed at once, before anything is read of it. Those that send nothing, or send it
//! too slowly, are ended by the time-outs of `server` and `body`.

use std::any::Any;
use std::collections::HashMap;
use std::net::IpAddr;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::dev::Extensions;
use socket2::SockRef;
use syncline_app::network;
use tokio::net::TcpStream;

/// Connections in all.
pub(crate) const MOST: usize = 1_024;
/// Connections of one address out in the world.
const FAR: usize = 64;
/// Connections of this machine or a private network: that may be a proxy, which speaks for many.
const NEAR: usize = 512;

/// Open connections by address.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection that is open; it counts until it is dropped.
struct Open {
    of: Connections,
    peer: IpAddr,
}

impl Connections {
    /// Counts a new connection, and closes it where its address has too many.
    pub(crate) fn meet(&self, stream: &dyn Any, kept: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
        let Ok(peer) = stream.peer_addr() else { return };
        match self.enter(network(peer.ip())) {
            Some(open) => {
                kept.insert(open);
            }
            None => {
                log::warn!("{} has too many connections; one more was closed", peer.ip());
                // Failing means that it is closed already.
                drop(SockRef::from(stream).shutdown(Shutdown::Both));
            }
        }
    }

    fn enter(&self, peer: IpAddr) -> Option<Open> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(peer).or_default();
        if *count >= most_of(peer) {
            return None;
        }
        *count += 1;
        Some(Open { of: self.clone(), peer })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut all = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                all.remove(&self.peer);
            }
        }
    }
}

const fn most_of(peer: IpAddr) -> usize {
    let near = match peer {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => {
            // The last 64 bits are gone, and with them the 1 of ::1.
            ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
    };
    if near { NEAR } else { FAR }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let all = Connections::default();
        let (far, other): (IpAddr, IpAddr) =
            ("203.0.113.7".parse().unwrap(), "203.0.113.8".parse().unwrap());
        let mut open: Vec<Open> = (0..FAR).filter_map(|_| all.enter(far)).collect();
        assert_eq!(open.len(), FAR);
        assert!(all.enter(far).is_none());
        assert!(all.enter(other).is_some());
        open.pop();
        assert!(all.enter(far).is_some());
        drop(open);
        assert!(all.0.lock().unwrap().is_empty(), "nothing is remembered of who is gone");
    }

    #[test]
    fn neighbours_may_be_proxies() {
        for near in ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "::1", "fd00::1"] {
            assert_eq!(most_of(network(near.parse().unwrap())), NEAR, "{near}");
        }
        for far in ["203.0.113.7", "8.8.8.8", "2001:db8::1"] {
            assert_eq!(most_of(network(far.parse().unwrap())), FAR, "{far}");
        }
    }
}
