//! Addresses that are never called are refused when they are entered, not when a sync fails.

use std::sync::Arc;

use serde_json::json;
use syncline_connectors::Connectors;
use syncline_domain::ports::ConnectorFactory as _;
use syncline_domain::{AuthType, ConnectorSettings, Credentials};
use syncline_outbound::{AddressPolicy, Outbound, OutboundConfig, PlainHttp};
use syncline_testkit::{ManualClock, SeededRng};

fn faults(kind: &str, base_url: &str, plain: &str) -> Vec<String> {
    let clock = Arc::new(ManualClock::new());
    let mut config = OutboundConfig::new(AddressPolicy::connectors(true));
    config.plain_http = PlainHttp::parse(plain);
    let outbound = Outbound::new(config, clock.clone(), Arc::new(SeededRng::new(1))).unwrap();
    let (auth_type, endpoint, name) = match kind {
        "azuredevops" => (AuthType::Pat, "Project", "token"),
        _ => (AuthType::ApiKey, "", "apiKey"),
    };
    let settings = ConnectorSettings {
        connector_type: kind.to_owned(),
        // ServiceDesk Plus is entered as its host only.
        base_url: match kind {
            "servicedeskplus" => base_url.trim_end_matches("/x").to_owned(),
            _ => base_url.to_owned(),
        },
        endpoint: endpoint.to_owned(),
        auth_type,
        metadata: json!({}),
    };
    let credentials = Credentials::new([(name, "k")]);
    let found = Connectors::new(outbound, clock).check_settings(&settings, Some(&credentials));
    found.into_iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect()
}

#[test]
fn an_address_that_is_never_called_is_refused_on_entry() {
    for kind in ["azuredevops", "servicedeskplus", "redmine"] {
        for address in [
            "https://169.254.169.254/x",
            "http://169.254.169.254/x",
            "https://2852039166/x",
            "https://0xa9fea9fe/x",
            "https://[fd00:ec2::254]/x",
            "https://[fe80::1]/x",
            "https://tracker.example:25/x",
            "http://tracker.example/x",
        ] {
            let found = faults(kind, address, "");
            assert!(!found.is_empty(), "{kind} {address}");
            assert!(found.iter().all(|fault| fault.starts_with("/base_url: ")), "{found:?}");
        }
        for address in
            ["https://tracker.example/x", "http://127.0.0.1:3000/x", "https://10.0.0.7/x"]
        {
            assert_eq!(faults(kind, address, ""), Vec::<String>::new(), "{kind} {address}");
        }
    }
}

#[test]
fn the_refusal_says_what_to_do() {
    let plain = faults("redmine", "http://tracker.example/x", "");
    assert!(plain.iter().any(|fault| fault.contains("ALLOW_PLAIN_HTTP")), "{plain:?}");
    assert_eq!(
        faults("redmine", "http://tracker.example/x", "tracker.example"),
        Vec::<String>::new()
    );
    let metadata = faults("redmine", "http://169.254.169.254/x", "");
    assert!(!metadata.iter().any(|fault| fault.contains("ALLOW_PLAIN_HTTP")), "{metadata:?}");
}
