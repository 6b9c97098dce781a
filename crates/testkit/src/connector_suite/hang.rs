//! Rules about what hangs on items: comments, links, files.

use syncline_domain::ports::{ErrorKind, HeldFile};
use syncline_domain::{ItemLink, NewComment, TextFormat};

use super::Harness;
use super::scene::Scene;
use crate::file_bytes;

pub(super) fn text(body: &str) -> NewComment {
    NewComment { body: body.to_owned(), format: TextFormat::Text, is_private: false }
}

pub async fn comments_come_in_order(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let can = scene.connector.capabilities();
    if !can.comments {
        return;
    }
    let item = scene.create("commented").await;
    assert_eq!(scene.connector.comments(&item.id).await, Ok(Vec::new()));
    let me = scene.connector.whoami().await.expect("whoami");
    for body in ["first Grüße \u{1F680}", "second 漢字"] {
        let made = scene.connector.add_comment(&item.id, &text(body)).await.expect("a comment");
        assert!(made.body.contains(body), "{:?}", made.body);
        assert!(!made.is_private);
        if let Some(author) = &made.author {
            assert!(author.id == me.id || author.key() == me.key(), "{author:?}");
        }
        harness.settle().await;
    }
    if can.private_comments {
        let private = NewComment { is_private: true, ..text("third, hidden") };
        let made = scene.connector.add_comment(&item.id, &private).await.expect("a comment");
        assert!(made.is_private);
    }
    let all = scene.connector.comments(&item.id).await.expect("comments");
    assert_eq!(all.len(), if can.private_comments { 3 } else { 2 });
    for (comment, word) in all.iter().zip(["first", "second", "third"]) {
        assert!(comment.body.contains(word), "{:?} comes in place of {word}", comment.body);
        assert_eq!(comment.is_private, word == "third");
    }
    assert!(all.is_sorted_by_key(|comment| comment.created_at));
}

pub async fn comments_are_edited(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let can = scene.connector.capabilities();
    if !(can.comments && can.comment_edit) {
        return;
    }
    let item = scene.create("commented").await;
    let made = scene.connector.add_comment(&item.id, &text("before")).await.expect("a comment");
    let edited = scene.connector.edit_comment(&item.id, &made.id, &text("after")).await;
    let edited = edited.expect("the edit");
    assert_eq!(edited.id, made.id);
    assert!(edited.body.contains("after"));
    let all = scene.connector.comments(&item.id).await.expect("comments");
    assert_eq!(all.len(), 1);
    assert!(all[0].body.contains("after") && !all[0].body.contains("before"));
}

pub async fn comments_are_deleted(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let can = scene.connector.capabilities();
    if !(can.comments && can.comment_delete) {
        return;
    }
    let item = scene.create("commented").await;
    let made = scene.connector.add_comment(&item.id, &text("goes")).await.expect("a comment");
    scene.connector.add_comment(&item.id, &text("stays")).await.expect("a comment");
    scene.connector.delete_comment(&item.id, &made.id).await.expect("the deletion");
    let all = scene.connector.comments(&item.id).await.expect("comments");
    assert_eq!(all.len(), 1);
    assert!(all[0].body.contains("stays"));
}

pub async fn comments_on_nothing_are_refused(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    if !scene.connector.capabilities().comments {
        return;
    }
    let ghost = &scene.facts.unknown_id;
    let refused = scene.connector.add_comment(ghost, &text("hello")).await;
    assert_eq!(refused.map_err(|e| e.kind).err(), Some(ErrorKind::NotFound));
    let refused = scene.connector.comments(ghost).await;
    assert_eq!(refused.map_err(|e| e.kind).err(), Some(ErrorKind::NotFound));
}

pub async fn links_are_added(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    let Some(relation) = scene.facts.relation.clone() else {
        return;
    };
    if !scene.connector.capabilities().links {
        return;
    }
    let (one, two) = (scene.create("one").await, scene.create("two").await);
    assert_eq!(scene.connector.links(&one.id).await, Ok(Vec::new()));
    let link = ItemLink { relation: relation.clone(), other: two.id.clone(), link_id: None };
    scene.connector.add_link(&one.id, &link).await.expect("the link");
    let links = scene.connector.links(&one.id).await.expect("links");
    assert_eq!(links.len(), 1);
    assert_eq!((&links[0].relation, &links[0].other), (&relation, &two.id));
}

pub async fn files_come_back_byte_by_byte(harness: &dyn Harness) {
    let scene = Scene::new(harness);
    if !scene.connector.capabilities().attachments {
        return;
    }
    let item = scene.create("with a file").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let made = scene
        .connector
        .attach(&item.id, "Grüße.bin", "application/octet-stream", HeldFile::new(bytes.clone()))
        .await
        .expect("the file");
    let all = scene.connector.attachments(&item.id).await.expect("files");
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0].id, all[0].name.as_str()), (&made.id, "Grüße.bin"));
    assert!(all[0].size.is_none_or(|size| size == 10_000));
    let back = file_bytes(scene.connector.as_ref(), &item.id, &all[0], 10_000).await;
    assert_eq!(back, Ok(bytes));
    let refused = file_bytes(scene.connector.as_ref(), &item.id, &all[0], 9_999).await;
    assert_eq!(refused.map_err(|e| e.kind).err(), Some(ErrorKind::Invalid));
}
