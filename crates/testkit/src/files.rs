//! Files of trackers as tests want them: whole.

use syncline_domain::ports::{Connector, ConnectorError, HeldFile};
use syncline_domain::{Attachment, ItemId};

/// The bytes of a file.
///
/// # Errors
/// Those of [`Connector::download`].
pub async fn file_bytes(
    connector: &dyn Connector,
    id: &ItemId,
    file: &Attachment,
    limit: u64,
) -> Result<Vec<u8>, ConnectorError> {
    // What is left of a try that broke off must be gone.
    let held = HeldFile::new("left over");
    connector.download(id, file, limit, held.clone()).await?;
    Ok(held.bytes())
}
