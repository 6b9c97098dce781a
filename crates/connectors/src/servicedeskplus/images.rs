//! Images inside of texts: files of the same request, by the address of the file. Images that people paste have addresses
//! of their own, which the API does not serve.

use syncline_domain::ports::ConnectorError;
use syncline_domain::{FieldRef, ImageMarkup, ImageSource, InlineImage, ItemId};
use url::Url;

use super::config::segment;
use super::hanging::files;
use super::requests::Api;

/// Fields that are HTML.
const HTML: [&str; 2] = ["description", "resolution"];

pub(super) fn markup(field: Option<&FieldRef>) -> Option<ImageMarkup> {
    field.is_none_or(|field| HTML.contains(&field.as_str())).then_some(ImageMarkup::Html)
}

/// What addresses in the texts of a request mean. The request's files are read only when one of them is named.
pub(super) async fn sources(
    api: &Api,
    id: &ItemId,
    addresses: &[String],
) -> Result<Vec<ImageSource>, ConnectorError> {
    let folder = api.config.api_url(&format!("requests/{}/attachments/", segment(id.as_str())));
    let there = match addresses.iter().any(|address| address.starts_with(&folder)) {
        true => files(api, id).await?,
        false => Vec::new(),
    };
    let source = |address: &String| {
        if let Some(file) = there.iter().find(|file| file.url == *address) {
            let image = InlineImage { address: file.url.clone(), file: file.clone() };
            return ImageSource::Here(Box::new(image));
        }
        match is_of_server(&folder, address) {
            true => ImageSource::Locked(
                "ServiceDesk Plus shows it only to people who are signed in; attach it to the request instead"
                    .to_owned(),
            ),
            false => ImageSource::Elsewhere,
        }
    };
    Ok(addresses.iter().map(source).collect())
}

/// Whether an address leads to this server; its own pages name their images without a host.
fn is_of_server(folder: &str, address: &str) -> bool {
    let Ok(base) = Url::parse(folder) else { return false };
    base.join(address).is_ok_and(|url| url.origin() == base.origin())
}
