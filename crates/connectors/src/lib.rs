//! x
mod azuredevops;
mod oauth;
pub use azuredevops::open;
