//! The part of the store that keeps mapping tests, and copies of the rules that runs went by.

use crate::{ConfigId, Fault, MappingTest, MappingTestId, RulesCopy, Timestamp};

/// Mapping tests and copies of rules. Both go with their configuration.
pub trait SampleTx {
    /// Stores a mapping test; the id given is ignored. An unknown configuration, and a name that is taken in it:
    /// [`Fault::Conflict`].
    fn insert_mapping_test(&mut self, test: &MappingTest) -> Result<MappingTestId, Fault>;
    /// Reads one.
    fn mapping_test(&mut self, id: MappingTestId) -> Result<Option<MappingTest>, Fault>;
    /// Reads those of a configuration, by id.
    fn mapping_tests(&mut self, config: ConfigId) -> Result<Vec<MappingTest>, Fault>;
    /// How many a configuration has.
    fn count_mapping_tests(&mut self, config: ConfigId) -> Result<u64, Fault>;
    /// Writes name, direction, sample and time of change of one. Unknown id: [`Fault::NotFound`]; taken name:
    /// [`Fault::Conflict`].
    fn update_mapping_test(&mut self, test: &MappingTest) -> Result<(), Fault>;
    /// Deletes one. Unknown id: [`Fault::NotFound`].
    fn delete_mapping_test(&mut self, id: MappingTestId) -> Result<(), Fault>;

    /// Stores a copy of rules, unless the newest copy of that configuration and version is the same. An unknown
    /// configuration: [`Fault::Conflict`].
    fn keep_rules(&mut self, copy: &RulesCopy) -> Result<(), Fault>;
    /// The newest copy of a configuration's version that was in use at that time; else the oldest of that version.
    fn rules_copy(
        &mut self,
        config: ConfigId,
        version: i64,
        at: Timestamp,
    ) -> Result<Option<RulesCopy>, Fault>;
    /// Deletes copies that others took the place of before this, at most `limit`; answers how many.
    fn prune_rules(&mut self, before: Timestamp, limit: usize) -> Result<u64, Fault>;
}
