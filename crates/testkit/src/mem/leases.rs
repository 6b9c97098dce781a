//! Leases.

use std::time::Duration;

use syncline_domain::ports::{Lease, LeaseTx};
use syncline_domain::{Fault, Timestamp};

use super::MemTx;
use super::tables::LeaseRow;

impl LeaseTx for MemTx<'_> {
    fn acquire_lease(
        &mut self,
        name: &str,
        holder: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<Option<Lease>, Fault> {
        let tables = self.write()?;
        let last = tables.leases.get(&name.to_owned());
        if last.is_some_and(|row| row.held && row.lease.expires_at > now) {
            return Ok(None);
        }
        let lease = Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            token: last.map_or(0, |row| row.lease.token) + 1,
            expires_at: now.after(ttl),
        };
        let row = LeaseRow { lease: lease.clone(), held: true };
        tables.leases.put(name.to_owned(), row);
        Ok(Some(lease))
    }

    fn renew_lease(&mut self, lease: &Lease, now: Timestamp, ttl: Duration) -> Result<bool, Fault> {
        let tables = self.write()?;
        let Some(mut row) = tables.leases.get(&lease.name).cloned() else {
            return Ok(false);
        };
        if !row.held || row.lease.token != lease.token {
            return Ok(false);
        }
        row.lease.expires_at = now.after(ttl);
        tables.leases.put(lease.name.clone(), row);
        Ok(true)
    }

    fn release_lease(&mut self, lease: &Lease) -> Result<(), Fault> {
        let tables = self.write()?;
        if let Some(mut row) = tables.leases.get(&lease.name).cloned()
            && row.lease.token == lease.token
        {
            row.held = false;
            tables.leases.put(lease.name.clone(), row);
        }
        Ok(())
    }

    fn lease(&mut self, name: &str) -> Result<Option<Lease>, Fault> {
        let row = self.tables.leases.get(&name.to_owned());
        Ok(row.filter(|row| row.held).map(|row| row.lease.clone()))
    }

    fn assert_lease(&mut self, lease: &Lease) -> Result<(), Fault> {
        let row = self.tables.leases.get(&lease.name);
        if row.is_some_and(|row| row.held && row.lease.token == lease.token) {
            return Ok(());
        }
        Err(Fault::Conflict(format!("lease {} was taken by somebody else", lease.name)))
    }
}
