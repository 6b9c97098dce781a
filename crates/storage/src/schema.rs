//! The tables as both databases have them. Readable twins of times (SQLite only) are left out: nothing reads them here.

mod automation;

pub(crate) use automation::{
    config_health, job_items, jobs, notification_outbox, notification_settings,
    schedule_occurrences, webhook_deliveries, webhooks,
};
use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    connectors (id) {
        id -> BigInt,
        name -> Text,
        connector_type -> Text,
        base_url -> Text,
        endpoint -> Text,
        auth_type -> Text,
        metadata -> Text,
        sealed_credentials -> Binary,
        is_active -> Bool,
        last_check_at_us -> Nullable<BigInt>,
        last_check_ok -> Nullable<Bool>,
        last_check_message -> Nullable<Text>,
        credential_expires_at_us -> Nullable<BigInt>,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
    }
}

table! {
    work_item_types (id) {
        id -> BigInt,
        connector_id -> BigInt,
        type_name -> Text,
        type_ref -> Text,
        enabled_for_sync -> Bool,
        metadata -> Text,
        created_at_us -> BigInt,
        gone_at_us -> Nullable<BigInt>,
    }
}

table! {
    fields (id) {
        id -> BigInt,
        type_id -> BigInt,
        field_name -> Text,
        field_reference -> Text,
        field_type -> Text,
        is_required -> Bool,
        is_readonly -> Bool,
        is_status -> Bool,
        is_multiple -> Bool,
        allowed_values -> Text,
        max_length -> Nullable<BigInt>,
        enabled_for_sync -> Bool,
        suggestion_score -> Integer,
        gone_at_us -> Nullable<BigInt>,
    }
}

table! {
    statuses (id) {
        id -> BigInt,
        type_id -> BigInt,
        status_name -> Text,
        status_value -> Text,
        status_category -> Text,
        sort_order -> Integer,
        enabled_for_sync -> Bool,
        gone_at_us -> Nullable<BigInt>,
    }
}

table! {
    sync_configs (id) {
        id -> BigInt,
        name -> Text,
        description -> Text,
        source_connector_id -> BigInt,
        target_connector_id -> BigInt,
        direction -> Text,
        trigger_type -> Text,
        schedule_cron -> Nullable<Text>,
        timezone -> Text,
        conflict_resolution -> Text,
        sync_filter -> Nullable<Text>,
        target_filter -> Nullable<Text>,
        options -> Text,
        is_active -> Bool,
        needs_full -> Bool,
        version -> BigInt,
        next_sync_at_us -> Nullable<BigInt>,
        last_sync_at_us -> Nullable<BigInt>,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
    }
}

table! {
    type_mappings (id) {
        id -> BigInt,
        config_id -> BigInt,
        source_type_id -> BigInt,
        target_type_id -> BigInt,
    }
}

table! {
    field_mappings (id) {
        id -> BigInt,
        config_id -> BigInt,
        type_mapping_id -> BigInt,
        source_field_ids -> Text,
        target_field_id -> BigInt,
        mapping_type -> Text,
        transformation -> Nullable<Text>,
        constant_value -> Nullable<Text>,
        expression -> Nullable<Text>,
        value_map -> Nullable<Text>,
        direction -> Text,
        applies_when -> Text,
        default_value -> Nullable<Text>,
        conflict_resolution -> Nullable<Text>,
    }
}

table! {
    status_mappings (id) {
        id -> BigInt,
        config_id -> BigInt,
        type_mapping_id -> BigInt,
        source_status_id -> BigInt,
        target_status_id -> BigInt,
    }
}

table! {
    user_maps (config_id) {
        config_id -> BigInt,
        user_map -> Text,
    }
}

table! {
    executions (id) {
        id -> BigInt,
        config_id -> BigInt,
        status -> Text,
        trigger_type -> Text,
        triggered_by -> Text,
        direction -> Text,
        is_dry_run -> Bool,
        is_full -> Bool,
        item_ids -> Nullable<Text>,
        cancel_requested -> Bool,
        totals -> Text,
        error -> Nullable<Text>,
        started_at_us -> BigInt,
        ended_at_us -> Nullable<BigInt>,
    }
}

table! {
    item_outcomes (id) {
        id -> BigInt,
        execution_id -> BigInt,
        side -> Text,
        source_id -> Nullable<Text>,
        target_id -> Nullable<Text>,
        type_ref -> Text,
        title -> Text,
        state -> Text,
        rule -> Nullable<Text>,
        error -> Nullable<Text>,
        changes -> Text,
        at_us -> BigInt,
    }
}

table! {
    synced_items (id) {
        id -> BigInt,
        config_id -> BigInt,
        source_item_id -> Text,
        target_item_id -> Nullable<Text>,
        source_type -> Text,
        target_type -> Text,
        source_url -> Text,
        target_url -> Text,
        source_version -> Text,
        target_version -> Text,
        state -> Text,
        last_synced_at_us -> BigInt,
        sync_count -> BigInt,
        created_at_us -> BigInt,
    }
}

table! {
    pair_bases (pair_id) {
        pair_id -> BigInt,
        fields -> Text,
    }
}

table! {
    pair_receipts (pair_id) {
        pair_id -> BigInt,
        fields -> Text,
    }
}

table! {
    comment_pairs (pair_id, source_comment_id) {
        pair_id -> BigInt,
        origin -> Text,
        source_comment_id -> Text,
        target_comment_id -> Text,
        hash -> Text,
        created_at_us -> BigInt,
    }
}

table! {
    intents (id) {
        id -> BigInt,
        config_id -> BigInt,
        execution_id -> BigInt,
        op_id -> Text,
        op -> Text,
        side -> Text,
        from_item_id -> Text,
        item_id -> Nullable<Text>,
        plan -> Text,
        state -> Text,
        created_at_us -> BigInt,
    }
}

table! {
    cursors (config_id, side) {
        config_id -> BigInt,
        side -> Text,
        position -> Text,
        updated_at_us -> BigInt,
    }
}

table! {
    lineages (id) {
        id -> BigInt,
    }
}

table! {
    lineage_members (connector_id, item_id) {
        connector_id -> BigInt,
        item_id -> Text,
        lineage_id -> BigInt,
    }
}

table! {
    item_retries (config_id, side, item_id) {
        config_id -> BigInt,
        side -> Text,
        item_id -> Text,
        error -> Text,
        attempts -> Integer,
        next_try_at_us -> BigInt,
        first_failed_at_us -> BigInt,
    }
}

table! {
    conflicts (id) {
        id -> BigInt,
        config_id -> BigInt,
        pair_id -> BigInt,
        execution_id -> BigInt,
        conflict_type -> Text,
        field_ref -> Nullable<Text>,
        source_field -> Nullable<Text>,
        source_item_id -> Text,
        target_item_id -> Text,
        title -> Text,
        base_value -> Text,
        source_value -> Text,
        target_value -> Text,
        source_changed_at_us -> Nullable<BigInt>,
        target_changed_at_us -> Nullable<BigInt>,
        deleted_side -> Nullable<Text>,
        reason -> Text,
        status -> Text,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
        ended_at_us -> Nullable<BigInt>,
    }
}

table! {
    conflict_resolutions (id) {
        id -> BigInt,
        conflict_id -> BigInt,
        choice -> Text,
        value -> Text,
        strategy -> Nullable<Text>,
        rationale -> Text,
        resolved_by -> Text,
        decided_at_us -> BigInt,
        applied_at_us -> Nullable<BigInt>,
        error -> Nullable<Text>,
    }
}

table! {
    tombstones (pair_id) {
        pair_id -> BigInt,
        deleted_side -> Text,
        policy -> Text,
        execution_id -> BigInt,
        noticed_at_us -> BigInt,
    }
}

table! {
    sweeps (config_id, side) {
        config_id -> BigInt,
        side -> Text,
        pair_id -> BigInt,
        updated_at_us -> BigInt,
    }
}

table! {
    plans (id) {
        id -> BigInt,
        config_id -> BigInt,
        config_version -> BigInt,
        direction -> Text,
        is_full -> Bool,
        is_whole -> Bool,
        is_truncated -> Bool,
        totals -> Text,
        limits -> Text,
        created_by -> Text,
        created_at_us -> BigInt,
        expires_at_us -> BigInt,
        state -> Text,
        execution_id -> Nullable<BigInt>,
        applied_by -> Nullable<Text>,
        applied_at_us -> Nullable<BigInt>,
    }
}

table! {
    plan_writes (id) {
        id -> BigInt,
        plan_id -> BigInt,
        read_side -> Text,
        written_side -> Text,
        operation -> Text,
        source_id -> Nullable<Text>,
        target_id -> Nullable<Text>,
        body -> Text,
    }
}

table! {
    rules_reviews (config_id) {
        config_id -> BigInt,
        config_version -> BigInt,
        plan_id -> BigInt,
        reviewed_at_us -> BigInt,
    }
}

table! {
    pair_history (id) {
        id -> BigInt,
        pair_id -> BigInt,
        execution_id -> Nullable<BigInt>,
        config_version -> BigInt,
        at_us -> BigInt,
        event -> Text,
    }
}

table! {
    paused_mappings (id) {
        id -> BigInt,
        config_id -> BigInt,
        type_mapping_id -> Nullable<BigInt>,
        field_mapping_id -> Nullable<BigInt>,
        status_mapping_id -> Nullable<BigInt>,
        paused_reason -> Text,
        causes -> Text,
        paused_at_us -> BigInt,
    }
}

table! {
    lookouts (id) {
        id -> BigInt,
        connector_id -> Nullable<BigInt>,
        config_id -> Nullable<BigInt>,
        due_at_us -> BigInt,
        looked_at_us -> Nullable<BigInt>,
        failures -> Integer,
        error -> Nullable<Text>,
        found -> Nullable<Text>,
        told -> Nullable<Text>,
    }
}

table! {
    mapping_tests (id) {
        id -> BigInt,
        config_id -> BigInt,
        name -> Text,
        direction -> Text,
        sample -> Text,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
    }
}

table! {
    rules_copies (id) {
        id -> BigInt,
        config_id -> BigInt,
        config_version -> BigInt,
        digest -> Text,
        first_used_at_us -> BigInt,
        body -> Text,
    }
}

table! {
    leases (name) {
        name -> Text,
        holder -> Text,
        token -> BigInt,
        is_held -> Bool,
        expires_at_us -> BigInt,
    }
}

table! {
    api_keys (id) {
        id -> BigInt,
        name -> Text,
        prefix -> Text,
        hash -> Text,
        role -> Text,
        config_scope -> Nullable<Text>,
        created_at_us -> BigInt,
        expires_at_us -> Nullable<BigInt>,
        last_used_at_us -> Nullable<BigInt>,
        revoked_at_us -> Nullable<BigInt>,
    }
}

table! {
    settings (name) {
        name -> Text,
        value -> Text,
        updated_at_us -> BigInt,
    }
}

table! {
    audit_log (id) {
        id -> BigInt,
        at_us -> BigInt,
        actor -> Text,
        action -> Text,
        target -> Text,
        details -> Text,
        request_id -> Nullable<Text>,
    }
}

table! {
    remembered_replies (scope, request_key) {
        scope -> Text,
        request_key -> Text,
        body_hash -> Text,
        status -> Integer,
        reply -> Text,
        created_at_us -> BigInt,
    }
}

joinable!(synced_items -> sync_configs (config_id));
allow_tables_to_appear_in_same_query!(synced_items, sync_configs);
allow_tables_to_appear_in_same_query!(executions, sync_configs);
