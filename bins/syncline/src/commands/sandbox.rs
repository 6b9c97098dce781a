//! `syncline sandbox`: sandbox trackers alone.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_engine::SystemClock;
use syncline_sandbox::{AzureDevOps, RunningSandbox, SandboxOptions, ServiceDeskPlus};

use crate::cli::SandboxArgs;
use crate::output::Output;
use crate::serve::stop_signal;

pub(crate) async fn run(args: SandboxArgs, out: Output) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.azure_devops.is_some() || args.servicedesk.is_some(),
        "name at least one tracker: --azure-devops PORT or --servicedesk PORT (0 takes any free port)"
    );
    let options = |port| {
        SandboxOptions::new(Arc::new(SystemClock::new()))
            .items(args.items)
            .port(port)
            .latency(Duration::from_millis(args.latency_ms))
    };
    let mut running: Vec<RunningSandbox> = Vec::new();
    if let Some(port) = args.azure_devops {
        running.push(AzureDevOps::start(options(port)).await?);
    }
    if let Some(port) = args.servicedesk {
        running.push(ServiceDeskPlus::start(options(port)).await?);
    }
    let infos: Vec<Value> =
        running.iter().map(|one| serde_json::to_value(one.info())).collect::<Result<_, _>>()?;
    out.show(&json!({"sandboxes": infos}), || {
        let lines = running.iter().map(|one| {
            let info = one.info();
            format!(
                "{}: base_url {} endpoint {:?} credentials {}\n  control: {}/info",
                info.connector_type,
                info.base_url,
                info.endpoint,
                json!(one.credentials()),
                one.control_url()
            )
        });
        let mut text = lines.collect::<Vec<_>>().join("\n");
        text.push_str("\nCtrl-C ends");
        text
    });
    stop_signal().await;
    for one in running {
        one.stop().await;
    }
    Ok(())
}
