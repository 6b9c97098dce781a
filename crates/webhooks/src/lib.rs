//! Verification of deliveries and their acceptance; no web framework.
