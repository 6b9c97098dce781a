//! Just enough of `multipart/form-data` (RFC 7578) to take one uploaded file.

use bytes::Bytes;

use super::http::Request;

/// One part of a form.
pub(crate) struct Part {
    /// The form field.
    pub(crate) name: String,
    /// The file name, if the part is a file.
    pub(crate) file_name: Option<String>,
    /// The part's content type; `application/octet-stream` where it has none.
    pub(crate) content_type: String,
    /// The part's bytes.
    pub(crate) body: Bytes,
}

/// The parts of a form; `None` when the body is no multipart form.
pub(crate) fn parts(request: &Request) -> Option<Vec<Part>> {
    if request.content_type() != "multipart/form-data" {
        return None;
    }
    let boundary = parameter(request.header("content-type")?, "boundary")?;
    let fence = format!("--{boundary}").into_bytes();
    let line_fence = format!("\r\n--{boundary}").into_bytes();
    let body = &request.body;
    let mut found = Vec::new();
    let mut at = find(body, &fence, 0)?.checked_add(fence.len())?;
    loop {
        if body.get(at..)?.starts_with(b"--") {
            return Some(found);
        }
        let head_start = at.checked_add(2)?;
        let head_end = find(body, b"\r\n\r\n", head_start)?;
        let data_start = head_end.checked_add(4)?;
        let data_end = find(body, &line_fence, data_start)?;
        let head = String::from_utf8_lossy(body.get(head_start..head_end)?).into_owned();
        found.push(part(&head, body.slice(data_start..data_end))?);
        at = data_end.checked_add(line_fence.len())?;
    }
}

fn part(head: &str, body: Bytes) -> Option<Part> {
    let line = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let disposition = line("content-disposition")?;
    Some(Part {
        name: parameter(&disposition, "name")?,
        file_name: parameter(&disposition, "filename"),
        content_type: line("content-type").unwrap_or_else(|| "application/octet-stream".to_owned()),
        body,
    })
}

fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(body: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    rest.windows(needle.len()).position(|window| window == needle)?.checked_add(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_part_comes_out_byte_for_byte() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"input_file\"; filename=\"a b.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\nline\r\n--not a fence\r\n--B--\r\n";
        let headers =
            vec![("content-type".to_owned(), "multipart/form-data; boundary=B".to_owned())];
        let request = Request::new("PUT", "/x", headers, Bytes::from(body));
        let parts = parts(&request).unwrap();
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].name, "input_file");
        assert_eq!(parts[0].file_name.as_deref(), Some("a b.txt"));
        assert_eq!(parts[0].content_type, "text/plain");
        assert_eq!(&parts[0].body[..], b"line\r\n--not a fence");
    }
}
