//! Link types between work items.

use serde_json::{Value, json};

/// The link to the parent.
pub(crate) const PARENT: &str = "System.LinkTypes.Hierarchy-Reverse";
/// The link to a child.
pub(crate) const CHILD: &str = "System.LinkTypes.Hierarchy-Forward";
/// The link to a file.
pub(crate) const FILE: &str = "AttachedFile";

/// Reference name, name, usage, topology, whether an item may have only one.
const TYPES: &[(&str, &str, &str, &str, bool)] = &[
    (CHILD, "Child", "workItemLink", "tree", false),
    (PARENT, "Parent", "workItemLink", "tree", true),
    ("System.LinkTypes.Related", "Related", "workItemLink", "network", false),
    ("System.LinkTypes.Dependency-Forward", "Successor", "workItemLink", "dependency", false),
    ("System.LinkTypes.Dependency-Reverse", "Predecessor", "workItemLink", "dependency", false),
    ("System.LinkTypes.Duplicate-Forward", "Duplicate", "workItemLink", "tree", false),
    ("System.LinkTypes.Duplicate-Reverse", "Duplicate Of", "workItemLink", "tree", false),
    (FILE, "Attached File", "resourceLink", "unknown", false),
    ("Hyperlink", "Hyperlink", "resourceLink", "unknown", false),
    ("ArtifactLink", "Artifact Link", "resourceLink", "unknown", false),
];

/// Whether there is such a link type.
pub(crate) fn known(rel: &str) -> bool {
    TYPES.iter().any(|(reference, ..)| *reference == rel)
}

/// Whether the link points at a work item.
pub(crate) fn is_item_link(rel: &str) -> bool {
    rel.starts_with("System.LinkTypes.")
}

/// The same link, seen from the other end.
pub(crate) fn reverse(rel: &str) -> String {
    if let Some(stem) = rel.strip_suffix("-Forward") {
        return format!("{stem}-Reverse");
    }
    match rel.strip_suffix("-Reverse") {
        Some(stem) => format!("{stem}-Forward"),
        None => rel.to_owned(),
    }
}

/// All link types as the API lists them; `base` is the collection's address.
pub(crate) fn shown(base: &str) -> Vec<Value> {
    let one = |(reference, name, usage, topology, single): &(&str, &str, &str, &str, bool)| {
        json!({
            "attributes": {
                "usage": usage, "editable": false, "enabled": true, "acyclic": *topology == "tree",
                "directional": *topology != "network", "singleTarget": single, "topology": topology,
            },
            "referenceName": reference,
            "name": name,
            "url": format!("{base}/_apis/wit/workItemRelationTypes/{reference}"),
        })
    };
    TYPES.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reversed_twice_is_itself() {
        for (rel, ..) in TYPES {
            assert_eq!(reverse(&reverse(rel)), *rel);
        }
        assert_eq!(reverse(CHILD), PARENT);
    }
}
