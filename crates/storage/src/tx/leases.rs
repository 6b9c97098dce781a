//! Table `leases`. A row stays when its lease ends, so that tokens only rise.

use std::time::Duration;

use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::upsert::excluded;
use syncline_domain::ports::{Lease, LeaseTx};
use syncline_domain::{Fault, Timestamp};

use super::DbTx;
use crate::db::on_db;
use crate::error::OrFault;
use crate::schema::leases;

impl LeaseTx for DbTx<'_> {
    fn acquire_lease(
        &mut self,
        name: &str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, Fault> {
        let expires_at = now.after(ttl);
        let token: Option<i64> = on_db!(self.write()?, c => {
            let taken = diesel::insert_into(leases::table)
                .values((
                    leases::name.eq(name),
                    leases::holder.eq(holder),
                    leases::token.eq(1_i64),
                    leases::is_held.eq(true),
                    leases::expires_at_us.eq(expires_at.micros()),
                ))
                .on_conflict(leases::name)
                .do_update()
                .set((
                    leases::holder.eq(excluded(leases::holder)),
                    leases::token.eq(leases::token + 1_i64),
                    leases::is_held.eq(true),
                    leases::expires_at_us.eq(excluded(leases::expires_at_us)),
                ));
            let free = leases::is_held.eq(false).or(leases::expires_at_us.le(now.micros()));
            methods::FilterDsl::filter(taken, free).returning(leases::token).get_result(c).optional()
        })
        .or_fault()?;
        Ok(token.map(|token| Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            token,
            expires_at,
        }))
    }

    fn renew_lease(&mut self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<bool, Fault> {
        let rows = on_db!(self.write()?, c => diesel::update(leases::table.find(&lease.name))
            .filter(leases::token.eq(lease.token).and(leases::is_held.eq(true)))
            .set(leases::expires_at_us.eq(now.after(ttl).micros()))
            .execute(c))
        .or_fault()?;
        Ok(rows > 0)
    }

    fn release_lease(&mut self, lease: &Lease) -> Result<(), Fault> {
        on_db!(self.write()?, c => diesel::update(leases::table.find(&lease.name))
            .filter(leases::token.eq(lease.token))
            .set(leases::is_held.eq(false))
            .execute(c))
        .or_fault()?;
        Ok(())
    }

    fn lease(&mut self, name: &str) -> Result<Option<Lease>, Fault> {
        let row: Option<(String, i64, i64)> = on_db!(self.read(), c => leases::table
            .filter(leases::name.eq(name).and(leases::is_held.eq(true)))
            .select((leases::holder, leases::token, leases::expires_at_us))
            .get_result(c)
            .optional())
        .or_fault()?;
        Ok(row.map(|(holder, token, expires_at)| Lease {
            name: name.to_owned(),
            holder,
            token,
            expires_at: Timestamp::from_micros(expires_at),
        }))
    }

    fn assert_lease(&mut self, lease: &Lease) -> Result<(), Fault> {
        let newest = self.lease(&lease.name)?;
        if newest.is_some_and(|newest| newest.token == lease.token) {
            return Ok(());
        }
        Err(Fault::Conflict(format!("lease {} was taken by somebody else", lease.name)))
    }
}
