//! No hot question may read a whole table. The statements are those that were really sent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection as _};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use syncline_domain::ports::{
    DeliveryFilter, DeliveryTx as _, ExecutionFilter, OutcomeFilter, PlanFilter, Tx,
};
use syncline_domain::{
    ConfigId, ConnectorId, DeliveryStatus, ExecutionId, ExecutionStatus, Fault, ItemId, ItemState,
    JobClaim, JobId, JobOutcome, LineageId, NewJob, OutcomeId, PairId, PlanId, PlanWriteId,
    Settlement, Side, Timestamp, TypeId, WebhookId,
};
use syncline_testkit::rows::{
    base, config_row, connector_row, delivery_row, folding_job, pair_row, webhook_row,
};

use crate::config::Place;
use crate::db::Db;
use crate::dialect::FIRST_DELIVERIES;
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
        tx.open_creates(config, Side::Target)?;
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
        tx.history(PairId(1), Some(5.into()), 10)?;
        tx.count_history(PairId(1))?;
        tx.pair_conflicts(PairId(1), 10)?;
        tx.mapping_test(1.into())?;
        tx.mapping_tests(config)?;
        tx.count_mapping_tests(config)?;
        tx.rules_copy(config, 1, Timestamp::EPOCH)?;
        tx.prune_rules(Timestamp::EPOCH, 10)?;
        tx.config_by_name("a").map(drop)
    }));
}

/// Fails when a statement walks over a table of ours by its rows, or over an index that is not of these.
fn assert_walks_only(plans: Vec<(String, String)>, indexes: &[&str]) {
    for (statement, plan) in plans {
        for step in plan.split("; ").filter(|step| step.starts_with("SCAN ")) {
            let known = indexes.iter().any(|index| step.ends_with(&format!(" INDEX {index}")));
            let no_table = ["VIRTUAL TABLE", "CONSTANT ROW"].iter().any(|word| step.contains(word));
            let made_here = ["j", "v", "s", "waiting", "free"].map(|name| format!("SCAN {name}"));
            let fine = known || no_table || made_here.iter().any(|name| name == step);
            assert!(fine, "{statement}\n{plan}");
        }
        assert!(!plan.contains("AUTOMATIC"), "{statement}\n{plan}");
    }
}

#[test]
fn what_plans_ask_is_found_by_an_index() {
    let (plan, config) = (PlanId(1), ConfigId(1));
    let of_config = PlanFilter { config_id: Some(config), ..PlanFilter::default() };
    let before = PlanFilter { before: Some(plan), ..PlanFilter::default() };
    assert_no_scan(plans_of(|tx| {
        tx.plan(plan)?;
        tx.plan_of_run(ExecutionId(1))?;
        tx.plans(&of_config, 10)?;
        tx.plans(&before, 10)?;
        tx.plan_writes(plan, Some(PlanWriteId(4)), 10)?;
        tx.prune_plans(Timestamp::from_secs(9), 10)?;
        tx.rules_review(config).map(drop)
    }));
}

#[test]
fn what_the_queue_asks_is_found_by_an_index() {
    let (now, lease) = (Timestamp::from_secs(9), Duration::from_secs(30));
    let job = folding_job(None, "k", &["1", "2"]);
    let whole = NewJob { items: None, ..folding_job(None, "k", &[]) };
    let plans = plans_of(|tx| {
        tx.enqueue(&job)?;
        tx.enqueue(&job)?;
        tx.enqueue(&whole)?;
        tx.count_waiting_jobs()?;
        tx.next_job_at()?;
        tx.claim_jobs("me", now, lease, 10)?;
        let claim = JobClaim { id: JobId(1), token: 1 };
        tx.renew_jobs(&[claim], now, lease)?;
        let outcome = JobOutcome::Completed { result: None };
        tx.settle_jobs(&[Settlement { claim, outcome, at: now }])?;
        tx.rescue_jobs(now, &["gone".to_owned()], 10)?;
        tx.job_holders()?;
        tx.job(JobId(1))?;
        tx.job_items(JobId(1), 10)?;
        tx.cancel_job(JobId(1), now).map(drop)?;
        tx.redrive_job(JobId(1), now)?;
        tx.queue_counts(None)?;
        tx.prune_job_items(10, now, 10)?;
        tx.prune_jobs(10, now, 10).map(drop)
    });
    let walked = ["jobs_due", "jobs_run_at", "jobs_lease", "jobs_ended", "jobs_dead"];
    assert_walks_only(plans, &walked);
}

#[test]
fn what_webhooks_schedules_and_the_outbox_ask_is_found_by_an_index() {
    let (now, lease) = (Timestamp::from_secs(9), Duration::from_secs(30));
    let (webhook, config) = (WebhookId(1), ConfigId(1));
    let plans = plans_of(|tx| {
        tx.webhook_by_token("t")?;
        tx.count_triggers(webhook, 1, 1, now)?;
        tx.first_deliveries(webhook, &["d"])?;
        tx.first_deliveries(webhook, &["d", "e"])?;
        let of_one = DeliveryFilter { webhook_id: Some(webhook), ..Default::default() };
        tx.count_deliveries(&of_one)?;
        tx.prune_deliveries(now, 10)?;
        tx.due_schedules(now, 10)?;
        tx.unarmed_schedules(10)?;
        tx.next_schedule_at()?;
        tx.advance_schedule(config, None, Some(now))?;
        tx.occurrences(config, None, 10)?;
        tx.claim_outbox(now, lease, 10)?;
        tx.next_outbox_at()?;
        tx.sent_since("ada", now)?;
        tx.config_health(config).map(drop)
    });
    assert_walks_only(plans, &["notification_outbox_due"]);
}

/// How many statements it takes to take in so many deliveries that waited together, the waiting job being there.
fn statements_to_take_in(many: usize) -> usize {
    let plans = plans_of(|tx| {
        let one = tx.insert_connector(&connector_row("a"))?;
        let other = tx.insert_connector(&connector_row("b"))?;
        let config = tx.insert_config(&config_row("c", one, other))?;
        let hook = tx.insert_webhook(&webhook_row(config, one, "t"))?;
        tx.enqueue(&folding_job(Some(config), "k", &["1"]))?;
        tx.put_setting("mark", None, Timestamp::EPOCH)?;
        let names: Vec<String> = (0..many).map(|number| format!("n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let accepted = |name: &&str| delivery_row(hook, Some(*name), DeliveryStatus::Success, 1);
        let rows: Vec<_> = names.iter().map(accepted).collect();
        tx.count_triggers(hook, 1, 1, Timestamp::EPOCH)?;
        tx.first_deliveries(hook, &names)?;
        tx.enqueue(&folding_job(Some(config), "k", &names))?;
        tx.insert_deliveries(&rows).map(drop)
    });
    let mark = plans.iter().position(|(statement, _)| statement.contains("`settings`")).unwrap();
    plans.len() - mark - 1
}

#[test]
fn taking_a_delivery_in_is_five_statements_and_each_that_waits_with_it_is_one_more() {
    assert_eq!(statements_to_take_in(1), 5);
    assert_eq!(statements_to_take_in(30), 34);
}

/// An index would be rewritten with every event.
#[test]
fn whoever_joins_a_waiting_job_from_behind_changes_no_index() {
    let plans = plans_of(|tx| {
        tx.enqueue(&folding_job(None, "k", &["1"]))?;
        tx.enqueue(&folding_job(None, "k", &["2"])).map(drop)
    });
    let updates: Vec<&str> = plans
        .iter()
        .map(|(statement, _)| statement.as_str())
        .filter(|statement| statement.starts_with("UPDATE jobs"))
        .collect();
    // The first found nobody to join.
    assert!(updates.last().is_some_and(|last| !last.contains("run_at_us =")), "{updates:?}");
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
    // All fields of a pair are one row.
    let writes = plans.iter().filter(|(sent, _)| sent.contains("INTO `pair_bases`")).count();
    assert_eq!(writes, 2);
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

/// Lets deliveries do without a webhook, and the server without statistics of them.
fn alone(c: &mut PgConnection) {
    c.batch_execute(
        "SET session_replication_role = replica; ALTER TABLE webhook_deliveries SET (autovacuum_enabled = false)",
    )
    .unwrap();
}

/// Puts accepted deliveries of webhook 1 in.
fn deliveries_up_to(c: &mut PgConnection, from: u32, to: u32) {
    c.batch_execute(&format!(
        "INSERT INTO webhook_deliveries (webhook_id, status, created_at_us, delivery_id, signature_valid, item_ids, \
         response_code, processing_time_ms, headers, payload) \
         SELECT 1, 'success', n, md5(n::text), true, '[]', 202, 1, '{{}}', repeat(md5(n::text), 60) FROM generate_series({from}, {to}) AS n"
    ))
    .unwrap();
}

/// How many deliveries this session has read since it last told the server.
fn read_so_far(c: &mut PgConnection) -> i64 {
    #[derive(QueryableByName)]
    struct Read {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let read: Read = diesel::sql_query(
        "SELECT (seq_tup_read + idx_tup_fetch)::bigint AS rows FROM pg_stat_xact_user_tables \
         WHERE relname = 'webhook_deliveries'",
    )
    .get_result(c)
    .unwrap();
    read.rows
}

/// A plan that was as good as another while the table was small must not stay when it grows.
#[test]
fn names_are_looked_for_in_the_index_however_small_the_table_was_when_they_were_first_asked_for() {
    let Some(database) = syncline_testkit::TestDatabase::fresh() else { return };
    let mut db = connect(&Place::Server(database.url()), Purpose::Write).unwrap();
    migrate(&mut db).unwrap();
    fn server(db: &mut Db) -> &mut PgConnection {
        let Db::Pg(c) = db else { panic!("this is a server") };
        c
    }
    alone(server(&mut db));
    for names in [&["a"][..], &["a", "b"]] {
        let ask = |db: &mut Db| DbTx::new(db, false).first_deliveries(WebhookId(1), names);
        for few in (0..600).step_by(20) {
            server(&mut db).batch_execute("TRUNCATE webhook_deliveries CASCADE").unwrap();
            deliveries_up_to(server(&mut db), 1, few);
            for _ in 0..20 {
                ask(&mut db).unwrap();
            }
            deliveries_up_to(server(&mut db), few + 1, 5_000);
            server(&mut db).batch_execute("BEGIN").unwrap();
            let before = read_so_far(server(&mut db));
            assert!(ask(&mut db).unwrap().is_empty());
            let rows = read_so_far(server(&mut db)) - before;
            server(&mut db).batch_execute("COMMIT").unwrap();
            assert!(rows <= 2, "{names:?} asked for among {few} first: {rows} rows read");
        }
    }
}

/// Names are looked for in the index, however little the server knows of its table.
#[test]
fn a_server_without_statistics_reads_no_more_deliveries_than_are_asked_for() {
    let Some(database) = syncline_testkit::TestDatabase::fresh() else { return };
    let mut db = connect(&Place::Server(database.url()), Purpose::Write).unwrap();
    migrate(&mut db).unwrap();
    let text = FIRST_DELIVERIES.on(&db).replacen('?', "1", 1).replacen('?', r#"'["a", "b"]'"#, 1);
    let Db::Pg(c) = &mut db else { panic!("this is a server") };
    alone(c);
    deliveries_up_to(c, 1, 5_000);
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        #[diesel(column_name = "QUERY PLAN")]
        line: String,
    }
    let lines: Vec<Line> = diesel::sql_query(format!("EXPLAIN {text}")).load(c).unwrap();
    let plan = lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n");
    assert!(plan.contains("(delivery_id = e.value)") && plan.contains("Index Cond"), "{plan}");
    assert!(!plan.contains("Filter: (delivery_id") && !plan.contains("Join Filter"), "{plan}");
}
