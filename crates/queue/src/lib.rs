//! The worker loop: claim, heartbeat, run the handler, settle, rescue.
