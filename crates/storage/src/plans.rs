//! No hot question may read a whole table. The statements are those that were really sent.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::prelude::*;
use diesel::sql_types::Text;
use syncline_domain::ports::{ExecutionFilter, OutcomeFilter, Tx};
use syncline_domain::{
    ConfigId, ConnectorId, ExecutionId, ExecutionStatus, Fault, ItemId, ItemState, LineageId,
    OutcomeId, PairId, Side, Timestamp, TypeId,
};
use syncline_testkit::rows::{base, config_row, connector_row, pair_row};

use crate::config::Place;
use crate::db::Db;
use crate::manager::{Purpose, connect};
use crate::migrate::migrate;
use crate::tx::DbTx;

type Sent = Arc<Mutex<Vec<String>>>;

struct Recorder(Sent);

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text.split(" -- binds:").next().unwrap_or_default().to_owned();
            if statement.contains("SAVEPOINT") {
                return;
            }
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(statement);
        }
    }
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// What SQLite would do for every statement that `work` sends.
fn plans_of(work: impl FnOnce(&mut dyn Tx) -> Result<(), Fault>) -> Vec<(String, String)> {
    let mut db = connect(&Place::Memory, Purpose::Write).unwrap();
    migrate(&mut db).unwrap();
    let sent = Sent::default();
    let Db::Sqlite(c) = &mut db else { panic!("memory is SQLite") };
    c.set_instrumentation(Recorder(Arc::clone(&sent)));
    work(&mut DbTx::new(&mut db, true)).unwrap();
    let Db::Sqlite(c) = &mut db else { panic!("memory is SQLite") };
    c.set_instrumentation(None::<Recorder>);
    let statements = std::mem::take(&mut *sent.lock().unwrap());
    assert!(!statements.is_empty());
    let explain = |statement: String| {
        let steps: Vec<Step> =
            diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(c).unwrap();
        let plan: Vec<String> = steps.into_iter().map(|step| step.detail).collect();
        (statement, plan.join("; "))
    };
    statements.into_iter().map(explain).collect()
}

fn items() -> [ItemId; 3] {
    ["1", "2", "3"].map(ItemId::new)
}

fn assert_no_scan(plans: Vec<(String, String)>) {
    for (statement, plan) in plans {
        assert!(!plan.is_empty() || statement.starts_with("INSERT"), "{statement}");
        assert!(!plan.contains("SCAN ") || plan.contains("SCAN CONSTANT"), "{statement}\n{plan}");
        assert!(!plan.contains("AUTOMATIC"), "{statement}\n{plan}");
    }
}

#[test]
fn what_a_run_asks_is_found_by_an_index() {
    let (config, connector) = (ConfigId(1), ConnectorId(1));
    let pairs = [PairId(1), PairId(2)];
    assert_no_scan(plans_of(|tx| {
        for side in [Side::Source, Side::Target] {
            tx.pairs_by_items(config, side, &items())?;
            tx.cursor(config, side)?;
            tx.retries(config, side, None)?;
            tx.retries(config, side, Some(&items()))?;
            tx.clear_retries(config, side, &items())?;
        }
        tx.bases(&pairs)?;
        tx.receipts(&pairs)?;
        tx.open_intents(config)?;
        tx.paired_items(connector, &items())?;
        tx.lineages(connector, &items())?;
        tx.lineage_members(&[LineageId(1), LineageId(2)])?;
        tx.comment_pairs(PairId(1))?;
        tx.pair(PairId(1))?;
        tx.count_pairs(config)?;
        tx.type_mappings(config)?;
        tx.field_mappings(config)?;
        tx.status_mappings(config)?;
        tx.user_map(config)?;
        tx.fields(&[TypeId(1), TypeId(2)])?;
        tx.statuses(&[TypeId(1), TypeId(2)])?;
        tx.types(connector)?;
        tx.lease("run/1")?;
        tx.api_key_by_hash("h")?;
        tx.remembered_reply("s", "k")?;
        tx.prune_replies(Timestamp::EPOCH)?;
        tx.connector_by_name("a")?;
        tx.connector_usage(connector)?;
        tx.config_by_name("a").map(drop)
    }));
}

#[test]
fn many_rows_take_few_statements() {
    let many: Vec<ItemId> = (0..1_000).map(|number| ItemId::new(number.to_string())).collect();
    let plans = plans_of(|tx| tx.pairs_by_items(ConfigId(1), Side::Source, &many).map(drop));
    assert_eq!(plans.len(), 2);

    let mut pairs = Vec::new();
    let plans = plans_of(|tx| {
        let one = tx.insert_connector(&connector_row("a"))?;
        let other = tx.insert_connector(&connector_row("b"))?;
        let config = tx.insert_config(&config_row("c", one, other))?;
        let pair = tx.insert_pair(&pair_row(config, "1", "2"))?;
        let bases: Vec<_> = (0..5_000)
            .map(|number| base(pair, Side::Source, &number.to_string(), "x".into()))
            .collect();
        tx.put_bases(&bases)?;
        tx.put_bases(&bases)?;
        pairs = tx.bases(&[pair])?;
        Ok(())
    });
    assert_eq!(pairs.len(), 5_000);
    let writes = plans.iter().filter(|(statement, _)| statement.contains("INTO `bases`")).count();
    assert_eq!(writes, 2 * 10);
}

#[test]
fn a_page_is_read_in_the_order_of_its_index() {
    let config = ConfigId(1);
    let plans = plans_of(|tx| {
        tx.pairs(config, Some(PairId(5)), 0, 10)?;
        let after = Some(OutcomeId(5));
        let states = vec![ItemState::Failed, ItemState::Quarantined];
        tx.outcomes(ExecutionId(1), &OutcomeFilter { after, states: Vec::new() }, 10)?;
        tx.outcomes(ExecutionId(1), &OutcomeFilter { after, states }, 10)?;
        let before = Some(ExecutionId(9));
        let of_config = ExecutionFilter { config_id: Some(config), before, ..Default::default() };
        tx.executions(&of_config, 10)?;
        tx.count_executions(&of_config)?;
        let running = ExecutionFilter {
            config_id: Some(config),
            status: Some(ExecutionStatus::Running),
            ..Default::default()
        };
        tx.executions(&running, 10)?;
        tx.executions(&ExecutionFilter { before, ..Default::default() }, 10)?;
        tx.audit(Some(5.into()), 10).map(drop)
    });
    for (statement, plan) in &plans {
        assert!(!plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
    }
    assert_no_scan(plans);
}
