//! Images inside of texts: stored once on the other side, named there by every text, and never taken for an edit.

use std::time::Duration;

use serde_json::json;
use syncline_domain::ports::{ConnectorError, ErrorKind};
use syncline_domain::{ConfigId, Direction, Execution, FieldType, ItemId, Options};
use syncline_testkit::{EffectOp, FakeConnector, Method, Planned, Quirks, bug_tracker};

use crate::common::{FIELDS, World};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n first";
const OTHER: &[u8] = b"\x89PNG\r\n\x1a\n other";

fn all(options: &mut Options) {
    options.sync_comments = true;
    options.sync_attachments = true;
}

async fn both_ways(options: impl FnOnce(&mut Options)) -> (World, ConfigId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    world.tracker("b", 5_001).await;
    let config = world.join_fields(0, 1, FIELDS, |row| {
        row.direction = Direction::Bidirectional;
        all(&mut row.options);
        options(&mut row.options);
    });
    let config = config.await;
    (world, config)
}

/// From HTML to a tracker that names images in plain text as Textile does.
async fn with_textile() -> (World, ConfigId) {
    let mut world = World::new();
    world.tracker("a", 1).await;
    let mut schema = bug_tracker();
    for field in schema.types.iter_mut().flat_map(|kind| &mut kind.fields) {
        if field.reference == "description" {
            field.field_type = FieldType::String;
        }
    }
    let fake = FakeConnector::builder("b", schema)
        .clock(world.clock.clone())
        .first_id(5_001)
        .quirks(Quirks { textile_images: true, ..Quirks::default() })
        .capabilities(|can| can.comment_format = syncline_domain::TextFormat::Text)
        .build();
    world.register("b", fake).await;
    let config = world.join_fields(0, 1, FIELDS, |row| {
        row.direction = Direction::Bidirectional;
        all(&mut row.options);
    });
    let config = config.await;
    (world, config)
}

fn pass_time(world: &World) {
    world.clock.advance(Duration::from_secs(60));
}

async fn run(world: &World, config: ConfigId) -> Execution {
    pass_time(world);
    world.run(config).await
}

/// Somebody makes a bug with an image in its text; its id, and the image's address.
fn pictured(world: &World, at: usize, name: &str, bytes: &[u8]) -> (ItemId, String) {
    pass_time(world);
    let fake = world.fake(at);
    let id = fake.create_as("ada", "bug", json!({"title": "One"}));
    let address = picture(world, at, &id, name, bytes);
    fake.edit_as("ada", &id, json!({"description": html(&address)}));
    (id, address)
}

fn picture(world: &World, at: usize, id: &ItemId, name: &str, bytes: &[u8]) -> String {
    let file = world.fake(at).attach_as("ada", id, name, bytes);
    format!("https://{}.test/files/{file}", ["a", "b"][at])
}

fn html(address: &str) -> String {
    format!("<p>See</p><p><img width=\"30\" src=\"{address}\"></p>")
}

fn text(world: &World, at: usize, id: &ItemId) -> String {
    let item = world.fake(at).item(id).unwrap();
    item.fields[&"description".into()].as_str().unwrap().to_owned()
}

fn our(world: &World, op: EffectOp) -> usize {
    let of_one = |at| world.fake(at).own_effects().iter().filter(|one| one.op == op).count();
    of_one(0) + of_one(1)
}

fn written(world: &World) -> usize {
    world.fake(0).own_effects().len() + world.fake(1).own_effects().len()
}

/// Runs that write nothing.
async fn silence(world: &World, config: ConfigId) {
    let before = written(world);
    for _ in 0..10 {
        let quiet = run(world, config).await;
        assert_eq!(quiet.totals.synced(), 0, "{:?}", quiet.totals);
    }
    assert_eq!(written(world), before, "ten idle runs write nothing");
}

async fn told(world: &World, run: &Execution) -> String {
    world.outcomes(run).await[0].rule.clone().unwrap_or_default()
}

#[tokio::test]
async fn an_image_is_stored_once_and_the_copy_names_it() {
    let (world, config) = both_ways(|_| {}).await;
    let (id, address) = pictured(&world, 0, "shot.png", PNG);
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    assert_eq!(world.fake(1).files_of(&copy), [("shot.png".to_owned(), PNG.to_vec())]);
    let shown = text(&world, 1, &copy);
    assert!(shown.contains("https://b.test/files/") && shown.contains("width=\"30\""), "{shown}");
    assert_eq!(text(&world, 0, &id), html(&address), "the original stays as it was");
    silence(&world, config).await;

    // What somebody writes around it travels back, with the first address.
    world.fake(1).edit_as("bob", &copy, json!({"description": format!("{shown}<p>More</p>")}));
    run(&world, config).await;
    assert_eq!(text(&world, 0, &id), format!("{}<p>More</p>", html(&address)));
    assert_eq!(our(&world, EffectOp::Attach), 1);
    silence(&world, config).await;

    // An image that is added is stored beside it, and one of the same name is told apart.
    let second = picture(&world, 0, &id, "shot.png", OTHER);
    pass_time(&world);
    world.fake(0).edit_as("ada", &id, json!({"description": html(&address) + &html(&second)}));
    run(&world, config).await;
    let files = world.fake(1).files_of(&copy);
    assert_eq!(files.len(), 2);
    assert_eq!(files[1].1, OTHER);
    assert_ne!(files[0].0, files[1].0);
    assert!(!text(&world, 1, &copy).contains("https://a.test"), "{}", text(&world, 1, &copy));
    silence(&world, config).await;
}

#[tokio::test]
async fn an_image_of_the_target_travels_to_the_source() {
    let (world, config) = both_ways(|_| {}).await;
    let (id, _) = pictured(&world, 0, "shot.png", PNG);
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    let new = picture(&world, 1, &copy, "new.png", OTHER);
    let shown = text(&world, 1, &copy);
    pass_time(&world);
    world.fake(1).edit_as(
        "bob",
        &copy,
        json!({"description": format!("{shown}<img src='{new}'>")}),
    );
    run(&world, config).await;
    let at_source = text(&world, 0, &id);
    assert_eq!(at_source.matches("https://a.test/files/").count(), 2, "{at_source}");
    assert!(!at_source.contains("https://b.test"), "{at_source}");
    assert_eq!(world.fake(0).files_of(&id).len(), 2);
    assert_eq!(our(&world, EffectOp::Attach), 2);
    silence(&world, config).await;
}

#[tokio::test]
async fn images_outlive_a_tracker_of_plain_text() {
    let (world, config) = with_textile().await;
    let (id, address) = pictured(&world, 0, "shot.png", PNG);
    world.fake(0).comment_as("ada", &id, &format!("<p>and <img src=\"{address}\"></p>"));
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    assert_eq!(text(&world, 1, &copy), "See\n\n!shot.png!".replace("\n\n", "\n"));
    let comments = world.fake(1).comments_of(&copy);
    assert!(comments[0].body.ends_with("and !shot.png!"), "{comments:?}");
    silence(&world, config).await;

    let new = "detail.png";
    world.fake(1).attach_as("bob", &copy, new, OTHER);
    pass_time(&world);
    world.fake(1).edit_as(
        "bob",
        &copy,
        json!({"description": "See\n!shot.png!\nand !detail.png!"}),
    );
    run(&world, config).await;
    let at_source = text(&world, 0, &id);
    assert!(at_source.contains(&format!("<img src=\"{address}\">")), "{at_source}");
    assert_eq!(at_source.matches("<img src=\"https://a.test/files/").count(), 2, "{at_source}");
    assert_eq!(our(&world, EffectOp::Attach), 2);
    silence(&world, config).await;
}

#[tokio::test]
async fn comments_show_their_images_on_both_sides() {
    let (world, config) = both_ways(|_| {}).await;
    let (id, address) = pictured(&world, 0, "shot.png", PNG);
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    pass_time(&world);
    world.fake(0).comment_as("ada", &id, &format!("again <img src=\"{address}\">"));
    let other = picture(&world, 1, &copy, "other.png", OTHER);
    world.fake(1).comment_as("bob", &copy, &format!("rather <img src=\"{other}\">"));
    run(&world, config).await;
    let bodies = |at: usize, id: &ItemId| -> Vec<String> {
        world.fake(at).comments_of(id).into_iter().map(|one| one.body).collect()
    };
    let (at_source, at_target) = (bodies(0, &id), bodies(1, &copy));
    assert_eq!((at_source.len(), at_target.len()), (2, 2));
    assert!(at_source.iter().all(|body| body.contains("\"https://a.test/files/")), "{at_source:?}");
    assert!(at_target.iter().all(|body| body.contains("\"https://b.test/files/")), "{at_target:?}");
    assert_eq!(our(&world, EffectOp::Attach), 2, "one each, whoever shows it");
    assert_eq!(world.fake(0).files_of(&id).len(), 2);
    assert_eq!(world.fake(1).files_of(&copy).len(), 2);
    silence(&world, config).await;
}

#[tokio::test]
async fn a_sign_in_page_is_no_image() {
    let (world, config) = both_ways(|options| options.sync_comments = false).await;
    let (id, address) = pictured(&world, 0, "shot.png", b"<!DOCTYPE html><title>Sign in</title>");
    let first = run(&world, config).await;
    assert_eq!((first.totals.created, first.totals.failed), (1, 0));
    let told = told(&world, &first).await;
    assert!(told.contains("shot.png") && told.contains("no image"), "{told}");
    let copy = world.copy_of(config, &id).await;
    assert_eq!(text(&world, 1, &copy), html(&address), "it keeps its address");
    silence(&world, config).await;
}

#[tokio::test]
async fn an_image_that_is_too_large_is_told_on_the_row() {
    let (world, config) = both_ways(|options| options.attachments_max_bytes = 4).await;
    let (id, address) = pictured(&world, 0, "shot.png", PNG);
    let first = run(&world, config).await;
    assert!(told(&world, &first).await.contains("larger than 4 bytes"));
    let copy = world.copy_of(config, &id).await;
    assert_eq!(text(&world, 1, &copy), html(&address));
}

#[tokio::test]
async fn images_of_other_hosts_are_never_asked_for() {
    let (world, config) = both_ways(|_| {}).await;
    pass_time(&world);
    let foreign = html("https://cdn.example.org/a.png");
    let id = world.fake(0).create_as("ada", "bug", json!({"title": "One", "description": foreign}));
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    assert_eq!(text(&world, 1, &copy), foreign);
    assert_eq!(world.fake(0).count(Method::Download) + world.fake(1).count(Method::Attach), 0);
    silence(&world, config).await;
}

#[tokio::test]
async fn lost_answers_leave_one_image_and_the_right_text() {
    for lost_call in [Method::Attach, Method::Apply] {
        let (world, config) = both_ways(|_| {}).await;
        let (id, _) = pictured(&world, 0, "shot.png", PNG);
        let lost = ConnectorError::new(ErrorKind::Ambiguous, "the answer was lost");
        // The first write makes the copy, the second names the image.
        let nth = if lost_call == Method::Apply { 2 } else { 1 };
        world.fake(1).plan(lost_call, nth, Planned::After(lost));
        let first = run(&world, config).await;
        assert_eq!(first.totals.failed, 1, "{lost_call:?} {:?}", first.totals);
        world.clock.advance(Duration::from_secs(3_600));
        run(&world, config).await;
        let copy = world.copy_of(config, &id).await;
        assert_eq!(world.fake(1).files_of(&copy).len(), 1, "{lost_call:?}");
        assert!(text(&world, 1, &copy).contains("https://b.test/files/"), "{lost_call:?}");
        silence(&world, config).await;
    }
}

#[tokio::test]
async fn an_image_that_was_carried_as_a_file_is_not_carried_again() {
    let (world, config) = both_ways(|options| options.sync_inline_images = false).await;
    let (id, address) = pictured(&world, 0, "shot.png", PNG);
    run(&world, config).await;
    let copy = world.copy_of(config, &id).await;
    assert_eq!(text(&world, 1, &copy), html(&address), "switched off, it keeps its address");
    world.change_config(config, |row| row.options.sync_inline_images = true).await;
    world.fake(0).edit_as("ada", &id, json!({"progress": 10}));
    run(&world, config).await;
    assert_eq!(our(&world, EffectOp::Attach), 1, "the file that is there is named");
    assert_eq!(world.fake(1).files_of(&copy).len(), 1);
    assert!(text(&world, 1, &copy).contains("https://b.test/files/"));
    silence(&world, config).await;
    // Switched off again, what was moved is no edit of anybody.
    world.change_config(config, |row| row.options.sync_inline_images = false).await;
    world.fake(1).edit_as("bob", &copy, json!({"progress": 20}));
    run(&world, config).await;
    assert_eq!(text(&world, 0, &id), html(&address));
    silence(&world, config).await;
}
