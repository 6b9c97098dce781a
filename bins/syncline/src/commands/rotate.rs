//! `syncline rotate-key`.

use serde_json::json;
use syncline_domain::ports::Sealer as _;
use syncline_vault::rotate_file;

use crate::key_ring::reseal_all;
use crate::output::Output;
use crate::wiring::House;

pub(crate) async fn run(house: &House, out: Output) -> anyhow::Result<()> {
    let Some(path) = house.vault.file().cloned() else {
        anyhow::bail!(
            "the key comes from ENCRYPTION_KEY; put a new key before the old one (NEW,OLD), then run this again or \
             restart the server: the credentials move under the first key"
        );
    };
    let before = house.vault.current_key();
    rotate_file(&path)?;
    anyhow::ensure!(house.vault.reload(), "the key file {} is unreadable now", path.display());
    let moved = reseal_all(house.store.as_ref(), house.sealer(), house.app.now()).await?;
    let now = house.vault.current_key();
    out.show(&json!({"key": now, "previous_key": before, "resealed": moved}), || {
        format!(
            "new key {now} in {}; the secrets of {moved} row(s) moved under it.\n\
             The old key {before} stays in the file for backups made before; back the file up again.",
            path.display()
        )
    });
    Ok(())
}
