//! One image on its way: read from its tracker, looked at, and stored on the other side unless it is there already.

use syncline_domain::ports::ConnectorError;
use syncline_domain::{Attachment, ImageSource, InlineImage, ItemId};

use super::fetch::{Fetched, Unread, fetch, glance, verify};
use super::files::pair_of;
use super::is_refusal;
use super::memo::Memo;
use super::spool::Print;
use crate::course::Course;
use crate::images::{ImagePair, Spot};
use crate::pass::Pass;

/// Why an image is not moved: said on the item's row, or trouble (and whether the writing side said so).
pub(super) enum Unmoved {
    Refused(String),
    Failed(ConnectorError, bool),
}

/// Kinds of images that every browser shows, by how their files begin: media type, endings.
const KINDS: [(&[u8], &str, &[&str]); 6] = [
    (b"\x89PNG\r\n\x1a\n", "image/png", &["png"]),
    (b"\xff\xd8\xff", "image/jpeg", &["jpg", "jpeg", "jpe"]),
    (b"GIF87a", "image/gif", &["gif"]),
    (b"GIF89a", "image/gif", &["gif"]),
    (b"BM", "image/bmp", &["bmp"]),
    (b"RIFF", "image/webp", &["webp"]),
];

/// What a file is by its first bytes: its media type and the endings that go with it.
fn kind_of(bytes: &[u8]) -> Option<(&'static str, &'static [&'static str])> {
    let (_, kind, endings) = KINDS.iter().find(|(start, _, _)| bytes.starts_with(start))?;
    let is_whole = *kind != "image/webp" || bytes.get(8..12) == Some(b"WEBP");
    is_whole.then_some((*kind, *endings))
}

/// Moves an image to the copy of an item; answers what is wrong with it there.
pub(super) async fn one(
    course: &Course,
    pass: &Pass,
    (item, copy): (&ItemId, &ItemId),
    image: &InlineImage,
    memo: &mut Memo,
) -> Result<Option<String>, Unmoved> {
    let Fetched { print, file } = read(pass, item, &image.file).await?;
    let Some((kind, endings)) = kind_of(&print.start) else {
        return Err(Unmoved::Refused(
            "what came is no image, though an error or sign-in page may have come instead"
                .to_owned(),
        ));
    };
    let failed = |error: ConnectorError| match is_refusal(&error) {
        true => Unmoved::Refused(error.detail),
        false => Unmoved::Failed(error, true),
    };
    let there = pass.writer.attachments(copy).await.map_err(failed)?;
    let found = same_file(pass, copy, &there, &print, memo).await.map_err(failed)?;
    let (made, wrong) = match found {
        Some(found) => (found, None),
        None => {
            if course.may_go_on().await.is_err() {
                return Err(Unmoved::Refused("the run is ending; the next one goes on".to_owned()));
            }
            let name = name_for(&image.file.name, endings, &print.hash, &there);
            let made = pass.writer.host_image(copy, &name, kind, file).await.map_err(failed)?;
            let wrong = verify(pass.writer.as_ref(), (copy, &made.file), &print).await;
            (made, wrong)
        }
    };
    let is_new = |known: &super::memo::FilePair| known.id(pass.read) != image.file.id;
    if memo.files.iter().all(is_new) {
        memo.files.push(pair_of(pass.read, &image.file.id, &made.file.id));
    }
    let (origin, copied) = (Spot::of(image), Spot::of(&made));
    let (source, target) = match pass.read {
        syncline_domain::Side::Source => (origin, copied),
        syncline_domain::Side::Target => (copied, origin),
    };
    let hash = print.hash;
    memo.images.push(ImagePair { origin: pass.read, source, target, hash, is_named: false });
    Ok(wrong)
}

async fn read(pass: &Pass, item: &ItemId, file: &Attachment) -> Result<Fetched, Unmoved> {
    if let Some(kind) = file.content_type.as_deref().filter(|kind| kind.starts_with("text/")) {
        return Err(Unmoved::Refused(format!("it is {kind}, and no image")));
    }
    fetch(pass, item, file).await.map_err(|unread| match unread {
        Unread::Refused(why) => Unmoved::Refused(why),
        Unread::Failed(error) => Unmoved::Failed(error, false),
    })
}

/// A file that hangs on the copy already and holds the same bytes: from an earlier try, or carried as a file.
async fn same_file(
    pass: &Pass,
    copy: &ItemId,
    there: &[Attachment],
    print: &Print,
    memo: &Memo,
) -> Result<Option<InlineImage>, ConnectorError> {
    // Two names for one copy could not be told apart on the way back.
    let is_free =
        |file: &&Attachment| memo.images.iter().all(|image| image.spot(pass.write).url != file.url);
    let alike = |file: &&Attachment| file.size == Some(print.size);
    for file in there.iter().filter(alike).filter(is_free) {
        let shown = glance(pass.writer.as_ref(), (copy, file), print.size).await?;
        if shown.as_ref() != Some(print) {
            continue;
        }
        let found = pass.writer.inline_images(copy, std::slice::from_ref(&file.url)).await?;
        if let Some(ImageSource::Here(image)) = found.into_iter().next() {
            return Ok(Some(*image));
        }
    }
    Ok(None)
}

/// A name that every markup can hold, that says what the file is, and that no file of the copy has: some trackers find
/// images by their names.
fn name_for(name: &str, endings: &[&str], hash: &str, there: &[Attachment]) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let usual = endings.first().copied().unwrap_or_default();
    let ending = endings.iter().find(|one| one.eq_ignore_ascii_case(ending)).unwrap_or(&usual);
    let stem = if ending.is_empty() { name } else { stem };
    let keeps = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let safe: String =
        stem.chars().take(100).map(|letter| if keeps(letter) { letter } else { '_' }).collect();
    let safe = if safe.is_empty() { "image".to_owned() } else { safe };
    let is_taken = |name: &str| there.iter().any(|file| file.name.eq_ignore_ascii_case(name));
    let short = hash.get(..8).unwrap_or(hash);
    let plain = std::iter::once(format!("{safe}.{ending}"));
    let numbered = (2_u32..).map(|n| format!("{safe}-{short}-{n}.{ending}"));
    let mut names =
        plain.chain(std::iter::once(format!("{safe}-{short}.{ending}"))).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> Attachment {
        Attachment {
            id: String::new(),
            name: name.to_owned(),
            size: None,
            content_type: None,
            url: String::new(),
        }
    }

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        assert_eq!(kind_of(b"\x89PNG\r\n\x1a\nrest").map(|kind| kind.0), Some("image/png"));
        assert_eq!(kind_of(b"RIFF....WEBPVP8 ").map(|kind| kind.0), Some("image/webp"));
        for no_image in
            [&b"RIFF....WAVE"[..], b"<!DOCTYPE html>", b"<svg xmlns=''>", b"", b"\x89PN"]
        {
            assert_eq!(kind_of(no_image), None);
        }
    }

    #[test]
    fn a_name_is_safe_tells_its_kind_and_is_free() {
        for (name, there, wanted) in [
            ("shot.PNG", &[][..], "shot.png"),
            ("my shot (1).png", &[], "my_shot__1_.png"),
            ("image", &[], "image.png"),
            ("page.aspx", &[], "page.png"),
            ("a.png", &["A.png"], "a-12345678.png"),
            ("a.png", &["a.png", "a-12345678.png"], "a-12345678-2.png"),
        ] {
            let there: Vec<Attachment> = there.iter().map(|name| file(name)).collect();
            assert_eq!(name_for(name, &["png"], "1234567890", &there), wanted);
        }
    }
}
