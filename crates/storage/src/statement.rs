//! Statements whose text is always the same, prepared once for each connection.
//!
//! diesel prepares updates, and everything with a piece of plain SQL in it, anew each time: it cannot know that their
//! text never varies. Who wraps a statement here says so. What bounds the cache is that every text stands in the source.
//!
//! SQLite prepares a statement anew by itself when a value was bound to its LIMIT, since the plan may depend on it. What
//! is asked often and can have one answer only is therefore asked without.

use std::marker::PhantomData;

use diesel::RunQueryDsl;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Nullable, Text};
use diesel::sqlite::Sqlite;

/// A statement of diesel's that has one text only, whatever is bound to it, and answers rows: diesel looks through this
/// when it is asked to count what it touched, and prepares that anew all the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cached<Q>(pub(crate) Q);

macro_rules! cached_on {
    ($backend:ty) => {
        impl<Q: QueryFragment<$backend>> QueryFragment<$backend> for Cached<Q> {
            fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                self.0.walk_ast(pass)
            }

            fn is_safe_to_cache_prepared(&self, _backend: &$backend) -> QueryResult<bool> {
                Ok(true)
            }
        }

        impl<A> QueryFragment<$backend> for Statement<A> {
            fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                walk(self.text, &self.values, pass)
            }
        }
    };
}

cached_on!(Sqlite);
cached_on!(Pg);

impl<Q> QueryId for Cached<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Cached<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Cached<Q> {}

/// A statement written by hand, for what diesel has no words for. Each `?` in the text takes a value, in their order.
#[derive(Debug)]
pub(crate) struct Statement<A> {
    text: &'static str,
    values: Vec<Bound>,
    answer: PhantomData<A>,
}

#[derive(Debug)]
enum Bound {
    Number(i64),
    Maybe(Option<i64>),
    Text(String),
}

impl<A> Statement<A> {
    /// One that answers rows of the SQL type `A`; `()` where it answers none.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, values: Vec::new(), answer: PhantomData }
    }

    /// With a number for the next `?`.
    pub(crate) fn number(mut self, value: i64) -> Self {
        self.values.push(Bound::Number(value));
        self
    }

    /// With a number that may be missing for the next `?`.
    pub(crate) fn maybe(mut self, value: Option<i64>) -> Self {
        self.values.push(Bound::Maybe(value));
        self
    }

    /// With a text for the next `?`.
    pub(crate) fn text(mut self, value: impl Into<String>) -> Self {
        self.values.push(Bound::Text(value.into()));
        self
    }
}

impl<A> QueryId for Statement<A> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<A> Query for Statement<A> {
    type SqlType = A;
}

impl<A, C> RunQueryDsl<C> for Statement<A> {}

fn walk<'b, DB>(
    text: &'static str,
    values: &'b [Bound],
    mut pass: AstPass<'_, 'b, DB>,
) -> QueryResult<()>
where
    DB: diesel::backend::Backend + HasSqlType<BigInt> + HasSqlType<Text>,
    i64: ToSql<BigInt, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
    String: ToSql<Text, DB>,
{
    let mut values = values.iter();
    for (index, part) in text.split('?').enumerate() {
        if index > 0 {
            match values.next() {
                Some(Bound::Number(value)) => pass.push_bind_param::<BigInt, _>(value)?,
                Some(Bound::Maybe(value)) => {
                    pass.push_bind_param::<Nullable<BigInt>, _>(value)?;
                }
                Some(Bound::Text(value)) => pass.push_bind_param::<Text, _>(value)?,
                None => {
                    return Err(diesel::result::Error::QueryBuilderError(
                        format!("a value is missing in: {text}").into(),
                    ));
                }
            }
        }
        pass.push_sql(part);
    }
    Ok(())
}

/// A condition over a table, as diesel's statements take it.
impl Expression for Statement<Bool> {
    type SqlType = Bool;
}

impl<T> AppearsOnTable<T> for Statement<Bool> {}

impl<G> ValidGrouping<G> for Statement<Bool> {
    type IsAggregate = is_aggregate::No;
}
