//! A store with a configuration, a registered webhook and a receiver.

mod held;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_domain::ports::{
    Clock as _, DeliveryFilter, EventReader, EventReaders, Store, StoreExt as _, Tx,
};
use syncline_domain::{
    ConfigId, ConnectorId, Delivery, Direction, EventReading, EventType, Fault, ItemEvent, ItemId,
    Job, JobOutcome, Settlement, WaitingRoom, Webhook, WebhookAuth,
};
use syncline_testkit::{ConfigPlan, FaultyStore, ManualClock, PlainSealer, SeededRng, World};
use syncline_webhooks::{
    Answer, Incoming, Limits, NewWebhook, Parts, Receiver, Secret, signed_headers,
};

/// Reads `{"event", "items": [..], "id"}`.
pub struct Plain;

impl EventReader for Plain {
    fn read(&self, _headers: &[(String, String)], body: &[u8]) -> Result<EventReading, String> {
        let json: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON".to_owned())?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let told = text("event").ok_or_else(|| "it names no event".to_owned())?;
        let mut reading =
            EventReading { delivery_id: text("id"), events: Vec::new(), told: Some(told.clone()) };
        if let Some(event) = self.event_word(&told) {
            let one = json.get("item_id").into_iter();
            let items =
                json.get("items").and_then(Value::as_array).into_iter().flatten().chain(one);
            reading.events = items
                .filter_map(Value::as_str)
                .map(|item| ItemEvent { event, item_id: ItemId::new(item) })
                .collect();
        }
        Ok(reading)
    }

    fn event_word(&self, theirs: &str) -> Option<EventType> {
        theirs.parse().ok().or((theirs == "thing.opened").then_some(EventType::Created))
    }
}

impl EventReaders for Plain {
    fn reader(&self, _connector_type: &str) -> Option<&dyn EventReader> {
        Some(&Self)
    }
}

/// Takes 145 ms, in which somebody sets the wall clock back by an hour.
pub struct Slow(pub ManualClock);

impl EventReader for Slow {
    fn read(&self, headers: &[(String, String)], body: &[u8]) -> Result<EventReading, String> {
        self.0.advance(Duration::from_millis(145));
        self.0.jump_wall(-3_600_000_000);
        Plain.read(headers, body)
    }
}

impl EventReaders for Slow {
    fn reader(&self, _connector_type: &str) -> Option<&dyn EventReader> {
        Some(self)
    }
}

pub use held::HeldStore;

pub struct Rig {
    pub world: World,
    pub clock: ManualClock,
    pub faulty: Arc<FaultyStore>,
    pub receiver: Arc<Receiver>,
    pub config: ConfigId,
    pub webhook: Webhook,
    pub secret: Secret,
}

pub struct Plan {
    pub direction: Direction,
    pub from_target: bool,
    pub auth: WebhookAuth,
    pub events: Vec<String>,
    pub metadata: Value,
    pub limits: Limits,
    pub room: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            direction: Direction::Bidirectional,
            from_target: false,
            auth: WebhookAuth::Hmac,
            events: vec!["*".to_owned()],
            metadata: json!({}),
            limits: Limits::default(),
            room: 10_000,
        }
    }
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(Plan::default()).await
    }

    pub async fn with(plan: Plan) -> Self {
        let mut world = World::bugs_to_desk().await;
        let clock = world.clock().clone();
        let faulty = Arc::new(FaultyStore::new(world.store()));
        world.set_store(faulty.clone());
        let direction = plan.direction;
        let ends = ConfigPlan::bugs_to_desk(world.source_id(), world.target_id());
        let config = world.configure(ends.config(|config| config.direction = direction)).await;
        let connector = if plan.from_target { world.target_id() } else { world.source_id() };
        let (webhook, secret) = register(&world, config, connector, &plan).await;
        let receiver = Arc::new(receiver(faulty.clone(), &clock, Plain, plan.limits, plan.room));
        Self { world, clock, faulty, receiver, config, webhook, secret }
    }

    /// Another process on the same store.
    pub fn other_process(&self) -> Receiver {
        self.process_reading_by(Plain)
    }

    /// Another process, whose accepting transactions wait until they are let go.
    pub fn held_process(&self, room: u64) -> (Arc<HeldStore>, Arc<Receiver>) {
        let held = Arc::new(HeldStore::new(self.faulty.clone()));
        let receiver = receiver(held.clone(), &self.clock, Plain, Limits::default(), room);
        (held, Arc::new(receiver))
    }

    /// Another process with readers of its own.
    pub fn process_reading_by(&self, readers: impl EventReaders + 'static) -> Receiver {
        receiver(self.faulty.clone(), &self.clock, readers, Limits::default(), 10_000)
    }

    /// A signed request.
    pub fn signed(&self, body: &Value) -> Incoming {
        self.signed_by(&self.secret, body)
    }

    pub fn signed_by(&self, secret: &Secret, body: &Value) -> Incoming {
        let body = body.to_string().into_bytes();
        let name = syncline_webhooks::header_name(&self.webhook.metadata);
        let headers =
            signed_headers(self.webhook.auth, &name, secret, "msg_1", &body, self.clock.now());
        incoming(&self.webhook.token, &headers, body)
    }

    /// A request with a signature of somebody else.
    pub fn forged(&self, body: &Value) -> Incoming {
        self.signed_by(&Secret::new("not the secret of this webhook"), body)
    }

    pub async fn send(&self, body: &Value) -> Answer {
        self.receiver.receive(self.signed(body)).await
    }

    pub async fn tx<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        self.world.store().tx("a test", work).await.unwrap()
    }

    /// The stored webhook.
    pub async fn stored(&self) -> Webhook {
        let id = self.webhook.id;
        self.tx(move |tx| tx.webhook(id)).await.unwrap()
    }

    /// All deliveries, newest first.
    pub async fn log(&self) -> Vec<Delivery> {
        self.tx(|tx| tx.deliveries(&DeliveryFilter::default(), 0, 10_000)).await
    }

    pub async fn jobs(&self) -> Vec<Job> {
        self.tx(|tx| tx.jobs(&syncline_domain::ports::JobFilter::default(), 10_000)).await
    }

    pub async fn items(&self, job: &Job) -> Vec<String> {
        let id = job.id;
        let items = self.tx(move |tx| tx.job_items(id, 10_000)).await;
        items.into_iter().map(ItemId::into_string).collect()
    }

    /// Takes what is due, as a worker would.
    pub async fn claim(&self) -> Vec<Job> {
        let now = self.clock.now();
        self.tx(move |tx| tx.claim_jobs("w", now, Duration::from_secs(30), 10)).await
    }

    /// Ends a job well.
    pub async fn complete(&self, job: &Job) {
        let settlement = Settlement {
            claim: job.claim().unwrap(),
            outcome: JobOutcome::Completed { result: None },
            at: self.clock.now(),
        };
        self.tx(move |tx| tx.settle_jobs(std::slice::from_ref(&settlement))).await;
    }
}

pub fn incoming(token: &str, headers: &[(String, String)], body: Vec<u8>) -> Incoming {
    from_peer(token, headers, body, "203.0.113.5")
}

pub fn from_peer(token: &str, headers: &[(String, String)], body: Vec<u8>, peer: &str) -> Incoming {
    let peer: IpAddr = peer.parse().unwrap();
    Incoming::new(token, headers.iter().map(|(n, v)| (n, v.as_bytes())), body, peer)
}

fn receiver(
    store: Arc<dyn Store>,
    clock: &ManualClock,
    readers: impl EventReaders + 'static,
    limits: Limits,
    room: u64,
) -> Receiver {
    Receiver::new(Parts {
        store,
        sealer: Arc::new(PlainSealer),
        readers: Arc::new(readers),
        clock: Arc::new(clock.clone()),
        room: Arc::new(WaitingRoom::new(room)),
        limits,
    })
}

async fn register(
    world: &World,
    config_id: ConfigId,
    connector_id: ConnectorId,
    plan: &Plan,
) -> (Webhook, Secret) {
    let new = NewWebhook {
        name: "a hook".to_owned(),
        config_id,
        connector_id,
        event_types: plan.events.clone(),
        auth: plan.auth,
        secret: None,
        metadata: plan.metadata.clone(),
    };
    let prepared = new.prepare(Some(&Plain), &SeededRng::new(7)).unwrap();
    let (secret, now) = (prepared.secret().clone(), world.clock().now());
    let row = world.tx(move |tx| prepared.insert(tx, &PlainSealer, now)).await;
    (row, secret)
}

/// An event about one item.
pub fn event(item: &str) -> Value {
    json!({"event": "workitem.updated", "items": [item]})
}

/// The same with a name.
pub fn named(item: &str, id: &str) -> Value {
    json!({"event": "workitem.updated", "items": [item], "id": id})
}
