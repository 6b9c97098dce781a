//! The store on SQLite and PostgreSQL.

mod check;
mod checkpoint;
mod config;
mod convert;
mod db;
mod error;
mod manager;
mod migrate;
mod postgres;
mod readers;
mod schema;
mod storage;
mod tx;
mod unit;
mod workers;
mod writer;

pub use check::Health;
pub use config::DatabaseConfig;
pub use error::StorageError;
pub use storage::{Figures, Storage};
