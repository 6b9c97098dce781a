//! Names to addresses, through the policy: what is not allowed is never connected to.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::{AddressPolicy, Refused};

/// The system's resolver with the policy behind it.
pub(crate) struct CheckedResolver {
    pub(crate) policy: Arc<AddressPolicy>,
    /// Hosts of configured proxies.
    pub(crate) trusted: Arc<Vec<String>>,
}

/// The system's resolver knows no address.
#[derive(Debug, thiserror::Error)]
#[error("no address")]
pub(crate) struct NoAddress;

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let trusted = Arc::clone(&self.trusted);
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::net::lookup_host((host, 0)).await.map_err(|_| NoAddress)?.collect();
            let allowed = if trusted.iter().any(|proxy| proxy == host) {
                found
            } else {
                allowed_of(&policy, host, found)?
            };
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
}
