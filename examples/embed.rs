//! Embeds Syncline with a tracker of its own: two boards of notes in memory, kept in step.

use std::sync::{Arc, Mutex};

use serde_json::json;
use syncline_app::{App, AppParts, Caller, RunAsked};
use syncline_domain::ports::*;
use syncline_domain::*;
use syncline_engine::SystemClock;
use syncline_storage::{DatabaseConfig, Storage};
use syncline_vault::{KeyRing, Vault, new_key_text};

type Reply<'a, T> = BoxFuture<'a, Result<T, ConnectorError>>;
type Opened = Result<Arc<dyn Connector>, ConnectorError>;
type Replies<'a, T> = BoxFuture<'a, Vec<Result<T, ConnectorError>>>;

/// A board of notes. Its cursor is the number of notes that were read.
#[derive(Clone, Default)]
struct Board(Arc<Mutex<Vec<Item>>>);

impl Board {
    fn add(&self, title: &str) -> Item {
        let mut notes = self.0.lock().expect("no panic while held");
        let mut note = Item::new((notes.len() + 1).to_string(), "note", title);
        note.fields.insert("title".into(), json!(title));
        notes.push(note.clone());
        note
    }
    fn all(&self) -> Vec<Item> {
        self.0.lock().expect("no panic while held").clone()
    }
}

impl Connector for Board {
    fn capabilities(&self) -> Capabilities {
        Capabilities::least()
    }
    fn describe(&self) -> Reply<'_, Schema> {
        let fields = vec![FieldSchema::plain("Title", "title", FieldType::String)];
        let (name, reference) = ("Note".to_owned(), "note".to_owned());
        let note = TypeSchema { name, reference, fields, ..TypeSchema::default() };
        Box::pin(async { Ok(Schema { types: vec![note] }) })
    }
    fn changes(&self, _: ChangeQuery, since: Option<Cursor>) -> Box<dyn ChangeWalk + '_> {
        let seen = since.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(0);
        let items: Vec<Item> = self.all().into_iter().skip(seen).collect();
        let cursor = Cursor::new((seen + items.len()).to_string());
        Box::new(ReadyPages::new([ChangePage { items, cursor, total: None }]))
    }
    fn fetch<'a>(&'a self, ids: &'a [ItemId]) -> Reply<'a, Vec<Item>> {
        Box::pin(async { Ok(self.all().into_iter().filter(|n| ids.contains(&n.id)).collect()) })
    }
    fn find_created<'a>(&'a self, _: &'a FindCreated) -> Reply<'a, Vec<Item>> {
        Box::pin(async { Ok(self.all()) })
    }
    fn apply<'a>(&'a self, writes: &'a [Write]) -> Replies<'a, Item> {
        let title =
            |w: &Write| w.fields.values().next().and_then(|v| v.as_str()).map(str::to_owned);
        let made = writes.iter().map(|w| Ok(self.add(&title(w).unwrap_or_default()))).collect();
        Box::pin(async { made })
    }
}

/// Two boards, told apart by their address.
struct Boards(Board, Board);

impl ConnectorFactory for Boards {
    fn types(&self) -> Vec<ConnectorTypeInfo> {
        vec![ConnectorTypeInfo::least("board", "Board of notes")]
    }
    fn open(&self, at: &ConnectorSettings, _: &Credentials) -> Opened {
        let board = if at.base_url.ends_with("mine") { &self.0 } else { &self.1 };
        Ok(Arc::new(board.clone()))
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (mine, theirs, me) = (Board::default(), Board::default(), Caller::command_line());
    ["Buy milk", "Call Ada"].iter().for_each(|title| drop(mine.add(title)));
    let memory = DatabaseConfig::new("sqlite::memory:");
    let store = Storage::open(&memory, Arc::new(SystemClock::new()))?;
    let vault = Vault::new(KeyRing::parse("example", &new_key_text()?)?);
    let boards = Arc::new(Boards(mine, theirs.clone()));
    let app = App::new(AppParts::of_machine(store, boards, Arc::new(vault)));
    for (id, name) in [(1, "mine"), (2, "theirs")] {
        let board = json!({"name": name, "connector_type": "board", "base_url": name,
            "auth_type": "none"});
        app.create_connector(&me, board).await?;
        app.discover(&me, ConnectorId(id)).await?;
    }
    let config = json!({"name": "notes", "source_connector_id": 1, "target_connector_id": 2,
        "type_mappings": [{"source_type_id": 1, "target_type_id": 2, "suggest": true}]});
    app.create_config(&me, config).await?;
    let run = app.start_run(&me, ConfigId(1), RunAsked::default()).await?.ended.await?;
    let copies = theirs.all().len();
    println!("{}: {} created, {copies} on their board", run.status, run.totals.created);
    Ok(())
}
