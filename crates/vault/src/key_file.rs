//! Key files: one key a line, the current one first, readable by their owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::key::{Key, new_key_text};
use crate::ring::{KeyError, KeyRing, KeySource};

/// A key file is a few lines; whatever is larger is another file.
const LARGEST: u64 = 64 * 1024;

/// Reads a key file of ours: others must not be able to read or write it.
///
/// # Errors
/// [`KeyError::Open`], [`KeyError::File`], and what [`KeyRing::parse`] finds.
pub fn read_file(path: &Path) -> Result<KeyRing, KeyError> {
    let mode = mode_of(path).map_err(|cause| file_error(path, cause))?;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    read(path)
}

/// Reads a file that the operator named. Orchestrators mount secrets readable by all inside their container, so that
/// is worth a warning only; a file that others can write is refused.
pub(crate) fn read_named(path: &Path) -> Result<KeyRing, KeyError> {
    let mode = mode_of(path).map_err(|cause| file_error(path, cause))?;
    if mode & 0o022 != 0 {
        return Err(KeyError::Open { path: path.to_owned(), mode });
    }
    if mode & 0o044 != 0 {
        log::warn!("{} can be read by other users (mode {mode:03o})", path.display());
    }
    read(path)
}

/// Opens the product's own file, or makes it, and the folder it is in. Of two processes that start together one makes it, both use it.
pub(crate) fn open_or_make(path: &Path) -> Result<(KeyRing, KeySource), KeyError> {
    if path.exists() {
        return Ok((read_file(path)?, KeySource::OwnFile(path.to_owned())));
    }
    let text = new_key_text()?;
    let placed = folder_for(path).and_then(|()| place(path, &text, Placing::IfAbsent));
    match placed {
        Ok(()) => {
            let ring = read_file(path)?;
            log::warn!(
                "made a new encryption key in {}; keep a copy of it apart from the data: without \
                 it stored credentials cannot be read",
                path.display()
            );
            Ok((ring, KeySource::NewFile(path.to_owned())))
        }
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            Ok((read_file(path)?, KeySource::OwnFile(path.to_owned())))
        }
        Err(cause) => Err(file_error(path, cause)),
    }
}

/// Puts a new key in front of those in the file, atomically, and gives the new ring. Values sealed before stay
/// readable and can be re-sealed at leisure.
///
/// # Errors
/// As [`read_file`], and when the file cannot be replaced (then the old one stands).
pub fn rotate_file(path: &Path) -> Result<KeyRing, KeyError> {
    let ring = read_file(path)?;
    let text = new_key_text()?;
    let key = Key::parse(&text).map_err(|weakness| KeyError::Weak {
        origin: "a new key".to_owned(),
        number: 1,
        weakness,
    })?;
    replace(path, ring.with_current(key))
}

/// Drops all keys of the file but the current one. Only when nothing is sealed under the others any more.
///
/// # Errors
/// As [`rotate_file`].
pub fn retire_file(path: &Path) -> Result<KeyRing, KeyError> {
    let ring = read_file(path)?;
    replace(path, ring.without_older())
}

fn replace(path: &Path, ring: KeyRing) -> Result<KeyRing, KeyError> {
    let mut text = Zeroizing::new(String::new());
    for key in ring.keys() {
        text.push_str(&key.to_text());
        text.push('\n');
    }
    place(path, &text, Placing::Replace).map_err(|cause| file_error(path, cause))?;
    Ok(ring)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Placing {
    IfAbsent,
    Replace,
}

/// Writes a neighbour, makes it durable, and moves it into place: nobody ever sees half a key.
fn place(path: &Path, text: &str, placing: Placing) -> io::Result<()> {
    let directory = directory_of(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", nobody_elses_name()?));
    let neighbour = directory.join(name);
    let placed = write_new(&neighbour, text).and_then(|()| match placing {
        // Unlike a rename, a link does not replace a file that another process made meanwhile.
        Placing::IfAbsent => fs::hard_link(&neighbour, path),
        Placing::Replace => fs::rename(&neighbour, path),
    });
    let _ = fs::remove_file(&neighbour);
    placed?;
    sync_directory(directory)
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the folder of a file where it is missing, for nobody else to look into where the system can say so. Where the
/// database is a server, nothing else makes it.
fn folder_for(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory_of(path))
}

fn nobody_elses_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_err(|_| io::Error::other("the system gives no random bytes"))?;
    Ok(hex::encode(bytes))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.trim_end().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

fn read(path: &Path) -> Result<KeyRing, KeyError> {
    let size = fs::metadata(path).map_err(|cause| file_error(path, cause))?.len();
    if size > LARGEST {
        return Err(file_error(path, io::Error::other("it is too large to be a key file")));
    }
    let text = fs::read_to_string(path).map_err(|cause| file_error(path, cause))?;
    KeyRing::parse(&path.display().to_string(), &Zeroizing::new(text))
}

/// The permission bits; all shut where the system has none.
fn mode_of(path: &Path) -> io::Result<u32> {
    let metadata = fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        Ok(metadata.permissions().mode() & 0o777)
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        Ok(0o600)
    }
}

fn file_error(path: &Path, cause: io::Error) -> KeyError {
    KeyError::File { path: path.to_owned(), cause }
}
