//! WIQL: the query language of work items, flat queries only.
//!
//! Text goes through [`lex`], [`parse`] and [`compile`] into a [`compile::Plan`] that [`run`] walks
//! over the store. The grammar is the documented one: `SELECT columns FROM WorkItems WHERE
//! condition ORDER BY columns ASOF 'date'`. Queries over links are not served.

pub(crate) mod ast;
pub(crate) mod compile;
pub(crate) mod lex;
pub(crate) mod parse;
pub(crate) mod run;
