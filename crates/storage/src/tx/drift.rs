//! Tables `paused_mappings` and `lookouts`: rows of rules that rest, and looks at trackers that go on by themselves.

use diesel::prelude::*;
use syncline_domain::ports::DriftTx;
use syncline_domain::{
    ConfigId, ConnectorId, Fault, FieldMappingId, Lookout, LookoutSubject, MappingRef, Pause,
    PauseId, StatusMappingId, Timestamp, TypeMappingId,
};

use super::DbTx;
use crate::convert::{all, count, from_json, time, to_json, to_json_opt, value_opt};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{lookouts, paused_mappings};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = paused_mappings, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    #[diesel(skip_insertion, skip_update)]
    id: i64,
    config_id: i64,
    type_mapping_id: Option<i64>,
    field_mapping_id: Option<i64>,
    status_mapping_id: Option<i64>,
    paused_reason: String,
    causes: String,
    paused_at_us: i64,
}

impl Row {
    fn new(pause: &Pause) -> Result<Self, Fault> {
        let id = pause.mapping.id();
        let of = |kind: &str| (pause.mapping.kind() == kind).then_some(id);
        Ok(Self {
            id: 0,
            config_id: pause.config_id.0,
            type_mapping_id: of("type"),
            field_mapping_id: of("field"),
            status_mapping_id: of("status"),
            paused_reason: pause.reason(),
            causes: to_json(&pause.causes)?,
            paused_at_us: pause.paused_at.micros(),
        })
    }

    fn into_domain(self) -> Result<Pause, Fault> {
        let mapping = match (self.type_mapping_id, self.field_mapping_id, self.status_mapping_id) {
            (Some(id), ..) => MappingRef::Type(TypeMappingId(id)),
            (_, Some(id), _) => MappingRef::Field(FieldMappingId(id)),
            (.., Some(id)) => MappingRef::Status(StatusMappingId(id)),
            (None, None, None) => {
                return Err(Fault::Internal(format!("pause {} is about nothing", self.id)));
            }
        };
        Ok(Pause {
            id: PauseId(self.id),
            config_id: ConfigId(self.config_id),
            mapping,
            causes: from_json(&self.causes, "causes of a pause")?,
            paused_at: Timestamp::from_micros(self.paused_at_us),
        })
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = lookouts, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Look {
    connector_id: Option<i64>,
    config_id: Option<i64>,
    due_at_us: i64,
    looked_at_us: Option<i64>,
    failures: i32,
    error: Option<String>,
    found: Option<String>,
    told: Option<String>,
}

impl Look {
    fn new(lookout: &Lookout) -> Result<Self, Fault> {
        let (connector_id, config_id) = match lookout.subject {
            LookoutSubject::Connector(id) => (Some(id.0), None),
            LookoutSubject::Config(id) => (None, Some(id.0)),
        };
        Ok(Self {
            connector_id,
            config_id,
            due_at_us: lookout.due_at.micros(),
            looked_at_us: lookout.looked_at.map(Timestamp::micros),
            failures: i32::try_from(lookout.failures).unwrap_or(i32::MAX),
            error: lookout.error.clone(),
            found: to_json_opt(lookout.found.as_ref())?,
            told: lookout.told.clone(),
        })
    }

    fn into_domain(self, subject: LookoutSubject) -> Result<Lookout, Fault> {
        Ok(Lookout {
            subject,
            due_at: Timestamp::from_micros(self.due_at_us),
            looked_at: time(self.looked_at_us),
            failures: u32::try_from(self.failures).unwrap_or(0),
            error: self.error,
            found: value_opt(self.found.as_deref(), "finding of a look")?,
            told: self.told,
        })
    }
}

fn paused_row(db: &mut Db, mapping: MappingRef) -> Result<Option<i64>, Fault> {
    use paused_mappings::{field_mapping_id, id, status_mapping_id, type_mapping_id};
    let found: QueryResult<Option<i64>> = on_db!(db, c => {
        let rows = paused_mappings::table.select(id);
        match mapping {
            MappingRef::Type(of) => rows.filter(type_mapping_id.eq(of.0)).get_result(c),
            MappingRef::Field(of) => rows.filter(field_mapping_id.eq(of.0)).get_result(c),
            MappingRef::Status(of) => rows.filter(status_mapping_id.eq(of.0)).get_result(c),
        }
        .optional()
    });
    found.or_fault()
}

fn look_row(db: &mut Db, subject: LookoutSubject) -> Result<Option<Look>, Fault> {
    let found: QueryResult<Option<Look>> = on_db!(db, c => {
        let rows = lookouts::table.select(Look::as_select());
        match subject {
            LookoutSubject::Connector(ConnectorId(id)) => {
                rows.filter(lookouts::connector_id.eq(id)).get_result(c)
            }
            LookoutSubject::Config(ConfigId(id)) => {
                rows.filter(lookouts::config_id.eq(id)).get_result(c)
            }
        }
        .optional()
    });
    found.or_fault()
}

impl DriftTx for DbTx<'_> {
    fn pauses(&mut self, config: ConfigId) -> Result<Vec<Pause>, Fault> {
        let rows: Vec<Row> = on_db!(self.read(), c => paused_mappings::table
            .filter(paused_mappings::config_id.eq(config.0))
            .order(paused_mappings::id)
            .select(Row::as_select())
            .load(c))
        .or_fault()?;
        all(rows, Row::into_domain)
    }

    fn put_pause(&mut self, pause: &Pause) -> Result<PauseId, Fault> {
        let row = Row::new(pause)?;
        let db = self.write()?;
        if let Some(id) = paused_row(db, pause.mapping)? {
            on_db!(db, c => diesel::update(paused_mappings::table.find(id)).set(&row).execute(c))
                .or_fault()?;
            return Ok(PauseId(id));
        }
        let id = db.guarded(|db| {
            on_db!(db, c => diesel::insert_into(paused_mappings::table)
                .values(&row)
                .returning(paused_mappings::id)
                .get_result(c))
            .or_fault()
        })?;
        Ok(PauseId(id))
    }

    fn end_pause(&mut self, mapping: MappingRef) -> Result<bool, Fault> {
        let db = self.write()?;
        let Some(id) = paused_row(db, mapping)? else { return Ok(false) };
        let rows = on_db!(db, c => diesel::delete(paused_mappings::table.find(id)).execute(c))
            .or_fault()?;
        Ok(count(rows) > 0)
    }

    fn lookout(&mut self, subject: LookoutSubject) -> Result<Option<Lookout>, Fault> {
        look_row(self.read(), subject)?.map(|row| row.into_domain(subject)).transpose()
    }

    fn put_lookout(&mut self, lookout: &Lookout) -> Result<(), Fault> {
        let row = Look::new(lookout)?;
        let db = self.write()?;
        db.guarded(|db| {
            if look_row(db, lookout.subject)?.is_none() {
                on_db!(db, c => diesel::insert_into(lookouts::table).values(&row).execute(c))
                    .or_fault()?;
                return Ok(());
            }
            match lookout.subject {
                LookoutSubject::Connector(ConnectorId(id)) => on_db!(db, c => {
                    diesel::update(lookouts::table.filter(lookouts::connector_id.eq(id)))
                        .set(&row)
                        .execute(c)
                }),
                LookoutSubject::Config(ConfigId(id)) => on_db!(db, c => {
                    diesel::update(lookouts::table.filter(lookouts::config_id.eq(id)))
                        .set(&row)
                        .execute(c)
                }),
            }
            .or_fault()?;
            Ok(())
        })
    }

    fn drop_lookout(&mut self, subject: LookoutSubject) -> Result<(), Fault> {
        let db = self.write()?;
        match subject {
            LookoutSubject::Connector(ConnectorId(id)) => on_db!(db, c => {
                diesel::delete(lookouts::table.filter(lookouts::connector_id.eq(id))).execute(c)
            }),
            LookoutSubject::Config(ConfigId(id)) => on_db!(db, c => {
                diesel::delete(lookouts::table.filter(lookouts::config_id.eq(id))).execute(c)
            }),
        }
        .or_fault()?;
        Ok(())
    }
}
