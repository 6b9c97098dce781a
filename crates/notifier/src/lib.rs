//! Outbox drain, rendering and channels: mail, Slack, Teams, signed webhook.
