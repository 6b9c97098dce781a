//! `multipart/form-data` (RFC 7578) as plain bytes, so that a request can be sent again.

use bytes::Bytes;

/// One part of a form.
#[derive(Clone, Debug)]
pub struct Part {
    name: String,
    file_name: Option<String>,
    content_type: Option<String>,
    bytes: Bytes,
}

impl Part {
    /// A text field.
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            file_name: None,
            content_type: None,
            bytes: Bytes::from(value.into()),
        }
    }

    /// A file.
    pub fn file(
        name: impl Into<String>,
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        Self {
            name: name.into(),
            file_name: Some(file_name.into()),
            content_type: Some(content_type.into()),
            bytes: bytes.into(),
        }
    }
}

/// The content type and the body.
pub(crate) fn encode(parts: &[Part]) -> (String, Bytes) {
    let boundary = boundary_for(parts);
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(head_of(part, &boundary).as_bytes());
        body.extend_from_slice(&part.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), Bytes::from(body))
}

fn head_of(part: &Part, boundary: &str) -> String {
    let mut head =
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name));
    if let Some(file_name) = &part.file_name {
        head.push_str(&format!("; filename=\"{}\"", quoted(file_name)));
    }
    if let Some(content_type) = &part.content_type {
        let clean: String = content_type.chars().filter(|c| !c.is_control()).collect();
        head.push_str(&format!("\r\nContent-Type: {clean}"));
    }
    head.push_str("\r\n\r\n");
    head
}

/// The form encoding of HTML: line ends and quotes are percent-encoded, all else stays UTF-8.
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

/// The first numbered boundary that no part contains.
fn boundary_for(parts: &[Part]) -> String {
    let mut number = 0_u32;
    loop {
        let boundary = format!("syncline-part-{number:08x}");
        let taken = parts.iter().any(|part| contains(&part.bytes, &boundary));
        if !taken {
            return boundary;
        }
        number = number.wrapping_add(1);
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_out_and_the_boundary_is_in_no_part() {
        let parts = [
            Part::text("a", "--syncline-part-00000000"),
            Part::file("f", "x\"\r\nEvil: 1.txt", "text/plain\r\nEvil: 2", "bytes"),
        ];
        let (content_type, body) = encode(&parts);
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!(content_type, "multipart/form-data; boundary=syncline-part-00000001");
        assert!(text.contains("filename=\"x%22%0D%0AEvil: 1.txt\""));
        assert!(!text.contains("\nEvil"));
        assert!(text.ends_with("\r\nbytes\r\n--syncline-part-00000001--\r\n"));
    }
}
