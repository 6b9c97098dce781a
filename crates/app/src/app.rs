//! The context of every use case.

use std::sync::Arc;
use std::time::Duration;

use syncline_domain::ports::{
    Clock, Connector, ConnectorFactory, Place, Sealer, Store, StoreExt as _,
};
use syncline_domain::{ConnectorId, ConnectorRow, Credentials, Fault, Timestamp};
use syncline_engine::Engine;
use syncline_webhooks::{Parts as ReceiverParts, Receiver};

use crate::notifications::Pace;
use crate::{AppError, Automation, Caller, RunDesk, SettingsSource};

/// Test messages that one person may send in [`TEST_SPAN`].
const TESTS: usize = 10;
const TEST_SPAN: Duration = Duration::from_secs(3_600);

/// What the use cases stand on. Made once by the binary, or by a program that embeds Syncline.
pub struct AppParts {
    /// Keeps everything.
    pub store: Arc<dyn Store>,
    /// Makes connectors.
    pub factory: Arc<dyn ConnectorFactory>,
    /// Seals credentials.
    pub sealer: Arc<dyn Sealer>,
    /// Runs syncs.
    pub engine: Engine,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Settings that the environment decides.
    pub environment: SettingsSource,
}

impl AppParts {
    /// With the machine's clock and chance and nobody listening: what a program that embeds Syncline wants.
    #[must_use]
    pub fn of_machine(
        store: Arc<dyn Store>,
        factory: Arc<dyn ConnectorFactory>,
        sealer: Arc<dyn Sealer>,
    ) -> Self {
        let parts = syncline_engine::EngineParts::of_machine(Arc::clone(&store), "embedded");
        Self {
            store,
            factory,
            sealer,
            clock: Arc::clone(&parts.clock),
            engine: Engine::new(parts),
            environment: SettingsSource::default(),
        }
    }
}

/// All use cases are methods of this; cheap to clone.
#[derive(Clone)]
pub struct App {
    parts: Arc<AppParts>,
    automation: Arc<Automation>,
    receiver: Arc<Receiver>,
    tests: Arc<Pace>,
    runs: RunDesk,
}

impl App {
    /// From its parts, with [`Automation::of_machine`].
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        Self::automated(parts, Automation::of_machine())
    }

    /// From its parts and those of automation.
    #[must_use]
    pub fn automated(parts: AppParts, automation: Automation) -> Self {
        let receiver = Receiver::new(ReceiverParts {
            store: Arc::clone(&parts.store),
            sealer: Arc::clone(&parts.sealer),
            readers: Arc::clone(&automation.readers),
            clock: Arc::clone(&parts.clock),
            room: Arc::clone(&automation.room),
            limits: automation.webhook_limits,
        });
        Self {
            parts: Arc::new(parts),
            automation: Arc::new(automation),
            receiver: Arc::new(receiver),
            tests: Arc::new(Pace::new(TESTS, TEST_SPAN)),
            runs: RunDesk::default(),
        }
    }

    /// Takes webhooks' requests in.
    #[must_use]
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// The parts of automation.
    #[must_use]
    pub fn automation(&self) -> &Automation {
        &self.automation
    }

    pub(crate) fn test_pace(&self) -> &Pace {
        &self.tests
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    /// The connector kinds.
    #[must_use]
    pub fn factory(&self) -> &dyn ConnectorFactory {
        self.parts.factory.as_ref()
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.parts.engine
    }

    /// The runs that this process drives.
    #[must_use]
    pub const fn runs(&self) -> &RunDesk {
        &self.runs
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.parts.clock
    }

    pub(crate) fn sealer(&self) -> Arc<dyn Sealer> {
        Arc::clone(&self.parts.sealer)
    }

    /// Settings that the environment decides; knows what is in force, and what is old.
    #[must_use]
    pub fn environment(&self) -> &SettingsSource {
        &self.parts.environment
    }

    /// Opens the stored credentials of a connector.
    ///
    /// # Errors
    /// When the key is gone or the bytes were changed.
    pub fn credentials(&self, row: &ConnectorRow) -> Result<Credentials, AppError> {
        if row.sealed_credentials.is_empty() {
            return Ok(Credentials::default());
        }
        let plain = self.parts.sealer.open(&credentials_place(row.id), &row.sealed_credentials)?;
        Ok(Credentials::from_plain_json(&plain)?)
    }

    /// Makes the connector of a row.
    ///
    /// # Errors
    /// As [`App::credentials`], and when the settings do not make a connector.
    pub fn open(&self, row: &ConnectorRow) -> Result<Arc<dyn Connector>, AppError> {
        let credentials = self.credentials(row)?;
        Ok(self.parts.factory.open(&row.settings, &credentials)?)
    }

    /// Reads a connector and makes it, whoever may see it.
    ///
    /// # Errors
    /// [`Fault::NotFound`] and as [`App::open`].
    pub async fn open_connector(
        &self,
        id: ConnectorId,
    ) -> Result<(ConnectorRow, Arc<dyn Connector>), AppError> {
        let row = self.connector_row(id).await?;
        let connector = self.open(&row)?;
        Ok((row, connector))
    }

    /// Reads a connector in the caller's sight and makes it.
    pub(crate) async fn open_seen(
        &self,
        caller: &Caller,
        id: ConnectorId,
    ) -> Result<Arc<dyn Connector>, AppError> {
        let row = self.connector(caller, id).await?;
        self.open(&row)
    }

    pub(crate) async fn connector_row(&self, id: ConnectorId) -> Result<ConnectorRow, Fault> {
        self.store()
            .view("connector", move |tx| {
                tx.connector(id)?.ok_or_else(|| Fault::no_such("connector", id))
            })
            .await
    }
}

/// Where the credentials of a connector are sealed for.
#[must_use]
pub const fn credentials_place(id: ConnectorId) -> Place {
    Place { table: "connectors", row: id.0, column: "credentials" }
}
