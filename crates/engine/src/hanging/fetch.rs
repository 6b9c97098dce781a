//! A file of a tracker, read and checked as far as the tracker tells what to expect.

use std::sync::Arc;

use syncline_domain::ports::{Connector, ConnectorError, ErrorKind, FileSource};
use syncline_domain::{Attachment, ItemId};

use super::is_refusal;
use super::spool::{Glance, Print, Spool};
use crate::pass::Pass;

/// A file that has come whole.
pub(super) struct Fetched {
    pub(super) print: Print,
    pub(super) file: Arc<dyn FileSource>,
}

/// Why it has not.
pub(super) enum Unread {
    /// For good: said on the item's row.
    Refused(String),
    Failed(ConnectorError),
}

/// Reads a file of the reading side.
pub(super) async fn fetch(
    pass: &Pass,
    item: &ItemId,
    file: &Attachment,
) -> Result<Fetched, Unread> {
    let limit = pass.spec.config.options.attachments_max_bytes;
    if file.size.is_some_and(|size| size > limit) {
        let text = format!("it is larger than {limit} bytes (attachments_max_bytes)");
        return Err(Unread::Refused(text));
    }
    let spool = Arc::new(Spool::default());
    match pass.reader.download(item, file, limit, spool.clone()).await {
        Ok(()) => {}
        Err(error) if is_refusal(&error) => return Err(Unread::Refused(error.detail)),
        Err(error) => return Err(Unread::Failed(error)),
    }
    let (print, kept) = spool.whole().await.map_err(|error| {
        let text = format!("the file {:?} could not be kept: {error}", file.name);
        Unread::Failed(ConnectorError::new(ErrorKind::Unavailable, text))
    })?;
    if let Some(told) = file.size.filter(|told| *told != print.size) {
        let text = format!("{} of {told} bytes of the file {:?} came", print.size, file.name);
        return Err(Unread::Failed(ConnectorError::new(ErrorKind::Protocol, text)));
    }
    Ok(Fetched { print, file: kept })
}

/// What a file of a tracker is known by; `None` where it may not be read, or has more bytes than `limit`.
pub(super) async fn glance(
    tracker: &dyn Connector,
    (item, file): (&ItemId, &Attachment),
    limit: u64,
) -> Result<Option<Print>, ConnectorError> {
    let glance = Arc::new(Glance::default());
    match tracker.download(item, file, limit, glance.clone()).await {
        Ok(()) => Ok(Some(glance.print())),
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a file that was just stored, and says what is wrong with it.
pub(super) async fn verify(
    tracker: &dyn Connector,
    (item, stored): (&ItemId, &Attachment),
    sent: &Print,
) -> Option<String> {
    match glance(tracker, (item, stored), sent.size).await {
        Ok(Some(kept)) if kept == *sent => None,
        Ok(_) => Some("the other tracker does not show the bytes that it was given".to_owned()),
        Err(error) => Some(format!("it could not be read back: {}", error.detail)),
    }
}
