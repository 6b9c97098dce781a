//! One small thing that `serde_json` offers only by indexing, which may panic.

use serde_json::Value;

/// Sets a key of an object; anything else stays as it is.
pub(crate) fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(key.to_owned(), value);
    }
}
