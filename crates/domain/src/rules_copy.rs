//! Copies of rules that runs went by, so that what they did can be looked at after the rules have changed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ConfigId, Direction, EndSpec, FieldRule, FieldSchema, SyncConfig, SyncSpec, Timestamp, TypeEnd,
    TypePair, UserMap, fingerprint,
};

/// The rules of a configuration as a run used them first.
#[derive(Clone, Debug, PartialEq)]
pub struct RulesCopy {
    /// The configuration.
    pub config_id: ConfigId,
    /// Its [`SyncConfig::version`].
    pub config_version: i64,
    /// What tells two copies of one version apart: discovery may change fields under the same rules.
    pub digest: String,
    /// When a run used these rules first.
    pub first_used_at: Timestamp,
    /// The rules.
    pub body: Value,
}

/// The rules; versioned, since they outlive the program that stored them.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Body {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        name: String,
        direction: Direction,
        source: EndSpec,
        target: EndSpec,
        types: Vec<TypePair>,
        user_map: UserMap,
    },
}

impl RulesCopy {
    /// A copy of the rules of `spec`: of the fields only those are in it that rules read, write or name, and those that
    /// a tracker wants.
    #[must_use]
    pub fn of(spec: &SyncSpec, now: Timestamp) -> Self {
        let body = Body::V1 {
            name: spec.config.name.clone(),
            direction: spec.config.direction,
            source: spec.source.clone(),
            target: spec.target.clone(),
            types: spec.types.iter().map(compact).collect(),
            user_map: spec.user_map.clone(),
        };
        let body = serde_json::to_value(&body).unwrap_or_default();
        Self {
            config_id: spec.config.id,
            config_version: spec.config.version,
            digest: fingerprint(&body, crate::FieldType::Picklist),
            first_used_at: now,
            body,
        }
    }

    /// The configuration `now` with these rules; `None` when a newer program wrote them in a form unknown here.
    #[must_use]
    pub fn spec(&self, now: &SyncConfig) -> Option<SyncSpec> {
        let Body::V1 { name, direction, source, target, types, user_map } =
            serde_json::from_value(self.body.clone()).ok()?;
        let version = self.config_version;
        let config = SyncConfig { name, direction, version, ..now.clone() };
        Some(SyncSpec { config, source, target, types, paused_types: Vec::new(), user_map })
    }
}

fn compact(pair: &TypePair) -> TypePair {
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for rule in &pair.fields {
        named.extend(rule.sources.iter().map(|field| field.reference.as_str()));
        named.insert(&rule.target.reference);
    }
    let text: String = pair.fields.iter().map(FieldRule::text).collect::<Vec<_>>().join("\n");
    let kept = |field: &&FieldSchema| {
        let word = field.reference.as_str();
        field.is_status || field.is_required || named.contains(word) || text.contains(word)
    };
    let end = |end: &TypeEnd| TypeEnd {
        fields: end.fields.iter().filter(kept).cloned().collect(),
        ..end.clone()
    };
    TypePair { source: end(&pair.source), target: end(&pair.target), ..pair.clone() }
}
