//! What rules may know about the run that they are part of.

use serde::Serialize;
use syncline_domain::{RunDirection, Side, SyncSpec};

/// The facts behind `context` in expressions and `$context.<key>` in arguments and constants.
///
/// `source_*` and `target_*` always mean the two ends of the configuration, whichever of them is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MapContext {
    /// The configuration's name.
    pub config_name: String,
    /// The name of the source connector.
    pub source_connector: String,
    /// The name of the target connector.
    pub target_connector: String,
    /// Project or portal on the source.
    pub source_project: String,
    /// Project or portal on the target.
    pub target_project: String,
    /// `source-to-target` or `target-to-source`.
    pub direction: String,
    /// The run's id as text; empty where there is no run (tests of a mapping).
    pub run_id: String,
}

impl MapContext {
    /// The names that rules may use.
    pub const KEYS: &'static [&'static str] = &[
        "config_name",
        "source_connector",
        "target_connector",
        "source_project",
        "target_project",
        "direction",
        "run_id",
    ];

    /// The context of a run of `spec` that reads `read_side`.
    #[must_use]
    pub fn of(spec: &SyncSpec, read_side: Side, run_id: impl ToString) -> Self {
        let direction = match read_side {
            Side::Source => RunDirection::SourceToTarget,
            Side::Target => RunDirection::TargetToSource,
        };
        Self {
            config_name: spec.config.name.clone(),
            source_connector: spec.source.name.clone(),
            target_connector: spec.target.name.clone(),
            source_project: spec.source.project.clone(),
            target_project: spec.target.project.clone(),
            direction: direction.to_string(),
            run_id: run_id.to_string(),
        }
    }

    /// The value of a key, if it is one of [`Self::KEYS`].
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        Some(match key {
            "config_name" => &self.config_name,
            "source_connector" => &self.source_connector,
            "target_connector" => &self.target_connector,
            "source_project" => &self.source_project,
            "target_project" => &self.target_project,
            "direction" => &self.direction,
            "run_id" => &self.run_id,
            _ => return None,
        })
    }
}
