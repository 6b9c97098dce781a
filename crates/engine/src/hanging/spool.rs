//! A file on its way: in memory while it is small, else in a file without a name, which goes when the process goes.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::digest::{Context, SHA256};
use syncline_domain::ports::{BoxFuture, FilePieces, FileSink, FileSource, HeldFile};
use tokio::task::spawn_blocking;

/// Bytes of a file that are in memory at most, whatever its size.
const HELD: usize = 1 << 20;
/// Bytes at its beginning by which the kind of a file is known.
const START: usize = 16;

/// What a file is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Print {
    /// Bytes.
    pub(super) size: u64,
    /// SHA-256, in hex.
    pub(super) hash: String,
    /// Its first bytes.
    pub(super) start: Vec<u8>,
}

struct Printer {
    size: u64,
    hash: Context,
    start: Vec<u8>,
}

impl Default for Printer {
    fn default() -> Self {
        Self { size: 0, hash: Context::new(&SHA256), start: Vec::new() }
    }
}

impl Printer {
    fn add(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.size = self.size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let missing = START.saturating_sub(self.start.len());
        self.start.extend(piece.iter().take(missing));
    }

    fn print(&self) -> Print {
        let hash = self.hash.clone().finish();
        let hash = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Print { size: self.size, hash, start: self.start.clone() }
    }
}

/// Looks at a file and keeps nothing of it.
#[derive(Default)]
pub(super) struct Glance(Mutex<Printer>);

impl Glance {
    pub(super) fn print(&self) -> Print {
        locked(&self.0).print()
    }
}

impl FileSink for Glance {
    fn begin(&self) -> BoxFuture<'_, io::Result<()>> {
        *locked(&self.0) = Printer::default();
        Box::pin(async { Ok(()) })
    }

    fn take<'a>(&'a self, piece: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        locked(&self.0).add(piece);
        Box::pin(async { Ok(()) })
    }
}

/// Keeps a file as it comes.
#[derive(Default)]
pub(super) struct Spool(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    printer: Printer,
    /// What is not on the disk.
    held: Vec<u8>,
    disk: Option<Disk>,
}

type Disk = Arc<Mutex<File>>;

impl Spool {
    /// The file, once all of it has come.
    pub(super) async fn whole(&self) -> io::Result<(Print, Arc<dyn FileSource>)> {
        let (print, held, disk) = {
            let mut kept = locked(&self.0);
            (kept.printer.print(), std::mem::take(&mut kept.held), kept.disk.take())
        };
        let Some(disk) = disk else { return Ok((print, HeldFile::new(held))) };
        let file = appended(Some(disk), held).await?;
        let size = print.size;
        Ok((print, Arc::new(OnDisk { file, size })))
    }
}

impl FileSink for Spool {
    fn begin(&self) -> BoxFuture<'_, io::Result<()>> {
        *locked(&self.0) = Kept::default();
        Box::pin(async { Ok(()) })
    }

    fn take<'a>(&'a self, piece: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let (full, disk) = {
                let mut kept = locked(&self.0);
                kept.printer.add(piece);
                kept.held.extend_from_slice(piece);
                if kept.held.len() <= HELD {
                    return Ok(());
                }
                (std::mem::take(&mut kept.held), kept.disk.take())
            };
            let disk = appended(disk, full).await?;
            locked(&self.0).disk = Some(disk);
            Ok(())
        })
    }
}

async fn appended(disk: Option<Disk>, bytes: Vec<u8>) -> io::Result<Disk> {
    let write = move || {
        let disk = match disk {
            Some(disk) => disk,
            None => Arc::new(Mutex::new(tempfile::tempfile()?)),
        };
        locked(&disk).write_all(&bytes)?;
        Ok(disk)
    };
    spawn_blocking(write).await.map_err(io::Error::other)?
}

struct OnDisk {
    file: Disk,
    size: u64,
}

impl FileSource for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> Box<dyn FilePieces> {
        Box::new(Reading { file: Arc::clone(&self.file), at: 0 })
    }
}

struct Reading {
    file: Disk,
    at: u64,
}

impl FilePieces for Reading {
    fn next_piece(&mut self) -> BoxFuture<'_, io::Result<Option<Vec<u8>>>> {
        let (file, at) = (Arc::clone(&self.file), self.at);
        let read = move || -> io::Result<Vec<u8>> {
            let mut file = locked(&file);
            file.seek(SeekFrom::Start(at))?;
            let mut piece = Vec::new();
            let most = u64::try_from(HELD).unwrap_or(u64::MAX);
            (&mut *file).take(most).read_to_end(&mut piece)?;
            Ok(piece)
        };
        Box::pin(async move {
            let piece = spawn_blocking(read).await.map_err(io::Error::other)??;
            self.at = self.at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            Ok(Some(piece).filter(|piece| !piece.is_empty()))
        })
    }
}

fn locked<T>(one: &Mutex<T>) -> MutexGuard<'_, T> {
    one.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(file: &dyn FileSource) -> Vec<u8> {
        let mut pieces = file.open();
        let mut all = Vec::new();
        while let Some(piece) = pieces.next_piece().await.unwrap() {
            assert!(piece.len() <= HELD);
            all.extend(piece);
        }
        all
    }

    #[tokio::test]
    async fn a_file_of_any_size_comes_out_as_it_went_in_and_more_than_once() {
        for size in [0, 1, HELD, HELD + 1, 3 * HELD + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let (spool, glance) = (Spool::default(), Glance::default());
            let sinks: [&dyn FileSink; 2] = [&spool, &glance];
            for sink in sinks {
                sink.begin().await.unwrap();
                sink.take(b"of a try that broke off").await.unwrap();
                sink.begin().await.unwrap();
                for piece in bytes.chunks(65_536) {
                    sink.take(piece).await.unwrap();
                }
            }
            let (print, file) = spool.whole().await.unwrap();
            assert_eq!(print, glance.print());
            assert_eq!(print.size, u64::try_from(size).unwrap());
            assert_eq!(print.start, bytes.iter().take(START).copied().collect::<Vec<u8>>());
            assert_eq!(file.size(), print.size);
            for _ in 0..2 {
                assert!(read(file.as_ref()).await == bytes, "{size}");
            }
        }
    }

    #[tokio::test]
    async fn a_print_is_the_sha_256() {
        let glance = Glance::default();
        glance.take(b"a").await.unwrap();
        glance.take(b"bc").await.unwrap();
        assert_eq!(
            glance.print().hash,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
