//! Comparing what must not be compared by `==`.

use ring::hmac;

/// Whether two byte strings are the same, in a time that says nothing about where they differ: both are authenticated
/// under a key that whoever sent `given` does not know.
pub(crate) fn same_text(key: &hmac::Key, expected: &[u8], given: &[u8]) -> bool {
    hmac::verify(key, given, hmac::sign(key, expected).as_ref()).is_ok()
}

/// The work of checking one signature, for requests that have none to check.
pub(crate) fn busy_work(body: &[u8]) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]);
    std::hint::black_box(hmac::sign(&key, std::hint::black_box(body)));
}
