//! Mapping tests: samples that are kept with a configuration, so that a change of its rules shows what it breaks.

use serde::{Deserialize, Serialize};

use crate::{
    ConfigId, Fields, MappingTestId, SampleCompare, SampleOccasion, Side, TestDirection, Timestamp,
};

/// A configuration has at most this many mapping tests.
pub const MOST_MAPPING_TESTS: usize = 200;
/// A mapping test is at most this long, in bytes of its JSON.
pub const LARGEST_MAPPING_TEST: usize = 128 * 1024;

/// A sample that is kept with a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingTest {
    /// Our id; 0 until stored.
    pub id: MappingTestId,
    /// The configuration.
    pub config_id: ConfigId,
    /// What people call it; unique in its configuration.
    pub name: String,
    /// Which way it goes.
    pub direction: TestDirection,
    /// The item, and what the rules must make of it.
    pub sample: Sample,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl TestDirection {
    /// The side whose item goes in.
    #[must_use]
    pub const fn read_side(self) -> Side {
        match self {
            Self::SourceToTarget => Side::Source,
            Self::TargetToSource => Side::Target,
        }
    }

    /// The direction in which this side is read.
    #[must_use]
    pub const fn reading(side: Side) -> Self {
        match side {
            Side::Source => Self::SourceToTarget,
            Side::Target => Self::TargetToSource,
        }
    }
}

/// An item, and what the rules must make of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The item that goes in.
    pub item: SampleItem,
    /// The item that must come out.
    pub expected: ExpectedItem,
    /// For which write.
    pub occasion: SampleOccasion,
    /// What is compared.
    pub compare: SampleCompare,
    /// Where it was captured, in words; `None` when somebody wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_from: Option<String>,
}

/// The item that goes into a mapping test. Times, people and address of an item are not part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SampleItem {
    /// The tracker's id.
    pub id: String,
    /// The type's reference, or its name.
    #[serde(rename = "type")]
    pub type_ref: String,
    /// One line that names the item to people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The status value; that of the status field when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Values by field.
    #[serde(default)]
    pub fields: Fields,
}

/// What must come out of a mapping test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExpectedItem {
    /// The type's reference, or its name.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_ref: Option<String>,
    /// The status value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Values by field; null where a field must get no value.
    #[serde(default)]
    pub fields: Fields,
}
