//! Which kinds there are, and how each makes its connectors.

use std::sync::Arc;

use serde_json::Value;
use syncline_domain::ports::{
    Clock, Connector, ConnectorError, ConnectorFactory, ConnectorTypeInfo, ErrorKind, EventReader,
    EventReaders, PortableFilter,
};
use syncline_domain::{ConnectorSettings, Credentials, FieldFault, FieldType, fingerprint};
use syncline_outbound::{Client, Limits, Outbound};

use url::Url;

use crate::{Readers, azuredevops, redmine, servicedeskplus};

/// What the registry knows of a kind.
struct Kind {
    name: &'static str,
    info: fn() -> ConnectorTypeInfo,
    check_settings: fn(&ConnectorSettings, Option<&Credentials>) -> Vec<FieldFault>,
    check_filter: fn(&Value) -> Vec<FieldFault>,
    open: Open,
    /// Calls that one credential may have in flight, unless `metadata.max_in_flight` says otherwise.
    in_flight: usize,
}

type Open = fn(
    &ConnectorSettings,
    &Credentials,
    Client,
    Arc<dyn Clock>,
) -> Result<Arc<dyn Connector>, ConnectorError>;

/// Every kind, in the order in which people should see them.
const KINDS: &[Kind] = &[
    Kind {
        name: azuredevops::NAME,
        info: azuredevops::info,
        check_settings: azuredevops::check_settings,
        check_filter: azuredevops::check_filter,
        open: azuredevops::open,
        in_flight: 8,
    },
    Kind {
        name: servicedeskplus::NAME,
        info: servicedeskplus::info,
        check_settings: servicedeskplus::check_settings,
        check_filter: servicedeskplus::check_filter,
        open: servicedeskplus::open,
        in_flight: 4,
    },
    Kind {
        name: redmine::NAME,
        info: redmine::info,
        check_settings: redmine::check_settings,
        check_filter: redmine::check_filter,
        open: redmine::open,
        in_flight: 4,
    },
];

/// All connector kinds over one outgoing HTTP client.
pub struct Connectors {
    outbound: Outbound,
    clock: Arc<dyn Clock>,
}

impl Connectors {
    /// Over this client and clock.
    #[must_use]
    pub const fn new(outbound: Outbound, clock: Arc<dyn Clock>) -> Self {
        Self { outbound, clock }
    }

    /// What is wrong with an address that would never be called. One that is none is the kind's own matter.
    fn unreachable(&self, path: &str, address: &str) -> Option<FieldFault> {
        let address = address.trim();
        let url = Url::parse(address).ok().filter(Url::has_host);
        let url = url.or_else(|| Url::parse(&format!("https://{address}")).ok())?;
        let refused = self.outbound.check_url(&url).err()?;
        let advice = refused.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        Some(FieldFault::new(path, format!("{}{advice}", refused.reason())))
    }

    /// The client of a credential: everybody who uses it shares one limiter.
    fn client(
        &self,
        kind: &Kind,
        settings: &ConnectorSettings,
        credentials: &Credentials,
    ) -> Client {
        let secret = Value::String(credentials.to_plain_json());
        let mut name = fingerprint(&secret, FieldType::Picklist);
        name.truncate(12);
        let name = format!("{} {} {name}", kind.name, settings.base_url);
        let in_flight = settings
            .metadata
            .get("max_in_flight")
            .and_then(Value::as_u64)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(kind.in_flight)
            .clamp(1, 64);
        self.outbound.credential(&name, Limits { max_in_flight: in_flight, ..Limits::default() })
    }
}

fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

fn unknown(name: &str) -> String {
    let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    format!("{name:?} is no connector type; use one of {}", known.join(", "))
}

impl ConnectorFactory for Connectors {
    fn types(&self) -> Vec<ConnectorTypeInfo> {
        KINDS.iter().map(|kind| (kind.info)()).collect()
    }

    fn check_settings(
        &self,
        settings: &ConnectorSettings,
        credentials: Option<&Credentials>,
    ) -> Vec<FieldFault> {
        match kind(&settings.connector_type) {
            Some(kind) => {
                let mut faults = (kind.check_settings)(settings, credentials);
                faults.extend(self.unreachable("/base_url", &settings.base_url));
                let accounts = settings.metadata.get("accounts_url").and_then(Value::as_str);
                faults.extend(
                    accounts.and_then(|url| self.unreachable("/metadata/accounts_url", url)),
                );
                faults
            }
            None => vec![FieldFault::new("/connector_type", unknown(&settings.connector_type))],
        }
    }

    fn check_filter(&self, connector_type: &str, filter: &Value) -> Vec<FieldFault> {
        let native = match PortableFilter::split(filter) {
            Ok((_, native)) => native,
            Err(faults) => return faults,
        };
        match (kind(connector_type), native) {
            (Some(kind), Some(native)) => (kind.check_filter)(&native),
            _ => Vec::new(),
        }
    }

    fn open(
        &self,
        settings: &ConnectorSettings,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Connector>, ConnectorError> {
        let Some(kind) = kind(&settings.connector_type) else {
            return Err(ConnectorError::new(ErrorKind::Invalid, unknown(&settings.connector_type)));
        };
        let client = self.client(kind, settings, credentials);
        (kind.open)(settings, credentials, client, Arc::clone(&self.clock))
    }
}

impl EventReaders for Connectors {
    fn reader(&self, connector_type: &str) -> Option<&dyn EventReader> {
        const READERS: &Readers = &Readers;
        READERS.reader(connector_type)
    }
}
