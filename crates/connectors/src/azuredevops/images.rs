//! Images inside of texts: files of the organisation that the text names by their address.

use std::sync::Arc;

use syncline_domain::ports::{ConnectorError, FileSource};
use syncline_domain::{Attachment, FieldRef, ImageMarkup, ImageSource, InlineImage};
use url::Url;

use super::config::Config;
use super::relations::last_segment;
use super::requests::Api;

/// Fields without markup that people fill in.
const PLAIN: [&str; 2] = ["System.Title", "System.Tags"];
const FILES: &str = "/_apis/wit/attachments/";

pub(super) fn markup(config: &Config, field: Option<&FieldRef>) -> Option<ImageMarkup> {
    match field.map(FieldRef::as_str) {
        Some(name) if PLAIN.contains(&name) => None,
        Some(name) if config.markdown_fields.contains(name) => Some(ImageMarkup::Markdown),
        _ => Some(ImageMarkup::Html),
    }
}

/// What an address means. Only the file's id is taken from it: it is read from the configured server, wherever the
/// address leads.
pub(super) fn source(config: &Config, address: &str) -> ImageSource {
    let Some((id, name)) = file_of(config, address) else { return ImageSource::Elsewhere };
    let url = address.to_owned();
    let file = Attachment { id, name, size: None, content_type: None, url };
    ImageSource::Here(Box::new(InlineImage { address: file.url.clone(), file }))
}

/// Id and name of a file of this organisation.
fn file_of(config: &Config, address: &str) -> Option<(String, String)> {
    let url = Url::parse(address).ok()?;
    let base = Url::parse(&config.base_url).ok()?;
    let root = base.path().trim_end_matches('/').to_ascii_lowercase();
    let path = url.path().to_ascii_lowercase();
    let below = if same_place(&url, &base) {
        path.strip_prefix(&root)?
    } else if Some(url.host_str()?.to_owned()) == old_host(&base) && url.scheme() == "https" {
        path.as_str()
    } else {
        return None;
    };
    let (before, id) = below.split_once(FILES)?;
    // Nothing, or the project.
    let is_near =
        before.is_empty() || (before.starts_with('/') && before.matches('/').count() == 1);
    let is_id = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if !is_near || !is_id {
        return None;
    }
    let name = url.query_pairs().find(|(key, _)| key.eq_ignore_ascii_case("fileName"));
    let name = name.map(|(_, name)| name.into_owned()).filter(|name| !name.trim().is_empty());
    Some((id.to_owned(), name.unwrap_or_else(|| "image.png".to_owned())))
}

fn same_place(url: &Url, base: &Url) -> bool {
    (url.scheme(), url.host_str(), url.port_or_known_default())
        == (base.scheme(), base.host_str(), base.port_or_known_default())
}

/// The address that the organisation had before `dev.azure.com`; old texts still bear it.
fn old_host(base: &Url) -> Option<String> {
    let organisation = base.path().trim_matches('/').to_ascii_lowercase();
    let is_cloud = base.host_str() == Some("dev.azure.com") && !organisation.contains('/');
    is_cloud.then(|| format!("{organisation}.visualstudio.com"))
}

/// Stores an image without hanging it on the item: the text is what shows it.
pub(super) async fn host(
    api: &Api,
    name: &str,
    content_type: &str,
    file: Arc<dyn FileSource>,
) -> Result<InlineImage, ConnectorError> {
    let size = Some(file.size());
    let stored = api.upload(name, file).await?;
    let file = Attachment {
        id: last_segment(&stored.url).unwrap_or(&stored.id).to_owned(),
        name: name.to_owned(),
        size,
        content_type: Some(content_type.to_owned()),
        url: stored.url.clone(),
    };
    Ok(InlineImage { file, address: stored.url })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6b2266bf-a155-4582-a475-ca4da68193ef";

    #[test]
    fn only_files_of_the_organisation_are_taken_for_its_own() {
        let config = Config::for_tests();
        for (address, is_own) in [
            (format!("https://dev.azure.com/demo/_apis/wit/attachments/{ID}?fileName=a.png"), true),
            (format!("https://dev.azure.com/Demo/Web%20Shop/_apis/wit/attachments/{ID}"), true),
            (
                format!("https://demo.visualstudio.com/_apis/wit/attachments/{ID}?fileName=a.png"),
                true,
            ),
            (format!("https://dev.azure.com/other/_apis/wit/attachments/{ID}"), false),
            (format!("https://dev.azure.com.evil.example/demo/_apis/wit/attachments/{ID}"), false),
            (format!("https://evil.example/demo/_apis/wit/attachments/{ID}"), false),
            (format!("http://dev.azure.com/demo/_apis/wit/attachments/{ID}"), false),
            ("https://dev.azure.com/demo/_apis/wit/attachments/../../x".to_owned(), false),
            ("https://dev.azure.com/demo/_apis/wit/workitems/1".to_owned(), false),
            ("image.png".to_owned(), false),
        ] {
            let found = matches!(source(&config, &address), ImageSource::Here(_));
            assert_eq!(found, is_own, "{address}");
        }
        let address =
            format!("https://dev.azure.com/demo/_apis/wit/attachments/{ID}?fileName=a%20b.png");
        let ImageSource::Here(image) = source(&config, &address) else { panic!("it is its own") };
        assert_eq!((image.file.id.as_str(), image.file.name.as_str()), (ID, "a b.png"));
        assert_eq!((image.file.url.as_str(), image.address.as_str()), (&*address, &*address));
    }
}
