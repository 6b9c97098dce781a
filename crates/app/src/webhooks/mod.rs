//! Webhooks as people manage them. How requests are judged and taken in is the webhooks room's business.

mod deliveries;
mod manage;
mod secrets;
mod sight;

pub use deliveries::{DeliveryPage, DeliveryView, Echo};
pub use manage::{Registered, SetupGuide};
pub use secrets::Rotated;
pub use sight::WebhookView;
