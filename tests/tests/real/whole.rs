//! Whole issues between two Redmine servers, two ways: comments, links, files and images of both sides, each read back
//! through the servers' own API.

use std::collections::BTreeMap;

use serde_json::json;
use syncline_domain::ConfigId;

use crate::house::House;
use crate::ids;
use crate::redmine::{Redmine, sha256};
use crate::two_ways::{IDLE_RUNS, silence};

/// Issues at the start; each side gets a few more.
const ISSUES: usize = 8;
/// Redmine's numbers of the tracker that is mapped, and of one that is not.
const MAPPED: u64 = 1;
const NOT_MAPPED: u64 = 2;

/// Two servers and a two-way configuration that carries everything.
struct Scene<'a> {
    a: &'a Redmine,
    b: &'a Redmine,
    house: House,
    config: ConfigId,
}

impl Scene<'_> {
    async fn sync(&self) {
        let run = self.house.run(self.config).await;
        self.house.assert_none_waits(&run).await;
    }

    /// The issues of both servers by subject: A's and B's number.
    async fn pairs(&self) -> BTreeMap<String, (u64, u64)> {
        let (at_a, at_b) = (ids(&self.a.issues().await), ids(&self.b.issues().await));
        let of_b = |subject: &String| at_b.get(subject).copied();
        at_a.into_iter()
            .filter_map(|(subject, a)| Some((subject.clone(), (a, of_b(&subject)?))))
            .collect()
    }

    async fn texts(&self) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
        let mut texts = BTreeMap::new();
        for (subject, (a, b)) in self.pairs().await {
            texts.insert(subject, (self.a.comments(a).await, self.b.comments(b).await));
        }
        texts
    }
}

pub async fn issues_are_whole_on_both_sides(a: &Redmine, b: &Redmine) {
    for n in 0..ISSUES {
        let issue =
            json!({"tracker_id": MAPPED, "subject": format!("issue {n}"), "description": "Text"});
        a.create(&issue).await;
    }
    let house = House::open();
    let (source, target) =
        (house.connect(a.connector("A")).await, house.connect(b.connector("B")).await);
    let all = json!({
        "direction": "bidirectional", "conflict_resolution": "source-priority",
        "options": {"sync_comments": true, "sync_links": true, "sync_attachments": true}
    });
    let config = house.configure_as(source, target, &[("Bug", "Bug")], all).await;
    let scene = Scene { a, b, house, config };
    scene.sync().await;
    assert_eq!(scene.pairs().await.len(), ISSUES);

    comments_follow_their_originals(&scene).await;
    links_wait_for_their_other_end(&scene).await;
    files_are_the_same_bytes(&scene).await;
    images_are_shown_on_both_sides(&scene).await;
    silence(&scene.house, config, a, b, IDLE_RUNS).await;
}

/// Each side says something on an issue of its own, says it otherwise later, and takes it back in the end.
async fn comments_follow_their_originals(scene: &Scene<'_>) {
    let pairs = scene.pairs().await;
    let ((a0, b0), (a1, b1)) = (pairs["issue 0"], pairs["issue 1"]);
    for text in ["said at A", "stays at A"] {
        scene.a.change(a0, &json!({"notes": text})).await;
    }
    for text in ["said at B", "stays at B"] {
        scene.b.change(b1, &json!({"notes": text})).await;
    }
    scene.sync().await;
    scene.sync().await;
    let shows = |texts: &[String], wanted: &[&str]| {
        assert_eq!(texts.len(), wanted.len(), "{texts:?}");
        for (text, wanted) in texts.iter().zip(wanted) {
            assert!(text.contains(wanted), "{text:?} holds {wanted:?}");
        }
    };
    let both = |texts: &(Vec<String>, Vec<String>), wanted: &[&str]| {
        shows(&texts.0, wanted);
        shows(&texts.1, wanted);
    };
    let texts = scene.texts().await;
    both(&texts["issue 0"], &["said at A", "stays at A"]);
    both(&texts["issue 1"], &["said at B", "stays at B"]);

    // Redmine's change time stands still when a comment is edited: the issue's next change tells of it.
    let first = |notes: Vec<crate::redmine::Note>| notes[0].id;
    let (at_a, at_b) = (first(scene.a.notes(a0).await), first(scene.b.notes(b1).await));
    scene.a.rewrite(at_a, "said otherwise at A").await;
    scene.a.change(a0, &json!({"done_ratio": 10})).await;
    scene.b.rewrite(at_b, "said otherwise at B").await;
    scene.b.change(b1, &json!({"done_ratio": 10})).await;
    scene.sync().await;
    let texts = scene.texts().await;
    both(&texts["issue 0"], &["said otherwise at A", "stays at A"]);
    both(&texts["issue 1"], &["said otherwise at B", "stays at B"]);

    scene.a.rewrite(at_a, "").await;
    scene.a.change(a0, &json!({"done_ratio": 20})).await;
    scene.b.rewrite(at_b, "").await;
    scene.b.change(b1, &json!({"done_ratio": 20})).await;
    scene.sync().await;
    let texts = scene.texts().await;
    both(&texts["issue 0"], &["stays at A"]);
    both(&texts["issue 1"], &["stays at B"]);
    let others =
        texts.iter().filter(|(subject, _)| !matches!(subject.as_str(), "issue 0" | "issue 1"));
    for (subject, (at_a, at_b)) in others {
        assert!(at_a.is_empty() && at_b.is_empty(), "nobody spoke on {subject}");
    }
    let _ = (b0, a1);
}

/// A link to an issue that takes no part yet is made when that one does, from whichever side it comes.
async fn links_wait_for_their_other_end(scene: &Scene<'_>) {
    let pairs = scene.pairs().await;
    let ((a2, b2), (a3, b3)) = (pairs["issue 2"], pairs["issue 3"]);
    let late = |name: &str| json!({"tracker_id": NOT_MAPPED, "subject": name, "description": ""});
    let late_a = scene.a.create(&late("late at A")).await;
    let late_b = scene.b.create(&late("late at B")).await;
    scene.a.relate(a2, "blocks", late_a).await;
    scene.b.relate(b3, "relates", late_b).await;
    // A link does not move the issue's change time.
    scene.a.change(a2, &json!({"done_ratio": 30})).await;
    scene.b.change(b3, &json!({"done_ratio": 30})).await;
    scene.sync().await;
    assert_eq!(scene.b.relations(b2).await, []);
    assert_eq!(scene.a.relations(a3).await, []);

    scene.a.change(late_a, &json!({"tracker_id": MAPPED})).await;
    scene.b.change(late_b, &json!({"tracker_id": MAPPED})).await;
    scene.sync().await;
    scene.sync().await;
    let pairs = scene.pairs().await;
    let (copy_a, copy_b) = (pairs["late at A"].1, pairs["late at B"].0);
    assert_eq!(scene.b.relations(b2).await, [(b2, "blocks".to_owned(), copy_a)]);
    let made = scene.a.relations(a3).await;
    assert_eq!(made.len(), 1, "{made:?}");
    let (from, word, to) = &made[0];
    assert_eq!((word.as_str(), from + to), ("relates", a3 + copy_b), "{made:?}");
    assert_eq!(scene.a.relations(a2).await.len(), 1);
    assert_eq!(scene.b.relations(b3).await.len(), 1);
}

/// Files of both sides, one of them of two megabytes, are the same bytes on the other.
async fn files_are_the_same_bytes(scene: &Scene<'_>) {
    let pairs = scene.pairs().await;
    let ((a4, b4), (a5, b5)) = (pairs["issue 4"], pairs["issue 5"]);
    let large: Vec<u8> =
        (0..2_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    scene.a.hang(a4, "large.bin", "application/octet-stream", &large).await;
    scene.a.hang(a4, "Notizen zur Straße.txt", "text/plain", "größer".as_bytes()).await;
    scene.b.hang(b5, "log.txt", "text/plain", b"what happened").await;
    scene.sync().await;
    scene.sync().await;
    let (at_a, at_b) = (scene.a.files(a4).await, scene.b.files(b4).await);
    assert_eq!(at_a.len(), 2);
    assert_eq!(at_a, at_b);
    assert_eq!(at_a[0], ("large.bin".to_owned(), sha256(&large)));
    let (at_a, at_b) = (scene.a.files(a5).await, scene.b.files(b5).await);
    assert_eq!(at_a, [("log.txt".to_owned(), sha256(b"what happened"))]);
    assert_eq!(at_a, at_b);
}

/// Images in texts and comments of both sides are the same bytes on the other, and every text names its own tracker's file.
async fn images_are_shown_on_both_sides(scene: &Scene<'_>) {
    let pairs = scene.pairs().await;
    let ((a6, b6), (a7, b7)) = (pairs["issue 6"], pairs["issue 7"]);
    let (shot, sketch) = (png(6), png(7));
    scene.a.hang(a6, "shot.png", "image/png", &shot).await;
    scene.a.change(a6, &json!({"description": "See !shot.png! there"})).await;
    scene.a.change(a6, &json!({"notes": "again: !shot.png!"})).await;
    scene.b.hang(b7, "skizze 1.png", "image/png", &sketch).await;
    scene.b.change(b7, &json!({"description": "Look:\n\n!skizze%201.png!"})).await;
    scene.b.change(b7, &json!({"notes": "once more\n\n!skizze%201.png!"})).await;
    scene.sync().await;
    scene.sync().await;
    assert_eq!(scene.b.description(b6).await, "See !shot.png! there");
    assert_eq!(scene.b.files(b6).await, [("shot.png".to_owned(), sha256(&shot))]);
    assert_eq!(scene.a.files(a6).await, [("shot.png".to_owned(), sha256(&shot))]);
    let again = scene.b.comments(b6).await;
    assert!(again.len() == 1 && again[0].ends_with("again: !shot.png!"), "{again:?}");

    assert_eq!(scene.a.description(a7).await, "Look:\n\n!skizze_1.png!");
    assert_eq!(scene.a.files(a7).await, [("skizze_1.png".to_owned(), sha256(&sketch))]);
    assert_eq!(scene.b.files(b7).await.len(), 1);
    let again = scene.a.comments(a7).await;
    assert!(again.len() == 1 && again[0].ends_with("!skizze_1.png!"), "{again:?}");

    // What a person writes around a moved image goes back with the name that it has there.
    scene.a.change(a7, &json!({"description": "Look here:\n\n!skizze_1.png!"})).await;
    scene.sync().await;
    assert_eq!(scene.b.description(b7).await, "Look here:\n\n!skizze%201.png!");
    assert_eq!((scene.a.files(a7).await.len(), scene.b.files(b7).await.len()), (1, 1));
}

/// A picture, as far as its first bytes tell.
pub fn png(number: u8) -> Vec<u8> {
    let start = b"\x89PNG\r\n\x1a\n".iter().copied();
    start
        .chain((0..5_000_u16).map(|n| number.wrapping_mul(31).wrapping_add(n.to_le_bytes()[0])))
        .collect()
}
