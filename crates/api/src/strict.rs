//! JSON as we take it: no key twice in an object, no NUL in a text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use syncline_domain::FieldFault;

/// A JSON value in which no object has a key twice: what the other reader of such a body would see is anybody's guess.
pub(crate) struct Strict(pub(crate) Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(part)) = parts.next_element()? {
            list.push(part);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = parts.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} is given twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

/// Every text and key with a NUL character, which databases cannot keep; each with its place.
pub(crate) fn nul_faults(value: &Value, at: &str, faults: &mut Vec<FieldFault>) {
    let fault = |place: &str| FieldFault::new(place, "it holds a NUL character; leave it out");
    match value {
        Value::String(text) if text.contains('\0') => faults.push(fault(at)),
        Value::Array(parts) => {
            for (index, part) in parts.iter().enumerate() {
                nul_faults(part, &format!("{at}/{index}"), faults);
            }
        }
        Value::Object(map) => {
            for (key, part) in map {
                let place = format!("{at}/{}", key.replace('\0', "\u{fffd}"));
                if key.contains('\0') {
                    faults.push(fault(&place));
                }
                nul_faults(part, &place, faults);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_read_as_it_is_and_a_key_given_twice_is_refused() {
        let text = r#"{"a": [1, -2, 3.5, "x", null, true, 18446744073709551615], "b": {}}"#;
        let Strict(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        for twice in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"c": 1, "\u0063": 2}}]"#] {
            let refused = serde_json::from_str::<Strict>(twice).err().map(|e| e.to_string());
            assert!(refused.is_some_and(|why| why.contains("given twice")), "{twice}");
        }
    }

    #[test]
    fn nul_characters_are_found_wherever_they_are() {
        let mut faults = Vec::new();
        nul_faults(&json!({"a": ["ok", "b\0"], "c\0": {"d": "\0"}}), "", &mut faults);
        let places: Vec<&str> = faults.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(places, ["/a/1", "/c\u{fffd}", "/c\u{fffd}/d"]);
    }
}
