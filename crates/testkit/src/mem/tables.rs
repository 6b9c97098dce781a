//! All tables, and what goes when a row goes.

use std::collections::BTreeSet;

use syncline_domain::ports::Lease;
use syncline_domain::{
    ApiKey, AuditEntry, Base, CommentId, CommentPair, ConfigHealth, ConfigId, Conflict, ConflictId,
    ConflictStatus, ConnectorId, ConnectorRow, Cursor, Delivery, Execution, ExecutionId, Fault,
    FieldMapping, FieldRef, FieldRow, HistoryEntry, Intent, ItemId, ItemOutcome, ItemRetry,
    JobClaim, LineageId, Lookout, LookoutSubject, MappingRef, MappingTest, NotificationId,
    NotificationSetting, Occurrence, OutboxMessage, OutboxStatus, OutcomeId, Pair, PairId, Pause,
    PlanId, PlannedWrite, Receipt, RememberedReply, Resolution, RulesCopy, RulesReview, Side,
    StatusMapping, StatusRow, StoredPlan, SyncConfig, Tombstone, TypeId, TypeMapping,
    TypeMappingId, TypeRow, UserMap, Webhook, WebhookId,
};

use super::job_rows::JobRow;
use super::table::{Keyed, Table};

/// A value of one field on one side of a pair.
pub(super) type PairField = (PairId, Side, FieldRef);

#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) connectors: Table<ConnectorRow>,
    pub(super) types: Table<TypeRow>,
    pub(super) fields: Table<FieldRow>,
    pub(super) statuses: Table<StatusRow>,
    pub(super) configs: Table<SyncConfig>,
    pub(super) conflicts: Table<Conflict>,
    pub(super) resolutions: Table<Resolution>,
    pub(super) type_mappings: Table<TypeMapping>,
    pub(super) field_mappings: Table<FieldMapping>,
    pub(super) status_mappings: Table<StatusMapping>,
    pub(super) user_maps: Keyed<ConfigId, UserMap>,
    pub(super) pauses: Table<Pause>,
    pub(super) lookouts: Keyed<LookoutSubject, Lookout>,
    pub(super) executions: Table<Execution>,
    pub(super) outcomes: Keyed<(ExecutionId, OutcomeId), ItemOutcome>,
    pub(super) last_outcome: i64,
    pub(super) pairs: Table<Pair>,
    pub(super) bases: Keyed<PairField, Base>,
    pub(super) receipts: Keyed<PairField, Receipt>,
    pub(super) intents: Table<Intent>,
    pub(super) cursors: Keyed<(ConfigId, Side), Cursor>,
    pub(super) lineage: Keyed<(ConnectorId, ItemId), LineageId>,
    pub(super) last_lineage: i64,
    pub(super) retries: Keyed<(ConfigId, Side, ItemId), ItemRetry>,
    pub(super) tombstones: Keyed<PairId, Tombstone>,
    pub(super) history: Table<HistoryEntry>,
    pub(super) sweeps: Keyed<(ConfigId, Side), PairId>,
    pub(super) plans: Table<StoredPlan>,
    pub(super) plan_writes: Table<PlannedWrite>,
    pub(super) rules_reviews: Keyed<ConfigId, RulesReview>,
    pub(super) mapping_tests: Table<MappingTest>,
    pub(super) rules_copies: Table<(i64, RulesCopy)>,
    pub(super) comment_pairs: Keyed<(PairId, CommentId), CommentPair>,
    pub(super) leases: Keyed<String, LeaseRow>,
    pub(super) api_keys: Table<ApiKey>,
    pub(super) settings: Keyed<String, String>,
    pub(super) audit: Table<AuditEntry>,
    pub(super) replies: Keyed<(String, String), RememberedReply>,
    pub(super) jobs: Table<JobRow>,
    pub(super) webhooks: Table<Webhook>,
    pub(super) deliveries: Table<Delivery>,
    pub(super) occurrences: Table<Occurrence>,
    pub(super) notifications: Table<NotificationSetting>,
    pub(super) outbox: Table<OutboxMessage>,
    pub(super) health: Keyed<ConfigId, ConfigHealth>,
}

/// A lease that was taken at least once; the token outlives its holders.
#[derive(Clone)]
pub(super) struct LeaseRow {
    pub(super) lease: Lease,
    pub(super) held: bool,
}

impl Tables {
    pub(super) fn drop_connector(&mut self, id: ConnectorId) {
        let configs: Vec<ConfigId> = self
            .configs
            .all()
            .filter(|config| config.source_connector_id == id || config.target_connector_id == id)
            .map(|config| config.id)
            .collect();
        for config in configs {
            self.drop_config(config);
        }
        let types: BTreeSet<TypeId> =
            self.types.all().filter(|row| row.connector_id == id).map(|row| row.id).collect();
        self.types.keep(|row| row.connector_id != id);
        self.fields.keep(|row| !types.contains(&row.type_id));
        self.statuses.keep(|row| !types.contains(&row.type_id));
        self.lineage.keep(|(connector, _), _| *connector != id);
        self.lookouts.remove(&LookoutSubject::Connector(id));
        let hooks: Vec<WebhookId> =
            self.webhooks.all().filter(|row| row.connector_id == id).map(|row| row.id).collect();
        for hook in hooks {
            self.drop_webhook(hook);
        }
        self.connectors.remove(id.0);
    }

    pub(super) fn drop_config(&mut self, id: ConfigId) {
        let runs: BTreeSet<ExecutionId> =
            self.executions.all().filter(|run| run.config_id == id).map(|run| run.id).collect();
        let pairs: BTreeSet<PairId> =
            self.pairs.all().filter(|pair| pair.config_id == id).map(|pair| pair.id).collect();
        let mappings: BTreeSet<TypeMappingId> = self
            .type_mappings
            .all()
            .filter(|mapping| mapping.config_id == id)
            .map(|mapping| mapping.id)
            .collect();
        self.type_mappings.keep(|mapping| mapping.config_id != id);
        self.field_mappings.keep(|mapping| mapping.config_id != id);
        self.status_mappings.keep(|rule| !mappings.contains(&rule.type_mapping_id));
        self.user_maps.remove(&id);
        self.pauses.keep(|row| row.config_id != id);
        self.lookouts.remove(&LookoutSubject::Config(id));
        self.executions.keep(|run| run.config_id != id);
        self.outcomes.keep(|(run, _), _| !runs.contains(run));
        self.conflicts.keep(|row| row.config_id != id);
        self.drop_pairs(&pairs);
        self.intents.keep(|intent| intent.config_id != id);
        self.cursors.keep(|(config, _), _| *config != id);
        self.sweeps.keep(|(config, _), _| *config != id);
        self.retries.keep(|(config, _, _), _| *config != id);
        self.plans.keep(|plan| plan.config_id != id);
        let left: BTreeSet<PlanId> = self.plans.all().map(|plan| plan.id).collect();
        self.plan_writes.keep(|write| left.contains(&write.plan_id));
        self.rules_reviews.remove(&id);
        self.mapping_tests.keep(|test| test.config_id != id);
        self.rules_copies.keep(|(_, copy)| copy.config_id != id);
        self.drop_automation(id);
        self.configs.remove(id.0);
    }

    /// Pauses go with the rows that they are about.
    pub(super) fn drop_stray_pauses(&mut self) {
        let Self { pauses, type_mappings, field_mappings, status_mappings, .. } = self;
        pauses.keep(|row| match row.mapping {
            MappingRef::Type(id) => type_mappings.get(id.0).is_some(),
            MappingRef::Field(id) => field_mappings.get(id.0).is_some(),
            MappingRef::Status(id) => status_mappings.get(id.0).is_some(),
        });
    }

    fn drop_automation(&mut self, id: ConfigId) {
        self.jobs.keep(|row| row.job.config_id != Some(id));
        let hooks: BTreeSet<WebhookId> =
            self.webhooks.all().filter(|row| row.config_id == id).map(|row| row.id).collect();
        for hook in hooks {
            self.drop_webhook(hook);
        }
        self.occurrences.keep(|row| row.config_id != id);
        let settings: BTreeSet<NotificationId> = self
            .notifications
            .all()
            .filter(|row| row.config_id == Some(id))
            .map(|row| row.id)
            .collect();
        for setting in settings {
            self.drop_notification(setting);
        }
        self.outbox.keep(|row| row.config_id != Some(id));
        self.health.remove(&id);
    }

    pub(super) fn drop_webhook(&mut self, id: WebhookId) {
        self.deliveries.keep(|row| row.webhook_id != id);
        self.webhooks.remove(id.0);
    }

    /// Waiting messages go with their setting; others forget it.
    pub(super) fn drop_notification(&mut self, id: NotificationId) {
        let own = |row: &OutboxMessage| row.setting_id == Some(id);
        self.outbox.keep(|row| !own(row) || row.status != OutboxStatus::Queued);
        let told: Vec<i64> = self.outbox.all().filter(|row| own(row)).map(|row| row.id.0).collect();
        for message in told {
            if let Some(row) = self.outbox.get_mut(message) {
                row.setting_id = None;
            }
        }
        self.notifications.remove(id.0);
    }

    /// The job, while this very claim holds.
    pub(super) fn held_job(&mut self, claim: JobClaim) -> Option<&mut JobRow> {
        self.jobs.get_mut(claim.id.0).filter(|row| row.holds(claim.token))
    }

    /// Asks for the configuration that a row is to belong to; no configuration is always there.
    pub(super) fn config_there(&self, id: Option<ConfigId>) -> Result<(), Fault> {
        match id {
            Some(id) if self.configs.get(id.0).is_none() => {
                Err(Fault::Conflict(format!("there is no configuration {id}")))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn drop_pairs(&mut self, ids: &BTreeSet<PairId>) {
        self.bases.keep(|(pair, _, _), _| !ids.contains(pair));
        self.receipts.keep(|(pair, _, _), _| !ids.contains(pair));
        self.comment_pairs.keep(|(pair, _), _| !ids.contains(pair));
        self.tombstones.keep(|pair, _| !ids.contains(pair));
        self.history.keep(|row| !ids.contains(&row.pair_id));
        self.conflicts
            .keep(|row| row.status == ConflictStatus::Resolved || !ids.contains(&row.pair_id));
        let left: BTreeSet<ConflictId> = self.conflicts.all().map(|row| row.id).collect();
        self.resolutions.keep(|row| left.contains(&row.conflict_id));
        for id in ids {
            self.pairs.remove(id.0);
        }
    }
}
