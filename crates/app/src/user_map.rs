//! Reading who is who.

use serde_json::Value;
use syncline_domain::{Fault, UserMap, UserMapEntry, UserMatch};

use crate::input::Body;

/// Reads a whole user map, with warnings.
///
/// # Errors
/// [`Fault::Invalid`] with every fault at once.
pub(crate) fn read(body: Value) -> Result<(UserMap, Vec<String>), Fault> {
    let mut body = Body::new(body)?;
    let entries = read_entries(&mut body);
    let by = read_by(&mut body);
    let default = body.nullable_text("default").flatten().filter(|text| !text.trim().is_empty());
    let warnings = body.finish()?;
    Ok((UserMap { entries, by, default }, warnings))
}

fn read_entries(body: &mut Body) -> Vec<UserMapEntry> {
    let mut entries: Vec<UserMapEntry> = Vec::new();
    for (index, part) in body.list("entries").unwrap_or_default().into_iter().enumerate() {
        let name = format!("entries/{index}");
        let mut inner = match Body::nested(part, &body.path(&name)) {
            Ok(inner) => inner,
            Err(fault) => {
                body.fault(&name, fault.message);
                continue;
            }
        };
        let (source, target) = (inner.required_name("source"), inner.required_name("target"));
        body.absorb(inner);
        let (Some(source), Some(target)) = (source, target) else { continue };
        if entries.iter().any(|known| known.source == source) {
            body.fault(&format!("{name}/source"), "this person is listed twice; keep one line");
        }
        entries.push(UserMapEntry { source, target });
    }
    entries
}

fn read_by(body: &mut Body) -> Vec<UserMatch> {
    let mut by = Vec::new();
    for (index, part) in body.list("by").unwrap_or_default().into_iter().enumerate() {
        match part.as_str() {
            Some("email") => by.push(UserMatch::Email),
            Some("login") => by.push(UserMatch::Login),
            Some("name") => by.push(UserMatch::Name),
            _ => body.fault(&format!("by/{index}"), "use one of email, login, name"),
        }
    }
    by
}
