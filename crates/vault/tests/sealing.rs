//! What opens, what does not, and what survives a change of keys.
#![expect(clippy::unwrap_used, reason = "a test's way to say no")]

use proptest::prelude::*;
use syncline_domain::ports::{Place, SealError, Sealer};
use syncline_vault::{KeyRing, Vault, new_key_text, reseal};

fn key() -> String {
    new_key_text().unwrap().to_string()
}

fn vault(keys: &[&str]) -> Vault {
    Vault::new(KeyRing::parse("K", &keys.join(",")).unwrap())
}

const HERE: Place = Place { table: "connectors", row: 7, column: "credentials" };

#[test]
fn no_flipped_bit_opens() {
    let vault = vault(&[&key(), &key()]);
    let mut flips = 0_u32;
    for n in 0..100_u8 {
        let plain = vec![n; usize::from(n)];
        let sealed = vault.seal(&HERE, &plain).unwrap();
        assert_eq!(vault.open(&HERE, &sealed).unwrap(), plain);
        for bit in 0..sealed.len() * 8 {
            let mut bent = sealed.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(vault.open(&HERE, &bent).is_err(), "blob {n}, bit {bit}");
            flips += 1;
        }
    }
    assert!(flips > 60_000, "{flips}");
}

#[test]
fn no_shortened_or_lengthened_value_opens() {
    let vault = vault(&[&key()]);
    let sealed = vault.seal(&HERE, b"token").unwrap();
    for length in 0..sealed.len() {
        assert!(vault.open(&HERE, &sealed[..length]).is_err(), "{length}");
    }
    let mut longer = sealed;
    longer.push(0);
    assert!(vault.open(&HERE, &longer).is_err());
}

#[test]
fn a_value_opens_at_its_own_place_only() {
    let vault = vault(&[&key()]);
    let sealed = vault.seal(&HERE, b"token").unwrap();
    let others = [
        Place { row: 8, ..HERE },
        Place { row: -7, ..HERE },
        Place { column: "settings", ..HERE },
        Place { table: "channels", ..HERE },
        // The same characters, cut elsewhere.
        Place { table: "connector", row: 7, column: "scredentials" },
        Place { table: "", row: 7, column: "connectorscredentials" },
    ];
    for place in others {
        assert_eq!(vault.open(&place, &sealed), Err(SealError::Broken(place.clone())));
    }
}

#[test]
fn equal_values_look_different_and_show_nothing() {
    let vault = vault(&[&key()]);
    let secret = b"a planted secret of some length";
    let sealed: Vec<_> = (0..50).map(|_| vault.seal(&HERE, secret).unwrap()).collect();
    for (i, one) in sealed.iter().enumerate() {
        assert!(sealed[..i].iter().all(|other| other != one));
        assert!(!one.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
    }
}

#[test]
fn rotation_keeps_values_readable_and_brings_them_under_the_new_key() {
    let (old, new, foreign) = (key(), key(), key());
    let before = vault(&[&old]);
    let sealed = before.seal(&HERE, b"token").unwrap();
    assert_eq!(before.key_of(&sealed), Some(before.current_key()));

    let during = vault(&[&new, &old]);
    assert_eq!(during.open(&HERE, &sealed).unwrap(), b"token");
    assert!(during.must_know([before.current_key().as_str()]).is_ok());
    let resealed = reseal(&during, &HERE, &sealed).unwrap().unwrap();
    assert_eq!(during.key_of(&resealed), Some(during.current_key()));
    assert_eq!(reseal(&during, &HERE, &resealed), Ok(None));

    let after = vault(&[&new]);
    assert_eq!(after.open(&HERE, &resealed).unwrap(), b"token");
    let unknown = SealError::UnknownKey(before.current_key());
    assert_eq!(after.open(&HERE, &sealed), Err(unknown.clone()));
    assert_eq!(reseal(&after, &HERE, &sealed), Err(unknown.clone()));
    let used = [after.current_key(), before.current_key()];
    assert_eq!(after.must_know(used.iter().map(String::as_str)), Err(unknown));
    assert!(vault(&[&foreign]).open(&HERE, &resealed).is_err());
}

#[test]
fn a_value_does_not_open_under_another_key_that_claims_its_id() {
    let (one, two) = (key(), key());
    let vault = vault(&[&one, &two]);
    let sealed = vault.seal(&HERE, b"token").unwrap();
    let ids: Vec<String> = vault.ring().ids().into_iter().map(str::to_owned).collect();
    let mut renamed = sealed;
    renamed[2..10].copy_from_slice(ids[1].as_bytes());
    assert_eq!(vault.key_of(&renamed).as_deref(), Some(ids[1].as_str()));
    assert_eq!(vault.open(&HERE, &renamed), Err(SealError::Broken(HERE)));
}

#[test]
fn debug_shows_no_key() {
    let text = key();
    let shown = format!("{:?}", vault(&[&text]));
    assert!(!shown.contains(text.trim_end_matches('=')), "{shown}");
}

proptest! {
    #[test]
    fn every_value_comes_back(
        plain in proptest::collection::vec(any::<u8>(), 0..2_000), row in any::<i64>()
    ) {
        let vault = vault(&[&key()]);
        let place = Place { row, ..HERE };
        let sealed = vault.seal(&place, &plain).unwrap();
        prop_assert_eq!(sealed.len(), plain.len() + 2 + 8 + 12 + 16);
        prop_assert_eq!(vault.open(&place, &sealed).unwrap(), plain);
        let elsewhere = Place { row: row.wrapping_add(1), ..HERE };
        prop_assert!(vault.open(&elsewhere, &sealed).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_open_and_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0..3_u8
    ) {
        let vault = vault(&[&key()]);
        prop_assert!(vault.open(&HERE, &bytes).is_err());
        // With a well-formed header, too.
        let id = vault.current_key();
        let mut headed = vec![version, 8];
        headed.extend_from_slice(id.as_bytes());
        headed.extend_from_slice(&bytes);
        prop_assert!(vault.open(&HERE, &headed).is_err());
        let _ = vault.key_of(&headed);
    }

    #[test]
    fn arbitrary_key_texts_never_panic_and_never_show(text in "[ -~]{0,80}") {
        if let Err(error) = KeyRing::parse("ENCRYPTION_KEY", &text) {
            let shown = error.to_string();
            for word in text.split([',', ' ']).filter(|word| word.len() > 12) {
                prop_assert!(!shown.contains(word));
            }
        }
    }
}
