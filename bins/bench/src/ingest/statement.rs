//! The two rows of the ceilings: one delivery, one job. Their statements are prepared once for each connection.

use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Text};

/// The tables, but for their keys.
pub(super) const DELIVERIES: &str =
    "webhook_id BIGINT NOT NULL, name TEXT NOT NULL, payload TEXT NOT NULL, at_us BIGINT NOT NULL";
pub(super) const JOBS: &str = "delivery_id BIGINT NOT NULL, kind TEXT NOT NULL, \
                               status TEXT NOT NULL, run_at_us BIGINT NOT NULL";

/// A delivery.
pub(super) struct Delivery<'a> {
    pub(super) name: &'a str,
    pub(super) payload: &'a str,
    pub(super) at_us: i64,
}

/// The job of the delivery that was stored last on the connection (SQLite).
pub(super) struct JobOfLast {
    pub(super) at_us: i64,
}

/// A delivery and its job in one statement (PostgreSQL).
pub(super) struct Both<'a>(pub(super) Delivery<'a>);

macro_rules! known {
    ($($statement:ty),*) => {$(
        impl QueryId for $statement {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
        impl<C> RunQueryDsl<C> for $statement {}
    )*};
}
known!(Delivery<'_>, JobOfLast, Both<'_>);

impl<'a> Delivery<'a> {
    fn values<'b, DB>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<BigInt> + HasSqlType<Text>,
        i64: ToSql<BigInt, DB>,
        str: ToSql<Text, DB>,
        &'a str: ToSql<Text, DB>,
    {
        pass.push_sql("INSERT INTO deliveries (webhook_id, name, payload, at_us) VALUES (1, ");
        pass.push_bind_param::<Text, &'a str>(&self.name)?;
        pass.push_sql(", ");
        pass.push_bind_param::<Text, &'a str>(&self.payload)?;
        pass.push_sql(", ");
        pass.push_bind_param::<BigInt, _>(&self.at_us)?;
        pass.push_sql(")");
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for Delivery<'_>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Text>,
    i64: ToSql<BigInt, DB>,
    str: ToSql<Text, DB>,
    for<'a> &'a str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.values(pass)
    }
}

impl<DB> QueryFragment<DB> for JobOfLast
where
    DB: Backend + HasSqlType<BigInt>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        pass.push_sql(
            "INSERT INTO jobs (delivery_id, kind, status, run_at_us) \
             VALUES (last_insert_rowid(), 'sync', 'queued', ",
        );
        pass.push_bind_param::<BigInt, _>(&self.at_us)?;
        pass.push_sql(")");
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for Both<'_>
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Text>,
    i64: ToSql<BigInt, DB>,
    str: ToSql<Text, DB>,
    for<'a> &'a str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        pass.push_sql("WITH made AS (");
        self.0.values(pass.reborrow())?;
        pass.push_sql(
            " RETURNING id, at_us) INSERT INTO jobs (delivery_id, kind, status, run_at_us) \
             SELECT id, 'sync', 'queued', at_us FROM made",
        );
        Ok(())
    }
}
