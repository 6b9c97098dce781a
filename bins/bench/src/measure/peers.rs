//! Published figures of others, taken on two cores of the same kind while nothing else ran on them: context, and what
//! the product is held to. Stores durable, unless said otherwise.

/// BullMQ 6.7, Redis with `appendfsync always`: single enqueues a second.
pub(super) const BULLMQ_ENQUEUE: f64 = 9_586.0;
/// The same: jobs a second, worked off.
pub(super) const BULLMQ_DRAIN: f64 = 7_356.0;
/// The same: enqueue to start on an idle queue, the median in milliseconds.
pub(super) const BULLMQ_START_MS: f64 = 1.83;
/// graphile-worker 0.17.3 as it comes: single enqueues a second.
pub(super) const GRAPHILE_ENQUEUE: f64 = 1_162.0;
/// The same: jobs a second, worked off.
pub(super) const GRAPHILE_DRAIN: f64 = 3_234.0;
/// The same with a local queue of 500 and batched completion.
pub(super) const GRAPHILE_TUNED_DRAIN: f64 = 38_800.0;
/// graphile-worker: enqueue to start on an idle queue, the median in milliseconds.
pub(super) const GRAPHILE_START_MS: f64 = 3.4;
/// apalis-sqlite 1.0, by callback: jobs a second, worked off.
pub(super) const APALIS_DRAIN: f64 = 1_119.0;
/// adnanh/webhook 2.8.0, which stores nothing: signed requests a second, 32 connections.
pub(super) const ADNANH_INGEST: f64 = 7_412.0;
/// n8n 2.8.4, which checks no signature: requests a second, 32 connections.
pub(super) const N8N_INGEST: f64 = 72.0;
