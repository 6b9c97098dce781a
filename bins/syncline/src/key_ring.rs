//! The sealer of this process: when a value was sealed with a key it does not know, it reads the key file again once,
//! so that a rotation from another process needs no restart.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use syncline_domain::ports::{Place, SealError, Sealer, Store, StoreExt as _};
use syncline_domain::{ConnectorRow, Fault, Timestamp};
use syncline_vault::{KeyRing, KeySource, Vault, read_file, reseal};

use crate::config::Encryption;
use crate::reseal::{reseal_automation, sealed_by_automation};

/// A vault whose ring follows its key file.
pub(crate) struct FollowingVault {
    vault: RwLock<Arc<Vault>>,
    file: Option<PathBuf>,
}

impl FollowingVault {
    /// Opens the ring that the configuration names.
    pub(crate) fn open(encryption: &Encryption) -> anyhow::Result<Self> {
        let (ring, source) = KeyRing::load(
            encryption.key.as_deref(),
            encryption.file.as_deref(),
            &encryption.own_file,
        )
        .map_err(|error| crate::ConfigFault(vec![error.to_string()]))?;
        let file = match source {
            KeySource::Setting => None,
            KeySource::NamedFile(path) => Some(path),
            _ => Some(encryption.own_file.clone()),
        };
        Ok(Self { vault: RwLock::new(Arc::new(Vault::new(ring))), file })
    }

    /// The file that holds the ring, if a file does.
    pub(crate) const fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }

    /// Reads the key file again.
    pub(crate) fn reload(&self) -> bool {
        let Some(ring) = self.file.as_deref().and_then(|path| read_file(path).ok()) else {
            return false;
        };
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Vault::new(ring));
        true
    }

    /// Checks that every stored credential can be opened.
    pub(crate) async fn must_know_all(&self, store: &dyn Store) -> anyhow::Result<()> {
        let rows = store.view("sealed", |tx| tx.connectors()).await.map_err(anyhow::Error::new)?;
        let vault = self.now();
        let automation = store
            .view("sealed by automation", sealed_by_automation)
            .await
            .map_err(anyhow::Error::new)?;
        let credentials = rows.iter().map(|row| &row.sealed_credentials);
        let ids: Vec<String> = credentials
            .chain(&automation)
            .filter(|sealed| !sealed.is_empty())
            .filter_map(|sealed| vault.key_of(sealed))
            .collect();
        vault
            .must_know(ids.iter().map(String::as_str))
            .map_err(|error| crate::ConfigFault(vec![format!("ENCRYPTION_KEY: {error}")]).into())
    }

    fn now(&self) -> Arc<Vault> {
        Arc::clone(&self.vault.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sealer for FollowingVault {
    fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.now().seal(place, plain)
    }

    fn open(&self, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        match self.now().open(place, sealed) {
            Err(SealError::UnknownKey(_)) if self.reload() => self.now().open(place, sealed),
            other => other,
        }
    }

    fn current_key(&self) -> String {
        self.now().current_key()
    }

    fn key_of(&self, sealed: &[u8]) -> Option<String> {
        self.now().key_of(sealed)
    }
}

/// Brings every stored credential under the current key, row by row, while everything runs; answers how many.
pub(crate) async fn reseal_all(
    store: &dyn Store,
    sealer: Arc<dyn Sealer>,
    now: Timestamp,
) -> anyhow::Result<usize> {
    let rows = store.view("sealed", |tx| tx.connectors()).await.map_err(anyhow::Error::new)?;
    let mut moved = 0;
    for row in rows {
        if row.sealed_credentials.is_empty() {
            continue;
        }
        let place = syncline_app::credentials_place(row.id);
        let fresh = reseal(sealer.as_ref(), &place, &row.sealed_credentials)
            .with_context(|| format!("connector {}", row.name))?;
        if let Some(fresh) = fresh
            && swap(store, &row, fresh).await?
        {
            moved += 1;
        }
    }
    let more = reseal_automation(store, sealer, now).await.map_err(anyhow::Error::new)?;
    Ok(moved + more)
}

/// Stores the new seal only while the old one stands: credentials entered meanwhile are kept.
async fn swap(store: &dyn Store, old: &ConnectorRow, fresh: Vec<u8>) -> anyhow::Result<bool> {
    let (id, before) = (old.id, old.sealed_credentials.clone());
    let swapped = store
        .tx("reseal", move |tx| match tx.connector(id)? {
            Some(row) if row.sealed_credentials == before => {
                tx.update_connector(&ConnectorRow { sealed_credentials: fresh.clone(), ..row })?;
                Ok::<_, Fault>(true)
            }
            _ => Ok(false),
        })
        .await;
    swapped.map_err(anyhow::Error::new)
}
