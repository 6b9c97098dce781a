//! Tables `intents`, `cursors`: what a run is about to write, and how far it has read.

use diesel::prelude::*;
use diesel::upsert::excluded;
use syncline_domain::{
    ConfigId, Cursor, ExecutionId, Fault, Intent, IntentId, IntentState, ItemId, OpId, Side,
    Timestamp, WriteOp,
};

use super::touched;
use crate::convert::{CHUNK, all, from_json, to_json, word};
use crate::db::{Db, on_db};
use crate::error::OrFault;
use crate::schema::{cursors, intents};
use crate::statement::Statement;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = intents, treat_none_as_default_value = false)]
struct Row {
    #[diesel(skip_insertion)]
    id: i64,
    config_id: i64,
    execution_id: i64,
    op_id: String,
    op: String,
    side: String,
    from_item_id: String,
    item_id: Option<String>,
    plan: String,
    state: String,
    created_at_us: i64,
}

impl Row {
    fn new(intent: &Intent) -> Result<Self, Fault> {
        Ok(Self {
            id: 0,
            config_id: intent.config_id.0,
            execution_id: intent.execution_id.0,
            op_id: intent.op_id.as_str().to_owned(),
            op: intent.op.as_str().to_owned(),
            side: intent.side.as_str().to_owned(),
            from_item_id: intent.from_item_id.as_str().to_owned(),
            item_id: intent.item_id.as_ref().map(|id| id.as_str().to_owned()),
            plan: to_json(&intent.plan)?,
            state: intent.state.as_str().to_owned(),
            created_at_us: intent.created_at.micros(),
        })
    }

    fn into_domain(self) -> Result<Intent, Fault> {
        Ok(Intent {
            id: IntentId(self.id),
            config_id: ConfigId(self.config_id),
            execution_id: ExecutionId(self.execution_id),
            op_id: OpId::new(self.op_id),
            op: word(&self.op)?,
            side: word(&self.side)?,
            from_item_id: ItemId::new(self.from_item_id),
            item_id: self.item_id.map(ItemId::new),
            plan: from_json(&self.plan, "intent")?,
            state: word(&self.state)?,
            created_at: Timestamp::from_micros(self.created_at_us),
        })
    }
}

/// Stores intents; answers their ids in the same order.
pub(super) fn insert(db: &mut Db, given: &[Intent]) -> Result<Vec<IntentId>, Fault> {
    let mut ids = Vec::with_capacity(given.len());
    for chunk in given.chunks(CHUNK) {
        let new = chunk.iter().map(Row::new).collect::<Result<Vec<_>, _>>()?;
        ids.extend(
            on_db!(&mut *db, c => diesel::insert_into(intents::table)
                .values(&new)
                .returning(intents::id)
                .get_results::<i64>(c))
            .or_fault()?,
        );
    }
    // Ids ascend in the order of the rows; the order of a RETURNING is nobody's promise.
    ids.sort_unstable();
    Ok(ids.into_iter().map(IntentId).collect())
}

/// Moves an intent to its end; an item that is not given stays as it was.
pub(super) fn finish(
    db: &mut Db,
    id: IntentId,
    state: IntentState,
    item: Option<&ItemId>,
) -> Result<(), Fault> {
    let end: Statement<()> = match item {
        Some(item) => Statement::new("UPDATE intents SET state = ?, item_id = ? WHERE id = ?")
            .text(state.as_str())
            .text(item.as_str()),
        None => Statement::new("UPDATE intents SET state = ? WHERE id = ?").text(state.as_str()),
    };
    let end = end.number(id.0);
    let rows = on_db!(db, c => end.execute(c)).or_fault()?;
    touched(rows, "intent", id)
}

/// States without a recorded outcome.
const UNSETTLED: [&str; 2] = [IntentState::Open.as_str(), IntentState::Doubtful.as_str()];

/// Intents without a recorded outcome, oldest first.
pub(super) fn open(db: &mut Db, config: ConfigId) -> Result<Vec<Intent>, Fault> {
    let rows: Vec<Row> = on_db!(db, c => intents::table
        .filter(intents::config_id.eq(config.0))
        .filter(intents::state.eq_any(UNSETTLED))
        .order(intents::id)
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    all(rows, Row::into_domain)
}

/// Those that are to make an item on this side.
pub(super) fn open_creates(
    db: &mut Db,
    config: ConfigId,
    side: Side,
) -> Result<Vec<Intent>, Fault> {
    let rows: Vec<Row> = on_db!(db, c => intents::table
        .filter(intents::config_id.eq(config.0))
        .filter(intents::state.eq_any(UNSETTLED))
        .filter(intents::op.eq(WriteOp::Create.as_str()))
        .filter(intents::side.eq(side.as_str()))
        .order(intents::id)
        .select(Row::as_select())
        .load(c))
    .or_fault()?;
    all(rows, Row::into_domain)
}

/// Where reading one side goes on.
pub(super) fn cursor(db: &mut Db, config: ConfigId, side: Side) -> Result<Option<Cursor>, Fault> {
    let text: Option<String> = on_db!(db, c => cursors::table
        .find((config.0, side.as_str()))
        .select(cursors::position)
        .get_result(c)
        .optional())
    .or_fault()?;
    Ok(text.map(Cursor::new))
}

/// Moves or forgets it.
pub(super) fn put_cursor(
    db: &mut Db,
    config: ConfigId,
    side: Side,
    cursor: Option<&Cursor>,
    now: Timestamp,
) -> Result<(), Fault> {
    let done = match cursor {
        None => on_db!(db, c =>
            diesel::delete(cursors::table.find((config.0, side.as_str()))).execute(c)),
        Some(cursor) => on_db!(db, c => diesel::insert_into(cursors::table)
            .values((
                cursors::config_id.eq(config.0),
                cursors::side.eq(side.as_str()),
                cursors::position.eq(cursor.as_str()),
                cursors::updated_at_us.eq(now.micros()),
            ))
            .on_conflict((cursors::config_id, cursors::side))
            .do_update()
            .set((
                cursors::position.eq(excluded(cursors::position)),
                cursors::updated_at_us.eq(excluded(cursors::updated_at_us)),
            ))
            .execute(c)),
    };
    done.or_fault()?;
    Ok(())
}
