//! The tables of jobs, webhooks, schedules and notifications.

use diesel::table;

table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        config_id -> Nullable<BigInt>,
        fold_key -> Nullable<Text>,
        trigger_type -> Text,
        triggered_by -> Text,
        payload -> Text,
        names_items -> Bool,
        item_count -> BigInt,
        priority -> Integer,
        status -> Text,
        run_at_us -> BigInt,
        attempts -> Integer,
        max_attempts -> Integer,
        error -> Nullable<Text>,
        dead_reason -> Nullable<Text>,
        cancel_requested -> Bool,
        execution_id -> Nullable<BigInt>,
        lease_holder -> Nullable<Text>,
        lease_token -> BigInt,
        lease_until_us -> Nullable<BigInt>,
        result -> Nullable<Text>,
        created_at_us -> BigInt,
        started_at_us -> Nullable<BigInt>,
        completed_at_us -> Nullable<BigInt>,
    }
}

table! {
    job_items (id) {
        id -> BigInt,
        job_id -> BigInt,
        item_id -> Text,
    }
}

table! {
    webhooks (id) {
        id -> BigInt,
        name -> Text,
        webhook_url -> Text,
        sync_config_id -> BigInt,
        connector_id -> BigInt,
        event_types -> Text,
        auth_mode -> Text,
        sealed_secret -> Binary,
        old_secrets -> Text,
        is_active -> Bool,
        metadata -> Text,
        revision -> BigInt,
        trigger_count -> BigInt,
        unlogged_rejections -> BigInt,
        last_triggered_at_us -> Nullable<BigInt>,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
    }
}

table! {
    webhook_deliveries (id) {
        id -> BigInt,
        webhook_id -> BigInt,
        status -> Text,
        created_at_us -> BigInt,
        delivery_id -> Nullable<Text>,
        job_id -> Nullable<BigInt>,
        duplicate_of -> Nullable<BigInt>,
        signature_valid -> Bool,
        event_type -> Nullable<Text>,
        item_ids -> Text,
        reason -> Nullable<Text>,
        response_code -> Integer,
        processing_time_ms -> BigInt,
        headers -> Text,
        payload -> Text,
    }
}

table! {
    schedule_occurrences (id) {
        id -> BigInt,
        config_id -> BigInt,
        instant_us -> BigInt,
        state -> Text,
        job_id -> Nullable<BigInt>,
        decided_at_us -> BigInt,
        note -> Nullable<Text>,
    }
}

table! {
    notification_settings (id) {
        id -> BigInt,
        sync_config_id -> Nullable<BigInt>,
        notification_type -> Text,
        event_triggers -> Text,
        recipients -> Text,
        settings -> Text,
        sealed_secret -> Nullable<Binary>,
        is_active -> Bool,
        failing_since_us -> Nullable<BigInt>,
        disabled_reason -> Nullable<Text>,
        created_at_us -> BigInt,
        updated_at_us -> BigInt,
    }
}

table! {
    notification_outbox (id) {
        id -> BigInt,
        event_key -> Text,
        event -> Text,
        config_id -> Nullable<BigInt>,
        setting_id -> Nullable<BigInt>,
        recipient_hash -> Text,
        message -> Text,
        status -> Text,
        attempts -> Integer,
        run_at_us -> BigInt,
        token -> BigInt,
        claimed_until_us -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        created_at_us -> BigInt,
        ended_at_us -> Nullable<BigInt>,
    }
}

table! {
    config_health (config_id) {
        config_id -> BigInt,
        failing_since_us -> Nullable<BigInt>,
        fingerprint -> Nullable<Text>,
        told_at_us -> Nullable<BigInt>,
    }
}
