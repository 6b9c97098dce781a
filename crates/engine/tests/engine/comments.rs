//! Comments in both directions: new, edited and deleted; never twice and never back.

use std::time::Duration;

use crate::common::{FIELDS, World};
use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{CommentId, ConfigId, Direction, ItemId};
use syncline_testkit::{EffectOp, FakeConnector, Method, Planned};

/// Two trackers in step with one item, whose comments travel both ways.
struct Talk {
    world: World,
    config: ConfigId,
    items: [ItemId; 2],
}

impl Talk {
    async fn begin() -> Self {
        let mut world = World::new();
        world.tracker("a", 1).await;
        world.tracker("b", 5_001).await;
        let config = world.join_fields(0, 1, FIELDS, |row| {
            row.direction = Direction::Bidirectional;
            row.options.sync_comments = true;
        });
        let config = config.await;
        let id = world.fake(0).create_as("ada", "bug", json!({"title": "One"}));
        world.run(config).await;
        let copy = world.copy_of(config, &id).await;
        Self { world, config, items: [id, copy] }
    }

    fn say(&self, at: usize, text: &str) -> CommentId {
        self.pass(5);
        self.world.fake(at).comment_as("ada", &self.items[at], text)
    }

    fn pass(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    fn texts(&self, at: usize) -> Vec<String> {
        let comments = self.world.fake(at).comments_of(&self.items[at]);
        comments.into_iter().map(|comment| comment.body).collect()
    }

    async fn run(&self) {
        self.pass(60);
        self.world.run(self.config).await;
    }

    /// What we did to comments since the last call.
    fn our_effects(&self) -> usize {
        let about = [EffectOp::Comment, EffectOp::EditComment, EffectOp::DeleteComment];
        let of_one = |at| {
            let fake = self.world.fake(at);
            let count = fake.own_effects().iter().filter(|one| about.contains(&one.op)).count();
            fake.clear_logs();
            count
        };
        of_one(0) + of_one(1)
    }
}

#[tokio::test]
async fn comments_of_both_sides_are_copied_edited_and_deleted() {
    let talk = Talk::begin().await;
    let sides = [0, 1];
    let said = sides.map(|at| talk.say(at, &format!("first on {at}")));
    let gone = sides.map(|at| talk.say(at, &format!("second on {at}")));
    talk.run().await;
    assert!(sides.iter().all(|at| talk.texts(*at).len() == 4));
    assert_eq!(talk.our_effects(), 4);
    talk.pass(5);
    for at in sides {
        let fake = talk.world.fake(at);
        fake.edit_comment_as("ada", &talk.items[at], &said[at], &format!("third on {at}"));
        fake.delete_comment_as("ada", &talk.items[at], &gone[at]);
    }
    talk.run().await;
    assert_eq!(talk.our_effects(), 4);
    for at in sides {
        let texts = talk.texts(at);
        assert_eq!(texts.len(), 2, "{texts:?}");
        for other in sides {
            assert!(
                texts.iter().any(|text| text.contains(&format!("third on {other}"))),
                "{texts:?}"
            );
        }
    }
    let header = talk.texts(1).into_iter().find(|text| text.contains("third on 0")).unwrap();
    assert!(header.contains("<b>ada</b>"), "{header}");
    for _ in 0..10 {
        talk.run().await;
    }
    assert_eq!(talk.our_effects(), 0);
}

#[tokio::test]
async fn what_becomes_of_a_copy_is_left_alone() {
    let talk = Talk::begin().await;
    talk.say(0, "the original");
    talk.run().await;
    let copy = talk.world.fake(1).comments_of(&talk.items[1])[0].id.clone();
    talk.pass(5);
    talk.world.fake(1).edit_comment_as("bob", &talk.items[1], &copy, "bob was here");
    talk.run().await;
    assert_eq!(
        (talk.texts(0), talk.texts(1)),
        (vec!["the original".into()], vec!["bob was here".into()])
    );
    talk.world.fake(1).delete_comment_as("bob", &talk.items[1], &copy);
    talk.run().await;
    assert_eq!((talk.texts(0).len(), talk.texts(1).len()), (1, 0), "it is not made again");
    talk.pass(5);
    let original = talk.world.fake(0).comments_of(&talk.items[0])[0].id.clone();
    talk.world.fake(0).edit_comment_as("ada", &talk.items[0], &original, "changed");
    talk.run().await;
    assert_eq!(talk.texts(1).len(), 0);
}

#[tokio::test]
async fn comments_that_vanish_all_at_once_are_no_deletions() {
    let talk = Talk::begin().await;
    let said = [talk.say(0, "one"), talk.say(0, "two")];
    talk.run().await;
    talk.pass(5);
    for comment in &said {
        talk.world.fake(0).delete_comment_as("ada", &talk.items[0], comment);
    }
    talk.run().await;
    assert_eq!(talk.texts(1).len(), 2, "a lost permission looks the same");
}

#[tokio::test]
async fn a_comment_that_becomes_private_is_taken_back_where_everybody_would_read_it() {
    let talk = Talk::begin().await;
    talk.world.fake(1).set_capabilities(|can| can.private_comments = false);
    let said = talk.say(0, "for your eyes only");
    talk.say(0, "for all");
    talk.run().await;
    assert_eq!(talk.texts(1).len(), 2);
    talk.pass(5);
    talk.world.fake(0).hide_comment_as("ada", &talk.items[0], &said);
    talk.run().await;
    assert_eq!(talk.texts(1).len(), 1);
    assert!(talk.texts(1)[0].contains("for all"));
}

#[tokio::test]
async fn an_edit_that_failed_or_had_no_answer_is_made_by_the_next_try() {
    for lost in [false, true] {
        let talk = Talk::begin().await;
        let said = talk.say(0, "before");
        talk.run().await;
        talk.pass(5);
        talk.world.fake(0).edit_comment_as("ada", &talk.items[0], &said, "after");
        let trouble = match lost {
            true => Planned::After(ConnectorError::new(ErrorKind::Ambiguous, "lost")),
            false => Planned::Before(ConnectorError::new(ErrorKind::Invalid, "not now")),
        };
        talk.world.fake(1).plan(Method::EditComment, 1, trouble);
        talk.run().await;
        talk.pass(3_600);
        talk.run().await;
        assert_eq!(talk.texts(1).len(), 1);
        assert!(talk.texts(1)[0].contains("after"), "lost: {lost}");
    }
}

#[tokio::test]
async fn where_comments_cannot_be_deleted_the_copy_says_so() {
    let talk = Talk::begin().await;
    talk.world.fake(1).set_capabilities(|can| can.comment_delete = false);
    let said = talk.say(0, "a mistake");
    talk.say(0, "stays");
    talk.run().await;
    talk.pass(5);
    talk.world.fake(0).delete_comment_as("ada", &talk.items[0], &said);
    talk.run().await;
    let texts = talk.texts(1);
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("was deleted") && !texts[0].contains("a mistake"), "{texts:?}");
}

/// What a side shows of a comment without an answer is ours, and nobody's remark to be copied back.
#[tokio::test]
async fn a_comment_without_an_answer_is_left_alone_for_the_rest_of_the_run() {
    let talk = Talk::begin().await;
    talk.say(0, "once");
    let source = talk.world.fake(0);
    let (clock, item) = (talk.world.clock.clone(), talk.items[0].clone());
    let edit = move |_: &FakeConnector| {
        clock.advance(Duration::from_secs(5));
        source.edit_as("ada", &item, json!({"progress": 60}));
    };
    talk.world.fake(1).plan(Method::AddComment, 1, Planned::Meanwhile(Box::new(edit)));
    let lost = ConnectorError::new(ErrorKind::Ambiguous, "the answer was lost");
    talk.world.fake(1).plan(Method::AddComment, 1, Planned::After(lost));
    for _ in 0..4 {
        talk.run().await;
    }
    assert_eq!((talk.texts(0).len(), talk.texts(1).len()), (1, 1));
}
