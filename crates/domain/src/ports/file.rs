//! Files on their way from one tracker to another: taken and given piece by piece, so that none has to be in memory whole.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::BoxFuture;

/// Takes a file as it comes. One file at a time: nobody else writes to it meanwhile.
pub trait FileSink: Send + Sync {
    /// Begins anew: what was taken so far came of a try that broke off. Called before the first piece, too.
    fn begin(&self) -> BoxFuture<'_, io::Result<()>>;

    /// Takes the next piece.
    ///
    /// # Errors
    /// When it cannot be kept; nothing more of the file is sent then.
    fn take<'a>(&'a self, piece: &'a [u8]) -> BoxFuture<'a, io::Result<()>>;
}

/// A file to be sent. It may be asked for its bytes several times, since a request may be sent again.
pub trait FileSource: Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Its bytes from the beginning.
    fn open(&self) -> Box<dyn FilePieces>;
}

/// The bytes of a file, in order.
pub trait FilePieces: Send {
    /// The next of them; `None` at the end. No piece is empty.
    ///
    /// # Errors
    /// When they cannot be read any more.
    fn next_piece(&mut self) -> BoxFuture<'_, io::Result<Option<Vec<u8>>>>;
}

/// A file that is in memory whole: for small ones, and for tests.
#[derive(Debug, Default)]
pub struct HeldFile(Mutex<Vec<u8>>);

impl HeldFile {
    /// A file of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(bytes.into())))
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.held().clone()
    }

    fn held(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileSink for HeldFile {
    fn begin(&self) -> BoxFuture<'_, io::Result<()>> {
        self.held().clear();
        Box::pin(async { Ok(()) })
    }

    fn take<'a>(&'a self, piece: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        self.held().extend_from_slice(piece);
        Box::pin(async { Ok(()) })
    }
}

impl FileSource for HeldFile {
    fn size(&self) -> u64 {
        u64::try_from(self.held().len()).unwrap_or(u64::MAX)
    }

    fn open(&self) -> Box<dyn FilePieces> {
        Box::new(Once(Some(self.bytes()).filter(|bytes| !bytes.is_empty())))
    }
}

/// All bytes in one piece.
struct Once(Option<Vec<u8>>);

impl FilePieces for Once {
    fn next_piece(&mut self) -> BoxFuture<'_, io::Result<Option<Vec<u8>>>> {
        let piece = self.0.take();
        Box::pin(async move { Ok(piece) })
    }
}
