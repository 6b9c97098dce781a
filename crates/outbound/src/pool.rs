//! The library's client: connections, names, certificates, proxies.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, redirect};

use crate::config::{ConfigError, OutboundConfig, Proxies};
use crate::diagnose;
use crate::resolve::{CheckedResolver, system_lookup};

/// Idle connections are closed before most servers would do it, so that few writes meet a closing one.
const IDLE: Duration = Duration::from_secs(30);

/// Makes the client. A machine without any certificate authority gets one, too, whose https calls fail with advice:
/// everything else of the product works there.
pub(crate) fn build(config: &OutboundConfig) -> Result<reqwest::Client, ConfigError> {
    let extra = extra_authorities(config)?;
    let error = match builder(config)?.tls_certs_merge(extra.clone()).build() {
        Ok(client) => return Ok(client),
        Err(error) => diagnose::root(&error),
    };
    let alone = builder(config)?.tls_certs_only(extra).build();
    let client = alone.map_err(|_| ConfigError::Client(error.clone()))?;
    log::warn!(
        "the system's certificate authorities cannot be used ({error}); https calls will fail: \
         install the package ca-certificates"
    );
    Ok(client)
}

fn builder(config: &OutboundConfig) -> Result<ClientBuilder, ConfigError> {
    let resolver = CheckedResolver {
        lookup: system_lookup(),
        policy: Arc::new(config.policy.clone()),
        trusted: Arc::new(config.proxies.hosts()),
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(&config.user_agent)
        .connect_timeout(config.connect_timeout)
        .redirect(redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .dns_resolver(Arc::new(resolver))
        .pool_idle_timeout(IDLE);
    for proxy in proxies_of(&config.proxies)? {
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

fn extra_authorities(config: &OutboundConfig) -> Result<Vec<Certificate>, ConfigError> {
    let mut all = Vec::new();
    for pem in &config.extra_ca {
        let found = Certificate::from_pem_bundle(pem)
            .map_err(|error| ConfigError::ExtraCa(diagnose::root(&error)))?;
        if found.is_empty() {
            return Err(ConfigError::ExtraCa("no BEGIN CERTIFICATE in it".to_owned()));
        }
        all.extend(found);
    }
    Ok(all)
}

fn proxies_of(proxies: &Proxies) -> Result<Vec<reqwest::Proxy>, ConfigError> {
    let direct = format!("localhost,127.0.0.0/8,::1,{}", proxies.direct);
    let direct = reqwest::NoProxy::from_string(&direct);
    let mut built = Vec::new();
    if let Some(url) = &proxies.http {
        let proxy = reqwest::Proxy::http(url.clone())
            .map_err(|_| ConfigError::Proxy("HTTP_PROXY".to_owned()))?;
        built.push(proxy.no_proxy(direct.clone()));
    }
    if let Some(url) = &proxies.https {
        let proxy = reqwest::Proxy::https(url.clone())
            .map_err(|_| ConfigError::Proxy("HTTPS_PROXY".to_owned()))?;
        built.push(proxy.no_proxy(direct));
    }
    Ok(built)
}
