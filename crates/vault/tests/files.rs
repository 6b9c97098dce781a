//! Key files: who may read them, how they are made, and how they change.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test's way to say no")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use syncline_domain::ports::{Place, Sealer};
use syncline_vault::{
    KeyError, KeyRing, KeySource, Vault, new_key_text, read_file, reseal, retire_file, rotate_file,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_first_start_makes_the_file_and_the_next_one_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncline.key");
    let (made, source) = KeyRing::load(None, None, &path).unwrap();
    assert_eq!(source, KeySource::NewFile(path.clone()));
    assert_eq!(mode(&path), 0o600);
    assert_eq!(names(directory.path()), ["syncline.key"]);
    let (read, source) = KeyRing::load(None, None, &path).unwrap();
    assert_eq!(source, KeySource::OwnFile(path));
    assert_eq!(made, read);
}

/// With a database on a server, nobody else makes the folder.
#[test]
fn a_first_start_makes_the_folder_too() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("data");
    let (_, source) = KeyRing::load(None, None, &folder.join("syncline.key")).unwrap();
    assert_eq!(source, KeySource::NewFile(folder.join("syncline.key")));
    assert_eq!(mode(&folder), 0o700);
}

#[test]
fn processes_that_start_together_end_with_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("syncline.key");
    let rings: Vec<KeyRing> = std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| KeyRing::load(None, None, &path))).collect();
        starts.into_iter().map(|start| start.join().unwrap().unwrap().0).collect()
    });
    assert!(rings.iter().all(|ring| *ring == rings[0]));
}

#[test]
fn files_that_others_can_reach_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    fs::write(&path, new_key_text().unwrap().as_bytes()).unwrap();
    // mode, as our own file, as a file that the operator named
    let table = [
        (0o600, true, true),
        (0o400, true, true),
        (0o640, false, true),
        (0o644, false, true),
        (0o444, false, true),
        (0o620, false, false),
        (0o602, false, false),
        (0o666, false, false),
    ];
    for (bits, own, named) in table {
        set_mode(&path, bits);
        for (outcome, open) in [
            (KeyRing::load(None, None, &path), own),
            (KeyRing::load(None, Some(&path), Path::new("/nowhere")), named),
        ] {
            match outcome {
                Ok(_) => assert!(open, "{bits:o}"),
                Err(error) => {
                    assert!(!open, "{bits:o}");
                    let text = error.to_string();
                    assert!(text.contains("chmod 600") && text.contains(&format!("{bits:03o}")));
                }
            }
        }
    }
}

#[test]
fn settings_come_first_and_must_not_contradict() {
    // A file is no folder, and none can be made of it.
    let file = tempfile::NamedTempFile::new().unwrap();
    let nowhere = &file.path().join("key");
    let text = new_key_text().unwrap();
    let (_, source) = KeyRing::load(Some(&text), None, nowhere).unwrap();
    assert_eq!(source, KeySource::Setting);
    let both = KeyRing::load(Some(&text), Some(nowhere), nowhere).unwrap_err();
    assert!(matches!(both, KeyError::Both));
    let missing = KeyRing::load(None, Some(nowhere), nowhere).unwrap_err();
    assert!(missing.to_string().contains(&nowhere.display().to_string()));
    let unwritable = KeyRing::load(None, None, nowhere).unwrap_err();
    assert!(matches!(unwritable, KeyError::File { .. }));
}

#[test]
fn an_empty_or_spoilt_file_is_named_and_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    for text in ["", "\n", "not a key"] {
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        let error = KeyRing::load(None, None, &path).unwrap_err().to_string();
        assert!(error.contains("key"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn rotating_a_file_keeps_old_keys_until_they_are_retired() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    let place = Place { table: "connectors", row: 1, column: "credentials" };
    let old = Vault::new(KeyRing::load(None, None, &path).unwrap().0);
    let sealed = old.seal(&place, b"token").unwrap();

    let new = Vault::new(rotate_file(&path).unwrap());
    assert_eq!(*new.ring(), read_file(&path).unwrap());
    assert_eq!((new.ring().ids().len(), mode(&path)), (2, 0o600));
    assert_ne!(new.current_key(), old.current_key());
    let resealed = reseal(&new, &place, &sealed).unwrap().unwrap();

    let last = Vault::new(retire_file(&path).unwrap());
    assert_eq!(last.ring().ids(), [new.current_key()]);
    assert_eq!(*last.ring(), read_file(&path).unwrap());
    assert_eq!(last.open(&place, &resealed).unwrap(), b"token");
    assert!(last.open(&place, &sealed).is_err());
    assert_eq!(names(directory.path()), ["key"]);
}
