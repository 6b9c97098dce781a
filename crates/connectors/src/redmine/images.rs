//! Images inside of texts: files of the same issue, by name, or by the address of the file.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use syncline_domain::ports::{ConnectorError, FileSource};
use syncline_domain::{
    Attachment, FieldRef, ImageMarkup, ImageSource, InlineImage, ItemId, TextFormat,
};

use super::relations::{attach, files};
use super::requests::Api;

/// Endings of the files that Redmine shows by their name.
const ENDINGS: [&str; 7] = ["bmp", "gif", "jpg", "jpe", "jpeg", "png", "webp"];

/// What a name cannot hold in a text as it is.
const BLANKS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

pub(super) fn markup(api: &Api, field: Option<&FieldRef>) -> Option<ImageMarkup> {
    let has_markup = field.is_none_or(|field| field.as_str() == "description");
    has_markup.then_some(match api.config.text_format {
        TextFormat::Markdown => ImageMarkup::Markdown,
        TextFormat::Text | TextFormat::Html => ImageMarkup::Textile,
    })
}

/// What an address in a text of an issue names.
enum Named {
    /// A file by its name: the newest one of the issue that is called so.
    File(String),
    /// A file by its number.
    Number(String),
}

fn named(api: &Api, address: &str) -> Option<Named> {
    let base = format!("{}/attachments/", api.config.base_url);
    if let Some(rest) = address.strip_prefix(&base) {
        let rest = rest.strip_prefix("download/").unwrap_or(rest);
        let number = rest.split(['/', '?', '.']).next().unwrap_or_default();
        let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
        return is_number.then(|| Named::Number(number.to_owned()));
    }
    let name = percent_decode_str(address).decode_utf8_lossy().into_owned();
    let is_file = !name.contains(['/', ':', '?', '#']) && has_ending(&name);
    is_file.then_some(Named::File(name))
}

fn has_ending(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// What addresses in the texts of an issue mean. The files are read only when one of them may be among these.
pub(super) async fn sources(
    api: &Api,
    id: &ItemId,
    addresses: &[String],
) -> Result<Vec<ImageSource>, ConnectorError> {
    let named: Vec<Option<Named>> = addresses.iter().map(|address| named(api, address)).collect();
    let there = match named.iter().any(Option::is_some) {
        true => files(api, id).await?,
        false => Vec::new(),
    };
    let sources = named.iter().map(|named| match named {
        None => ImageSource::Elsewhere,
        Some(Named::File(name)) => {
            newest(&there, name).map_or(ImageSource::Elsewhere, |file| here(&there, file))
        }
        Some(Named::Number(number)) => match there.iter().find(|file| file.id == *number) {
            Some(file) => here(&there, file),
            None => ImageSource::Locked("it hangs on another issue, or is gone".to_owned()),
        },
    });
    Ok(sources.collect())
}

/// The file that Redmine takes for the one of this name. They are in the order of their numbers.
fn newest<'a>(there: &'a [Attachment], name: &str) -> Option<&'a Attachment> {
    there.iter().rfind(|file| file.name.to_lowercase() == name.to_lowercase())
}

fn here(there: &[Attachment], file: &Attachment) -> ImageSource {
    ImageSource::Here(Box::new(InlineImage { address: address(there, file), file: file.clone() }))
}

/// How a text names a file of its issue: by name, as people do, where Redmine finds it so.
fn address(there: &[Attachment], file: &Attachment) -> String {
    let is_it = newest(there, &file.name).is_some_and(|newest| newest.id == file.id);
    if is_it && has_ending(&file.name) {
        utf8_percent_encode(&file.name, BLANKS).to_string()
    } else {
        file.url.clone()
    }
}

/// Hangs an image on an issue, so that its texts can show it.
pub(super) async fn host(
    api: &Api,
    id: &ItemId,
    name: &str,
    content_type: &str,
    file: Arc<dyn FileSource>,
) -> Result<InlineImage, ConnectorError> {
    let file = attach(api, id, name, content_type, file).await?;
    let there = files(api, id).await?;
    Ok(InlineImage { address: address(&there, &file), file })
}
