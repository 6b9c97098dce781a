//! Names to addresses, through the policy: what is not allowed is never connected to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use syncline_domain::ports::BoxFuture;

use crate::address::AddressClass;
use crate::policy::{AddressPolicy, Refused};

/// Asks for the addresses of a name.
pub(crate) type Lookup =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// The operating system's way.
pub(crate) fn system_lookup() -> Lookup {
    Arc::new(|host| {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) })
    })
}

/// A lookup with the policy behind it.
pub(crate) struct CheckedResolver {
    pub(crate) lookup: Lookup,
    pub(crate) policy: Arc<AddressPolicy>,
    /// Hosts of configured proxies.
    pub(crate) trusted: Arc<Vec<String>>,
}

/// The lookup knows no address.
#[derive(Debug, thiserror::Error)]
#[error("no address")]
pub(crate) struct NoAddress;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let trusted = Arc::clone(&self.trusted);
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let host = name.as_str();
            let is_proxy = trusted.iter().any(|proxy| proxy == host);
            let mut found = found.await.map_err(|_| NoAddress)?;
            if is_proxy {
                found.retain(|address| !AddressClass::of(address.ip()).is_never_reached());
            }
            let allowed = if is_proxy { found } else { allowed_of(&policy, host, found)? };
            if allowed.is_empty() {
                return Err(NoAddress.into());
            }
            let addrs: Addrs = Box::new(allowed.into_iter());
            Ok(addrs)
        })
    }
}

/// The addresses that may be connected to; the first refusal when none is left.
fn allowed_of(
    policy: &AddressPolicy,
    host: &str,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, Refused> {
    let mut first = None;
    let mut allowed = Vec::with_capacity(found.len());
    for address in found {
        match policy.check(host, address.ip()) {
            Ok(()) => allowed.push(address),
            Err(refused) => first = first.or(Some(refused)),
        }
    }
    match first {
        Some(refused) if allowed.is_empty() => Err(refused),
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_good_and_bad_addresses_keeps_the_good_ones_only() {
        let policy = AddressPolicy::channels();
        let of = |list: &[&str]| list.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>();
        let mixed = of(&["127.0.0.1:0", "8.8.8.8:0", "10.0.0.1:0"]);
        assert_eq!(allowed_of(&policy, "h", mixed).unwrap(), of(&["8.8.8.8:0"]));
        let bad = allowed_of(&policy, "h", of(&["10.0.0.1:0", "127.0.0.1:0"]));
        assert_eq!(bad.unwrap_err().ip.to_string(), "10.0.0.1");
        assert!(allowed_of(&policy, "h", Vec::new()).unwrap().is_empty());
    }

    /// A name server that answers differently each time.
    fn flipping() -> Lookup {
        let turn = std::sync::atomic::AtomicUsize::new(0);
        Arc::new(move |_| {
            let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let answers: [&[&str]; 4] = [
                &["8.8.8.8:0"],
                &["127.0.0.1:0"],
                &["[::1]:0", "8.8.8.8:0"],
                &["169.254.169.254:0", "[::ffff:127.0.0.1]:0"],
            ];
            let answer = answers[turn % 4].iter().map(|a| a.parse().unwrap());
            let answer: Vec<SocketAddr> = answer.collect();
            Box::pin(std::future::ready(Ok(answer)))
        })
    }

    #[tokio::test]
    async fn a_flipping_name_server_never_leads_to_loopback() {
        let resolver = CheckedResolver {
            lookup: flipping(),
            policy: Arc::new(AddressPolicy::channels()),
            trusted: Arc::default(),
        };
        let mut refused = 0;
        for _ in 0..200 {
            match resolver.resolve("flip.example".parse().unwrap()).await {
                Ok(addresses) => {
                    let list: Vec<_> = addresses.map(|a| a.ip().to_string()).collect();
                    assert_eq!(list, ["8.8.8.8"]);
                }
                Err(error) => {
                    assert!(error.is::<Refused>());
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 100);
    }

    #[tokio::test]
    async fn a_proxy_may_be_near_but_is_no_way_to_metadata() {
        let resolver = CheckedResolver {
            lookup: flipping(),
            policy: Arc::new(AddressPolicy::channels()),
            trusted: Arc::new(vec!["proxy.example".to_owned()]),
        };
        let mut seen = Vec::new();
        for _ in 0..4 {
            let addresses = resolver.resolve("proxy.example".parse().unwrap()).await.unwrap();
            seen.extend(addresses.map(|a| a.ip().to_string()));
        }
        assert_eq!(seen, ["8.8.8.8", "127.0.0.1", "::1", "8.8.8.8", "::ffff:127.0.0.1"]);
    }
}
