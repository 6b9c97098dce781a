//! A run's right to its configuration.

use syncline_domain::ConfigId;

/// The lease's name in the store.
pub(crate) fn lease_name(config: ConfigId) -> String {
    format!("run/{config}")
}
