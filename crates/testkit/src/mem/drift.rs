//! Rows of rules that rest, and looks that go on by themselves.

use syncline_domain::ports::DriftTx;
use syncline_domain::{ConfigId, Fault, Lookout, LookoutSubject, MappingRef, Pause, PauseId};

use super::MemTx;
use super::tables::Tables;

/// Asks for the row that a pause is about.
fn mapping_there(tables: &Tables, mapping: MappingRef) -> Result<(), Fault> {
    let is_there = match mapping {
        MappingRef::Type(id) => tables.type_mappings.get(id.0).is_some(),
        MappingRef::Field(id) => tables.field_mappings.get(id.0).is_some(),
        MappingRef::Status(id) => tables.status_mappings.get(id.0).is_some(),
    };
    if is_there { Ok(()) } else { Err(Fault::Conflict(format!("there is no {mapping}"))) }
}

impl DriftTx for MemTx<'_> {
    fn pauses(&mut self, config: ConfigId) -> Result<Vec<Pause>, Fault> {
        Ok(self.tables.pauses.all().filter(|row| row.config_id == config).cloned().collect())
    }

    fn put_pause(&mut self, pause: &Pause) -> Result<PauseId, Fault> {
        let tables = self.write()?;
        tables.config_there(Some(pause.config_id))?;
        mapping_there(tables, pause.mapping)?;
        let known = tables.pauses.all().find(|row| row.mapping == pause.mapping).map(|row| row.id);
        match known {
            Some(id) => {
                if let Some(slot) = tables.pauses.get_mut(id.0) {
                    *slot = Pause { id, ..pause.clone() };
                }
                Ok(id)
            }
            None => Ok(PauseId(tables.pauses.add(|id| Pause { id: PauseId(id), ..pause.clone() }))),
        }
    }

    fn end_pause(&mut self, mapping: MappingRef) -> Result<bool, Fault> {
        let tables = self.write()?;
        let known = tables.pauses.all().find(|row| row.mapping == mapping).map(|row| row.id);
        Ok(known.is_some_and(|id| tables.pauses.remove(id.0).is_some()))
    }

    fn lookout(&mut self, subject: LookoutSubject) -> Result<Option<Lookout>, Fault> {
        Ok(self.tables.lookouts.get(&subject).cloned())
    }

    fn put_lookout(&mut self, lookout: &Lookout) -> Result<(), Fault> {
        let tables = self.write()?;
        match lookout.subject {
            LookoutSubject::Config(id) => tables.config_there(Some(id))?,
            LookoutSubject::Connector(id) if tables.connectors.get(id.0).is_none() => {
                return Err(Fault::Conflict(format!("there is no connector {id}")));
            }
            LookoutSubject::Connector(_) => {}
        }
        tables.lookouts.put(lookout.subject, lookout.clone());
        Ok(())
    }

    fn drop_lookout(&mut self, subject: LookoutSubject) -> Result<(), Fault> {
        self.write()?.lookouts.remove(&subject);
        Ok(())
    }
}
