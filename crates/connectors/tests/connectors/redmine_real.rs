//! The connector on a real Redmine, started by the scripts of the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use syncline_connectors::Connectors;
use syncline_domain::ports::{
    BoxFuture, ChangeQuery, Check, Clock, Connector, ConnectorFactory as _, ErrorKind, OwnChange,
    Write, WriteKind,
};
use syncline_domain::{
    AuthType, ConnectorSettings, Credentials, FieldType, Fields, Identity, Item, ItemId,
    NewComment, OpId, STATUS_REF, TextFormat, Timestamp,
};
use syncline_outbound::{AddressPolicy, Client, Limits, Outbound, OutboundConfig, Request};
use syncline_testkit::SeededRng;
use syncline_testkit::connector_suite::{self, Facts, Harness};
use syncline_testkit::require::or_skip;

/// Time as it is: Redmine cannot be given another.
struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the tracker's own clock is the real one")]
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(now.as_micros()).unwrap())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep_until(&self, at: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(at.saturating_sub(self.monotonic())))
    }
}

/// A running Redmine; stopped and removed at the end unless somebody else started it.
struct Server {
    told: BTreeMap<String, String>,
    ours: Option<(PathBuf, PathBuf)>,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
}

impl Server {
    fn start() -> Option<Self> {
        let (line, ours) = match std::env::var("SYNCLINE_REDMINE") {
            Ok(line) => (line, None),
            Err(_) => {
                let (line, scripts, state) = up()?;
                (line, Some((scripts, state)))
            }
        };
        let told = line
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let clock: Arc<dyn Clock> = Arc::new(RealClock(Instant::now()));
        let config = OutboundConfig::new(AddressPolicy::connectors(true));
        let rng = Arc::new(SeededRng::new(7));
        let outbound = Outbound::new(config, Arc::clone(&clock), rng).unwrap();
        Some(Self { told, ours, outbound, clock })
    }

    fn get(&self, name: &str) -> &str {
        &self.told[name]
    }

    fn open(&self, key: &str, project: &str) -> Arc<dyn Connector> {
        let settings = ConnectorSettings {
            connector_type: "redmine".to_owned(),
            base_url: self.get("URL").to_owned(),
            endpoint: project.to_owned(),
            auth_type: AuthType::ApiKey,
            metadata: json!({}),
        };
        let credentials = Credentials::new([("apiKey", key)]);
        let factory = Connectors::new(self.outbound.clone(), Arc::clone(&self.clock));
        assert_eq!(factory.check_settings(&settings, Some(&credentials)), []);
        factory.open(&settings, &credentials).unwrap()
    }

    fn client(&self) -> Client {
        self.outbound.credential("other people", Limits::default())
    }

    /// A call past the connector; the answer as JSON, null when it is empty.
    async fn call(&self, key: &str, request: Request) -> Value {
        let response =
            self.client().send(request.secret_header("X-Redmine-API-Key", key)).await.unwrap();
        assert!(response.is_success(), "{}: {}", response.call, response.status);
        response.json().unwrap_or(Value::Null)
    }

    /// Past Redmine itself, for what nobody can bring about from outside.
    fn sql(&self, statement: &str) {
        const RUN: &str = "SQLite3::Database.new(ARGV[0]).execute(ARGV[1])";
        let database = format!("{}/redmine.sqlite3", self.get("STATE"));
        let mut ruby = Command::new("ruby");
        let done = ruby.args(["-rsqlite3", "-e", RUN, &database, statement]).status();
        assert!(done.unwrap().success());
    }

    /// How many calls Redmine has taken so far.
    fn calls(&self) -> usize {
        let log = format!("{}/log/production.log", self.get("STATE"));
        std::fs::read_to_string(log).unwrap().matches("Started ").count()
    }

    fn url(&self, path: &str) -> syncline_outbound::Url {
        format!("{}/{path}", self.get("URL")).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((scripts, state)) = &self.ours {
            let mut down = Command::new(scripts.join("down.sh"));
            let _ = down.env("STATE", state).env("PURGE", "1").status();
        }
    }
}

/// Starts a server of our own, or says why there is none.
fn up() -> Option<(String, PathBuf, PathBuf)> {
    let scripts = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/trackers/redmine");
    let state = std::env::temp_dir().join(format!("syncline-redmine-{}", std::process::id()));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = Command::new(scripts.join("up.sh"))
        .env("STATE", &state)
        .env("PORT", port.to_string())
        .output()
        .unwrap();
    if output.status.success() {
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        return Some((text.lines().last().unwrap_or_default().to_owned(), scripts, state));
    }
    let _ = std::fs::remove_dir_all(&state);
    let why = String::from_utf8_lossy(&output.stderr);
    or_skip("redmine", why.lines().next().unwrap_or("up.sh failed"));
    None
}

/// One account under test, another one as the other people.
struct Account<'a> {
    server: &'a Server,
    own_key: &'a str,
    other_key: &'a str,
    facts: Facts,
}

impl Harness for Account<'_> {
    fn connector(&self) -> Arc<dyn Connector> {
        self.server.open(self.own_key, self.server.get("PROJECT"))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn create_as_other<'a>(&'a self, title: &'a str) -> BoxFuture<'a, ItemId> {
        Box::pin(async move {
            let project = self.server.get("PROJECT");
            let issue =
                json!({"issue": {"project_id": project, "tracker_id": 1, "subject": title}});
            let request = Request::post(self.server.url("issues.json")).json(&issue);
            let made = self.server.call(self.other_key, request).await;
            ItemId::new(made["issue"]["id"].to_string())
        })
    }

    fn edit_as_other<'a>(&'a self, id: &'a ItemId, title: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let url = self.server.url(&format!("issues/{id}.json"));
            let request = Request::put(url)
                .json(&json!({"issue": {"subject": title}}))
                .expect(syncline_outbound::Expect::Nothing);
            self.server.call(self.other_key, request).await;
        })
    }

    fn delete_as_other<'a>(&'a self, id: &'a ItemId) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let request = Request::delete(self.server.url(&format!("issues/{id}.json")))
                .expect(syncline_outbound::Expect::Nothing);
            self.server.call(self.server.get("API_KEY"), request).await;
            true
        })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        // Change times have whole seconds, and the server has a clock of its own.
        self.server.clock.sleep(Duration::from_millis(1_100))
    }
}

fn facts(cf: &CustomIds) -> Facts {
    Facts {
        text_field: Some("description".into()),
        next_status: Some("In Progress".to_owned()),
        invalid: Some(("priority".into(), json!("no such priority"))),
        marker_field: Some(cf.marker.as_str().into()),
        relation: Some("blocks".to_owned()),
        overlap: Some(Duration::from_secs(5)),
        many: 101,
        ..Facts::new("1", "subject", "99999999")
    }
}

/// References of the seeded custom fields.
struct CustomIds {
    marker: String,
    by_name: BTreeMap<String, String>,
}

async fn custom_ids(server: &Server) -> CustomIds {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT"));
    let schema = connector.describe().await.unwrap();
    let by_name: BTreeMap<String, String> = schema.types[0]
        .fields
        .iter()
        .filter(|field| field.reference.starts_with("cf_"))
        .map(|field| (field.name.clone(), field.reference.clone()))
        .collect();
    CustomIds { marker: by_name["External ID"].clone(), by_name }
}

fn creation(fields: &[(&str, Value)], status: Option<&str>) -> Write {
    Write {
        op_id: OpId::new("0123456789abcdef0123456789abcdef"),
        kind: WriteKind::Create { type_ref: "1".to_owned() },
        status: status.map(str::to_owned),
        fields: fields.iter().map(|(k, v)| ((*k).into(), v.clone())).collect::<Fields>(),
        marker: None,
    }
}

fn update(item: &Item, fields: &[(&str, Value)], status: Option<&str>) -> Write {
    let kind = WriteKind::Update { id: item.id.clone(), expected: Some(item.version.clone()) };
    Write { kind, ..creation(fields, status) }
}

async fn one(
    connector: &dyn Connector,
    write: Write,
) -> Result<Item, syncline_domain::ports::ConnectorError> {
    connector.apply(&[write]).await.remove(0)
}

#[tokio::test]
async fn a_real_redmine_keeps_every_rule() {
    let Some(server) = Server::start() else { return };
    let cf = custom_ids(&server).await;
    let (admin, developer) = (server.get("API_KEY"), server.get("USER_KEY"));
    let as_admin =
        Account { server: &server, own_key: admin, other_key: developer, facts: facts(&cf) };
    assert!(connector_suite::run_all(&as_admin).await > 30);

    typed_values_travel(&server, &cf).await;
    every_status_can_be_made(&server).await;
    dropped_fields_are_named(&server).await;
    a_reporter_is_told_what_is_missing(&server).await;
    wrong_settings_are_explained(&server).await;
    a_quiet_project_costs_one_request_and_gives_nothing(&server).await;
    people_are_known_by_their_addresses(&server).await;
    native_filters_hold(&server, &cf).await;
    closed_issues_are_not_taken_for_gone(&server).await;
    equal_values_are_not_sent(&server).await;
    comments_leave_out_changes_of_fields(&server).await;
    a_crowded_second_is_read_to_its_end(&server).await;
    our_own_changes_are_told_from_those_of_people(&server).await;
}

async fn raw(server: &Server, id: &ItemId) -> Value {
    let request = Request::get(server.url(&format!("issues/{id}.json")));
    server.call(server.get("API_KEY"), request).await["issue"].clone()
}

async fn closed_issues_are_not_taken_for_gone(server: &Server) {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT2"));
    let closed = creation(&[("subject", json!("over and done"))], Some("Closed"));
    let made = one(connector.as_ref(), closed).await.unwrap();
    assert!(raw(server, &made.id).await["status"]["id"] == json!(5));
    let found = connector.fetch(std::slice::from_ref(&made.id)).await.unwrap();
    assert_eq!(found.len(), 1);
    let mut walk = connector.changes(ChangeQuery::default(), None);
    let mut seen = Vec::new();
    while let Some(page) = walk.next_page(100).await.unwrap() {
        seen.extend(page.items);
    }
    assert!(seen.iter().any(|item| item.id == made.id), "a walk sees closed issues");
    let all = connector.search(Some("1"), Some("over and done"), 5).await.unwrap();
    assert!(all.iter().any(|item| item.id == made.id), "a search sees closed issues");
}

async fn equal_values_are_not_sent(server: &Server) {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT2"));
    let fields = [
        ("subject", json!("all the same")),
        ("description", json!("one\ntwo\n\nthree")),
        ("assigned_to", json!("jane@example.org")),
        ("due_date", json!("2031-01-02")),
        ("estimated_hours", json!(2.25)),
    ];
    let made = one(connector.as_ref(), creation(&fields, None)).await.unwrap();
    let before = raw(server, &made.id).await;
    assert!(before["description"].as_str().unwrap().contains("\r\n"), "line ends are changed");
    server.clock.sleep(Duration::from_millis(1_100)).await;
    let again = one(connector.as_ref(), update(&made, &fields, Some("New"))).await.unwrap();
    assert_eq!(again.version, made.version);
    assert_eq!(raw(server, &made.id).await["updated_on"], before["updated_on"]);
}

async fn comments_leave_out_changes_of_fields(server: &Server) {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT2"));
    let made = one(connector.as_ref(), creation(&[("subject", json!("talk"))], None)).await;
    let made = made.unwrap();
    let note = |body: &str| NewComment {
        body: body.to_owned(),
        format: TextFormat::Text,
        is_private: false,
    };
    connector.add_comment(&made.id, &note("first\nline")).await.unwrap();
    let now = connector.fetch(std::slice::from_ref(&made.id)).await.unwrap().remove(0);
    one(connector.as_ref(), update(&now, &[("done_ratio", json!(50))], None)).await.unwrap();
    connector.add_comment(&made.id, &note("second")).await.unwrap();
    let all = connector.comments(&made.id).await.unwrap();
    let bodies: Vec<&str> = all.iter().map(|comment| comment.body.as_str()).collect();
    assert_eq!(bodies, ["first\nline", "second"]);
}

/// What a bulk edit or an import leaves behind: far more issues with one change time than a page holds.
async fn our_own_changes_are_told_from_those_of_people(server: &Server) {
    let ours = server.open(server.get("API_KEY"), server.get("PROJECT2"));
    let person = server.open(server.get("USER_KEY"), server.get("PROJECT2"));
    let made = one(ours.as_ref(), creation(&[("subject", json!("One"))], None)).await.unwrap();
    let next_second = made.changed_at.after(Duration::from_secs(1));
    let text = one(person.as_ref(), update(&made, &[("description", json!("by hand"))], None));
    let mut now = text.await.unwrap();
    // Redmine's clock is another's, and its journals have whole seconds.
    while now.changed_at < next_second {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let title = json!(format!("a person's {}", now.version));
        let edit = update(&now, &[("subject", title)], None);
        now = one(person.as_ref(), edit).await.unwrap();
    }
    let values = [("subject", json!("Two")), ("done_ratio", json!(50))];
    let update = update(&now, &values, Some("In Progress"));
    let updated = one(ours.as_ref(), update).await.unwrap();
    let own = ours.own_changes(&made.id, &made.version).await.unwrap().unwrap();
    let expected: OwnChange = BTreeMap::from([
        ("subject".into(), Some(json!("Two"))),
        ("done_ratio".into(), Some(json!(50))),
        (STATUS_REF.into(), None),
    ]);
    assert_eq!(own, [expected]);
    let doubtful = ours.own_changes(&made.id, &updated.version).await.unwrap();
    assert_eq!(doubtful, None, "it may have led to the revision of its second");
}

async fn a_crowded_second_is_read_to_its_end(server: &Server) {
    const CROWD: usize = 230;
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT2"));
    let mut wanted = BTreeSet::new();
    for number in 0..CROWD {
        let fields = [("subject", json!(format!("one of the crowd {number}")))];
        wanted.insert(one(connector.as_ref(), creation(&fields, None)).await.unwrap().id);
    }
    server.sql(
        "UPDATE issues SET updated_on = '2026-01-02 03:04:05.' || (100000 + id) \
         WHERE subject LIKE 'one of the crowd%'",
    );
    let mut walk = connector.changes(ChangeQuery::default(), None);
    let mut seen = Vec::new();
    while let Some(page) = walk.next_page(40).await.unwrap() {
        seen.extend(page.items);
    }
    let at = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
    assert_eq!(seen.iter().filter(|item| item.changed_at == at).count(), CROWD);
    let once: BTreeSet<ItemId> = seen.iter().map(|item| item.id.clone()).collect();
    assert_eq!(seen.len(), once.len(), "each issue once");
    assert!(once.is_superset(&wanted), "the walk misses some of the crowd");
}

async fn typed_values_travel(server: &Server, cf: &CustomIds) {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT"));
    let schema = connector.describe().await.unwrap();
    let kind = |name: &str| {
        let reference = &cf.by_name[name];
        schema.types[0].fields.iter().find(|field| field.reference == *reference).unwrap()
    };
    assert_eq!(kind("Severity").allowed_values, ["Low", "Medium", "High"]);
    let values = [
        ("Customer", FieldType::String, json!("Größe & <b>Söhne</b>")),
        ("Severity", FieldType::Picklist, json!("Medium")),
        ("Platforms", FieldType::Array, json!(["Linux", "Windows"])),
        ("Impact", FieldType::Int, json!(7)),
        ("Confirmed", FieldType::Boolean, json!(true)),
        ("Found on", FieldType::DateTime, json!("2026-03-01")),
    ];
    let mut fields = vec![
        ("subject", json!("typed")),
        ("priority", json!("high")),
        ("category", json!("Backend")),
        ("fixed_version", json!("1.0")),
        ("assigned_to", json!("jane@example.org")),
        ("start_date", json!("2026-02-01")),
        ("due_date", json!("2026-02-28T23:00:00Z")),
        ("done_ratio", json!(30)),
        ("estimated_hours", json!(2.5)),
        ("is_private", json!(true)),
    ];
    fields
        .extend(values.iter().map(|(name, _, value)| (cf.by_name[*name].as_str(), value.clone())));
    let made = one(connector.as_ref(), creation(&fields, None)).await.unwrap();
    for (name, field_type, value) in &values {
        assert_eq!(kind(name).field_type, *field_type, "{name}");
        assert_eq!(made.fields[&cf.by_name[*name].as_str().into()], *value, "{name}");
    }
    for (field, value) in [
        ("priority", json!("High")),
        ("category", json!("Backend")),
        ("fixed_version", json!("1.0")),
        ("start_date", json!("2026-02-01")),
        ("due_date", json!("2026-02-28")),
        ("done_ratio", json!(30)),
        ("estimated_hours", json!(2.5)),
        ("is_private", json!(true)),
    ] {
        assert_eq!(made.fields[&field.into()], value, "{field}");
    }
    let cleared: Vec<(&str, Value)> = fields
        .iter()
        .filter(|(name, _)| !matches!(*name, "subject" | "priority"))
        .map(|(name, _)| (*name, Value::Null))
        .collect();
    let bare = one(connector.as_ref(), update(&made, &cleared, None)).await.unwrap();
    for (name, _) in cleared {
        let held = bare.fields.get(&name.into());
        assert!(
            matches!(held, None | Some(Value::Bool(false))) || held == Some(&json!(0)),
            "{name} is {held:?}"
        );
    }
}

async fn every_status_can_be_made(server: &Server) {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT"));
    let kind = connector.describe().await.unwrap().types.remove(0);
    for status in kind.statuses {
        let write = creation(&[("subject", json!("in a status"))], Some(&status.value));
        let made = one(connector.as_ref(), write).await.unwrap();
        assert_eq!(made.status.as_ref(), Some(&status.value));
    }
}

async fn dropped_fields_are_named(server: &Server) {
    let connector = server.open(server.get("USER_KEY"), server.get("PROJECT"));
    let made = one(connector.as_ref(), creation(&[("subject", json!("stays open"))], None)).await;
    let made = made.unwrap();
    let error = one(connector.as_ref(), update(&made, &[], Some("Rejected"))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "{error:?}");
    assert_eq!(error.field.as_ref().map(|field| field.as_str()), Some("status"));
    assert!(error.for_people().contains("Workflow"), "{}", error.for_people());
    // What was dropped has moved the change time.
    let now = connector.fetch(std::slice::from_ref(&made.id)).await.unwrap().remove(0);
    let unknown = update(&now, &[], Some("In Progres"));
    let error = one(connector.as_ref(), unknown).await.unwrap_err();
    assert!(error.for_people().contains("\"In Progress\""), "{}", error.for_people());
}

fn failing(lines: &[Check]) -> Vec<String> {
    lines
        .iter()
        .filter(|line| !line.ok)
        .map(|line| {
            format!(
                "{}: {} ({})",
                line.name,
                line.message,
                line.what_to_do.clone().unwrap_or_default()
            )
        })
        .collect()
}

async fn a_reporter_is_told_what_is_missing(server: &Server) {
    let admin = server.open(server.get("API_KEY"), server.get("PROJECT"));
    let made =
        one(admin.as_ref(), creation(&[("subject", json!("hands off"))], None)).await.unwrap();
    let connector = server.open(server.get("LIMITED_KEY"), server.get("PROJECT"));
    let bad = failing(&connector.check().await);
    assert!(bad.len() == 1 && bad[0].contains("Edit issues"), "{bad:?}");
    let seen = connector.fetch(std::slice::from_ref(&made.id)).await.unwrap().remove(0);
    let write = update(&seen, &[("subject", json!("mine now"))], None);
    let error = one(connector.as_ref(), write).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Permission | ErrorKind::Invalid), "{error:?}");
    let hidden = NewComment { body: "psst".to_owned(), format: TextFormat::Text, is_private: true };
    let error = connector.add_comment(&made.id, &hidden).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Permission);
    assert_eq!(admin.comments(&made.id).await, Ok(Vec::new()), "nothing was published");
}

async fn wrong_settings_are_explained(server: &Server) {
    let wrong_key = server.open("not-the-key", server.get("PROJECT"));
    let bad = failing(&wrong_key.check().await);
    assert!(bad.len() == 1 && bad[0].contains("API access key"), "{bad:?}");
    let error = wrong_key.whoami().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(!error.for_people().contains("not-the-key"));
    let wrong_project = server.open(server.get("API_KEY"), "sync-tset");
    let bad = failing(&wrong_project.check().await);
    assert!(bad.len() == 1 && bad[0].contains("\"sync-test\""), "{bad:?}");
    let mut walk = wrong_project.changes(ChangeQuery::default(), None);
    assert_eq!(walk.next_page(10).await.unwrap_err().kind, ErrorKind::NotFound);
}

async fn a_quiet_project_costs_one_request_and_gives_nothing(server: &Server) {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT2"));
    one(connector.as_ref(), creation(&[("subject", json!("quiet"))], None)).await.unwrap();
    let mut cursor = None;
    let mut counts = Vec::new();
    let mut calls = 0;
    for _ in 0..3 {
        let before = server.calls();
        let mut walk = connector.changes(ChangeQuery::default(), cursor.clone());
        let mut count = 0;
        while let Some(page) = walk.next_page(100).await.unwrap() {
            count += page.items.len();
            cursor = Some(page.cursor);
        }
        counts.push(count);
        calls = server.calls() - before;
        server.clock.sleep(Duration::from_secs(11)).await;
    }
    assert_eq!(counts[1..], [1, 0], "overlap once, then nothing");
    assert_eq!(calls, 1, "a quiet project costs one call");
}

async fn people_are_known_by_their_addresses(server: &Server) {
    for key in ["API_KEY", "USER_KEY"] {
        let connector = server.open(server.get(key), server.get("PROJECT"));
        let find = |who: Identity| {
            let connector = Arc::clone(&connector);
            async move { connector.resolve_identity(&who).await.unwrap().and_then(|found| found.name) }
        };
        let by_login = Identity { login: Some("RITA".to_owned()), ..Identity::default() };
        assert_eq!(find(by_login).await.as_deref(), Some("Rita Reporter"), "{key}");
        assert_eq!(find(Identity::named("jane doe")).await.as_deref(), Some("Jane Doe"));
        // The id of another server, with a name that is nobody's here.
        let foreign = Identity { id: Some("1".to_owned()), ..Identity::named("Somebody Else") };
        assert_eq!(find(foreign).await, None);
    }
}

async fn native_filters_hold(server: &Server, cf: &CustomIds) {
    let connector = server.open(server.get("API_KEY"), server.get("PROJECT"));
    let severity = cf.by_name["Severity"].as_str();
    let fields = [("subject", json!("filtered")), (severity, json!("High"))];
    let made = one(connector.as_ref(), creation(&fields, None)).await.unwrap();
    let query = ChangeQuery {
        native: Some(json!({"params": {severity: "High"}})),
        ..ChangeQuery::default()
    };
    let mut walk = connector.changes(query.clone(), None);
    let page = walk.next_page(100).await.unwrap().unwrap();
    // A server that is used again has issues of earlier runs.
    assert!(page.items.iter().any(|item| item.id == made.id));
    assert!(page.items.iter().all(|item| item.fields[&severity.into()] == json!("High")));
    let other =
        one(connector.as_ref(), creation(&[("subject", json!("other"))], None)).await.unwrap();
    let found = connector.matching(&query, &[made.id.clone(), other.id]).await.unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [made.id]);
}
