//! The layers of docs/ARCHITECTURE.md, held against `cargo metadata`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which of our rooms each room may use. An edge that is not here is a design change: change the document first.
const ALLOWED: &[(&str, &[&str])] = &[
    ("syncline-domain", &[]),
    ("syncline-mapping", &["syncline-domain"]),
    ("syncline-engine", &["syncline-domain", "syncline-mapping"]),
    ("syncline-outbound", &["syncline-domain"]),
    ("syncline-connectors", &["syncline-domain", "syncline-outbound"]),
    ("syncline-vault", &["syncline-domain"]),
    ("syncline-storage", &["syncline-domain"]),
    ("syncline-queue", &["syncline-domain"]),
    ("syncline-scheduler", &["syncline-domain"]),
    ("syncline-webhooks", &["syncline-domain"]),
    ("syncline-notifier", &["syncline-domain", "syncline-outbound"]),
    (
        "syncline-app",
        &[
            "syncline-domain",
            "syncline-mapping",
            "syncline-engine",
            "syncline-scheduler",
            "syncline-webhooks",
            "syncline-vault",
        ],
    ),
    ("syncline-api", &["syncline-domain", "syncline-app"]),
    ("syncline-sandbox", &["syncline-domain"]),
    ("syncline-testkit", &["syncline-domain"]),
];

/// Rooms at the outer wall: they may use every other room.
const OUTERMOST: &[&str] = &["syncline", "syncline-tests", "syncline-bench", "syncline-examples"];

/// What tests of any room may use besides.
const DEV_ONLY: &[&str] = &["syncline-testkit", "syncline-sandbox"];

/// Outside crates that belong to certain rooms.
const CONFINED: &[(&str, &[&str])] = &[
    ("diesel", &["syncline-storage", "syncline-bench"]),
    ("diesel_migrations", &["syncline-storage"]),
    ("actix-web", &["syncline-api", "syncline-sandbox", "syncline", "syncline-bench"]),
    ("reqwest", &["syncline-outbound"]),
    ("lettre", &["syncline-notifier"]),
    ("cron", &["syncline-scheduler"]),
    ("clap", &["syncline"]),
    ("anyhow", &["syncline", "syncline-bench"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo metadata runs inside the workspace")
}

fn edges(package: &Package, kind: DependencyKind) -> BTreeSet<&str> {
    package.dependencies.iter().filter(|d| d.kind == kind).map(|d| d.name.as_str()).collect()
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let metadata = metadata();
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut faults = Vec::new();
    for package in metadata.packages.iter().filter(|p| !OUTERMOST.contains(&p.name.as_str())) {
        let Some(may) = allowed.get(package.name.as_str()) else {
            faults.push(format!("{} has no line in the table of allowed edges", package.name));
            continue;
        };
        for edge in edges(package, DependencyKind::Normal).intersection(&ours) {
            if !may.contains(edge) {
                faults.push(format!("{} must not use {edge}", package.name));
            }
        }
        for edge in edges(package, DependencyKind::Development).intersection(&ours) {
            if !may.contains(edge) && !DEV_ONLY.contains(edge) {
                faults.push(format!("tests of {} must not use {edge}", package.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    let metadata = metadata();
    let mut faults = Vec::new();
    for package in &metadata.packages {
        for (outside, rooms) in CONFINED {
            if edges(package, DependencyKind::Normal).contains(outside)
                && !rooms.contains(&package.name.as_str())
            {
                faults.push(format!("{outside} belongs to {rooms:?}, not to {}", package.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_is_held_to_the_lint_table() {
    let root = metadata().workspace_root;
    for package in metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        let exempt = ["syncline-tests", "syncline-testkit", "syncline-bench", "syncline-examples"];
        assert!(
            exempt.contains(&package.name.as_str())
                || manifest.contains("[lints]\nworkspace = true"),
            "{} lacks `[lints] workspace = true` ({root})",
            package.name
        );
        assert!(
            package.description.is_some_and(|d| !d.is_empty()),
            "{} says what it is",
            package.name
        );
    }
}
