//! What a request carries. Files are read while they are sent, anew for each attempt.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use syncline_domain::ports::{FilePieces, FileSource, Rng};

/// The body of a request.
#[derive(Clone)]
pub(crate) enum Payload {
    Bytes(Bytes),
    File(Arc<dyn FileSource>),
    Form(FormFile),
}

/// A file as the one part of a form (`multipart/form-data`, RFC 7578).
#[derive(Clone)]
pub(crate) struct FormFile {
    pub(crate) name: String,
    pub(crate) file_name: String,
    pub(crate) content_type: String,
    pub(crate) file: Arc<dyn FileSource>,
}

impl Payload {
    /// Bytes that it has at least.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => length(bytes.len()),
            Self::File(file) | Self::Form(FormFile { file, .. }) => file.size(),
        }
    }

    /// Puts it on a request.
    pub(crate) fn put_on(&self, builder: RequestBuilder, rng: &dyn Rng) -> RequestBuilder {
        match self {
            Self::Bytes(bytes) => builder.body(bytes.clone()),
            Self::File(file) => builder.header(CONTENT_LENGTH, file.size()).body(streamed(
                String::new(),
                file.open(),
                String::new(),
            )),
            Self::Form(form) => {
                let boundary = boundary(rng);
                let (head, tail) = form.ends(&boundary);
                let size = length(head.len().saturating_add(tail.len()));
                builder
                    .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
                    .header(CONTENT_LENGTH, form.file.size().saturating_add(size))
                    .body(streamed(head, form.file.open(), tail))
            }
        }
    }
}

impl FormFile {
    /// What goes before the file and what goes after it.
    fn ends(&self, boundary: &str) -> (String, String) {
        let kind: String = self.content_type.chars().filter(|c| !c.is_control()).collect();
        let (name, file_name) = (quoted(&self.name), quoted(&self.file_name));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
             Content-Type: {kind}\r\n\r\n"
        );
        (head, format!("\r\n--{boundary}--\r\n"))
    }
}

/// The form encoding of HTML: line ends and quotes are percent-encoded, all else stays UTF-8.
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

/// Nobody can put it into a file on purpose, and by chance no file has it.
fn boundary(rng: &dyn Rng) -> String {
    format!("syncline-{:016x}{:016x}", rng.next_u64(), rng.next_u64())
}

fn streamed(head: String, pieces: Box<dyn FilePieces>, tail: String) -> reqwest::Body {
    let whole = |text: String| {
        let piece = Some(text).filter(|text| !text.is_empty()).map(|text| Ok(Bytes::from(text)));
        stream::iter(piece)
    };
    let middle = stream::try_unfold(pieces, |mut pieces| async move {
        let piece = pieces.next_piece().await?;
        Ok::<_, io::Error>(piece.map(|piece| (Bytes::from(piece), pieces)))
    });
    reqwest::Body::wrap_stream(whole(head).chain(middle).chain(whole(tail)))
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use syncline_domain::ports::HeldFile;

    use super::*;

    #[test]
    fn names_cannot_break_out_of_a_form() {
        let form = FormFile {
            name: "f".to_owned(),
            file_name: "x\"\r\nEvil: 1.txt".to_owned(),
            content_type: "text/plain\r\nEvil: 2".to_owned(),
            file: HeldFile::new("bytes"),
        };
        let (head, tail) = form.ends("b");
        assert!(head.contains("filename=\"x%22%0D%0AEvil: 1.txt\""), "{head}");
        assert!(!head.contains("\nEvil"), "{head}");
        assert!(head.ends_with("\r\n\r\n"));
        assert_eq!(tail, "\r\n--b--\r\n");
    }
}
