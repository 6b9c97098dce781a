//! Whole bugs between a sandbox Azure DevOps and a real Redmine, two ways, by webhooks of both sides. Everything is read
//! back through the trackers' own interfaces.

use reqwest::{Method, RequestBuilder};
use serde_json::{Map, Value, json};
use syncline_sandbox::{Edit, ItemId};

use crate::hooked::Scene;
use crate::redmine::{Redmine, sha256};
use crate::whole::png;

const BUGS: u64 = 8;
const IDLE_RUNS: usize = 10;
/// Numbers of Redmine's trackers: the mapped one, and another.
const MAPPED: u64 = 1;
const NOT_MAPPED: u64 = 2;

/// Azure DevOps by its REST API, past our connector.
struct Azure<'a> {
    scene: &'a Scene,
    http: reqwest::Client,
}

impl<'a> Azure<'a> {
    fn request(&self, method: Method, path: &str, version: &str) -> RequestBuilder {
        let azure = &self.scene.azure;
        let url = format!("{}/{}/_apis/wit/{path}", azure.base_url(), azure.endpoint());
        self.signed(self.http.request(method, url)).query(&[("api-version", version)])
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth("", Some(&self.scene.azure.credentials()["token"]))
    }

    async fn bytes(&self, request: RequestBuilder) -> Vec<u8> {
        let reply = request.send().await.unwrap();
        let (status, url) = (reply.status(), reply.url().clone());
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        let bytes = reply.bytes().await.unwrap();
        assert!(status.is_success(), "{url}: {status} {}", String::from_utf8_lossy(&bytes));
        bytes.to_vec()
    }

    async fn json(&self, request: RequestBuilder) -> Value {
        serde_json::from_slice(&self.bytes(request).await).unwrap_or(Value::Null)
    }

    /// Ids and texts of a bug's comments, oldest first.
    async fn comments(&self, bug: &str) -> Vec<(u64, String)> {
        let path = format!("workItems/{bug}/comments");
        let page = self.json(self.request(Method::GET, &path, "7.1-preview.4")).await;
        let mut comments: Vec<(u64, String)> = page["comments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["id"].as_u64().unwrap(), row["text"].as_str().unwrap().to_owned()))
            .collect();
        comments.sort();
        comments
    }

    /// A person comments, and Azure DevOps tells.
    async fn say(&self, bug: &str, text: &str) {
        let item_id = Some(ItemId::Text(bug.to_owned()));
        let comment = Some(text.to_owned());
        self.scene.azure.edit(&Edit { item_id, comment, ..Edit::default() }).unwrap();
        self.scene.tell("commented", bug).await;
    }

    /// Somebody edits a comment, or removes it.
    async fn resay(&self, bug: &str, comment: u64, text: Option<&str>) {
        let path = format!("workItems/{bug}/comments/{comment}");
        let method = if text.is_some() { Method::PATCH } else { Method::DELETE };
        let request = self.request(method, &path, "7.1-preview.4");
        self.bytes(match text {
            Some(text) => request.json(&json!({"text": text})),
            None => request,
        })
        .await;
        self.scene.tell("updated", bug).await;
    }

    /// A person writes a text, and Azure DevOps tells.
    async fn describe(&self, bug: &str, html: &str) {
        let mut fields = Map::new();
        fields.insert("System.Description".to_owned(), json!(html));
        let item_id = Some(ItemId::Text(bug.to_owned()));
        self.scene.azure.edit(&Edit { item_id, fields, ..Edit::default() }).unwrap();
        self.scene.tell("updated", bug).await;
    }

    async fn item(&self, bug: &str) -> Value {
        let request = self.request(Method::GET, &format!("workitems/{bug}"), "7.1");
        self.json(request.query(&[("$expand", "all")])).await
    }

    async fn description(&self, bug: &str) -> String {
        let item = self.item(bug).await;
        item["fields"]["System.Description"].as_str().unwrap_or_default().to_owned()
    }

    /// The relations of a bug: word and address.
    async fn relations(&self, bug: &str) -> Vec<(String, String)> {
        let item = self.item(bug).await;
        let rows = item["relations"].as_array().cloned().unwrap_or_default();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(row, "rel"), text(row, "url"))).collect()
    }

    /// Puts a relation onto a bug.
    async fn relate(&self, bug: &str, word: &str, url: &str) {
        let value = json!({"rel": word, "url": url, "attributes": {"name": "log.txt"}});
        let ops = json!([{"op": "add", "path": "/relations/-", "value": value}]);
        let request = self.request(Method::PATCH, &format!("workitems/{bug}"), "7.1");
        let request = request.header("Content-Type", "application/json-patch+json");
        self.bytes(request.body(ops.to_string())).await;
        self.scene.tell("updated", bug).await;
    }

    fn item_url(&self, bug: &str) -> String {
        format!("{}/_apis/wit/workItems/{bug}", self.scene.azure.base_url())
    }

    /// Stores a file; its address.
    async fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let request = self.request(Method::POST, "attachments", "7.1").query(&[("fileName", name)]);
        let request = request.header("Content-Type", "application/octet-stream");
        let stored = self.json(request.body(bytes.to_vec())).await;
        stored["url"].as_str().unwrap().to_owned()
    }

    /// The SHA-256 of what is at an address.
    async fn hash(&self, url: &str) -> String {
        sha256(&self.bytes(self.signed(self.http.get(url))).await)
    }
}

/// The addresses of the images in some HTML.
fn images(html: &str) -> Vec<String> {
    let sources = html.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next());
    sources.map(|source| source.replace("&amp;", "&")).collect()
}

pub async fn bugs_are_whole_on_both_sides(redmine: Redmine) {
    let options = json!({"sync_comments": true, "sync_links": true, "sync_attachments": true});
    let scene = Scene::with_options(redmine, BUGS, options).await;
    let azure = Azure { scene: &scene, http: reqwest::Client::new() };
    let pairs: Vec<(String, u64)> = scene.pairs().await.into_iter().collect();
    comments_follow_their_originals(&scene, &azure, &pairs).await;
    links_wait_for_their_other_end(&scene, &azure, &pairs).await;
    files_and_images_are_the_same_bytes(&scene, &azure, &pairs).await;
    let requests = scene.silence(IDLE_RUNS).await;
    println!(
        "Azure DevOps and Redmine by webhooks: comments, links, files and images of both sides; {IDLE_RUNS} idle runs: \
         0 writes, {requests:.1} requests a run on both sides"
    );
}

/// How many texts hold this.
fn count<'a>(texts: impl IntoIterator<Item = &'a String>, part: &str) -> usize {
    texts.into_iter().filter(|text| text.contains(part)).count()
}

/// A comment at Azure DevOps and one at Redmine are made, edited and removed; after each step both sides hold this many of
/// each text.
async fn comments_follow_their_originals(
    scene: &Scene,
    azure: &Azure<'_>,
    pairs: &[(String, u64)],
) {
    let ((bug, its_issue), (its_bug, issue)) = (&pairs[0], &pairs[1]);
    azure.say(bug, "<p>said <b>at Azure</b> &amp; kept</p>").await;
    scene.redmine.change(*issue, &json!({"notes": "said at Redmine, 1 < 2"})).await;
    scene.idle().await;
    let at_issue = || scene.redmine.comments(*its_issue);
    let at_bug = || async {
        azure.comments(its_bug).await.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    // Redmine shows no HTML: what it is given is plain text.
    assert_eq!(count(&at_issue().await, "said at Azure & kept"), 1, "{:?}", at_issue().await);
    assert_eq!(count(&at_bug().await, "said at Redmine, 1 &lt; 2"), 1, "{:?}", at_bug().await);

    let own = azure.comments(bug).await.into_iter().find(|(_, text)| text.contains("at Azure"));
    let note =
        scene.redmine.notes(*issue).await.into_iter().find(|note| note.text.contains("said at"));
    let (own, note) = (own.unwrap().0, note.unwrap().id);
    azure.resay(bug, own, Some("<p>put otherwise</p>")).await;
    scene.redmine.rewrite(note, "put otherwise").await;
    scene.redmine.change(*issue, &json!({"done_ratio": 10})).await;
    scene.idle().await;
    for texts in [at_issue().await, at_bug().await] {
        assert_eq!((count(&texts, "put otherwise"), count(&texts, "said at")), (1, 0), "{texts:?}");
    }

    azure.say(bug, "this one stays").await;
    scene.redmine.change(*issue, &json!({"notes": "this one stays"})).await;
    azure.resay(bug, own, None).await;
    scene.redmine.rewrite(note, "").await;
    scene.redmine.change(*issue, &json!({"done_ratio": 20})).await;
    scene.idle().await;
    for texts in [at_issue().await, at_bug().await] {
        assert_eq!((count(&texts, "put otherwise"), count(&texts, "stays")), (0, 1), "{texts:?}");
    }
}

/// A link to an item that nobody has told of yet, or that takes no part yet, is made when it does.
async fn links_wait_for_their_other_end(scene: &Scene, azure: &Azure<'_>, pairs: &[(String, u64)]) {
    let ((bug, its_issue), (its_bug, issue)) = (&pairs[2], &pairs[3]);
    let mut fields = Map::new();
    fields.insert("System.Title".to_owned(), json!("a late bug"));
    let item_type = Some("Bug".to_owned());
    let late = scene.azure.edit(&Edit { item_type, fields, ..Edit::default() }).unwrap().item_id;
    azure.relate(bug, "System.LinkTypes.Related", &azure.item_url(&late)).await;
    let feature = json!({"tracker_id": NOT_MAPPED, "subject": "a late issue", "description": ""});
    let late_issue = scene.redmine.create(&feature).await;
    scene.redmine.relate(*issue, "precedes", late_issue).await;
    scene.redmine.change(*issue, &json!({"done_ratio": 30})).await;
    scene.idle().await;

    scene.tell("created", &late).await;
    scene.redmine.change(late_issue, &json!({"tracker_id": MAPPED})).await;
    scene.idle().await;
    scene.sync().await;
    let pairs = scene.pairs().await;
    let late_copy = pairs[&late];
    let made = scene.redmine.relations(*its_issue).await;
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0].1, "relates");
    assert!([made[0].0, made[0].2].contains(&late_copy), "{made:?} names {late_copy}");
    let (late_bug, _) = pairs.iter().find(|(_, issue)| **issue == late_issue).unwrap();
    let made = azure.relations(its_bug).await;
    assert_eq!(
        made,
        [("System.LinkTypes.Dependency-Forward".to_owned(), azure.item_url(late_bug))]
    );
}

/// A file and images in texts and comments of both sides have the same bytes on the other.
async fn files_and_images_are_the_same_bytes(
    scene: &Scene,
    azure: &Azure<'_>,
    pairs: &[(String, u64)],
) {
    let ((bug, its_issue), (its_bug, issue)) = (&pairs[4], &pairs[5]);
    let (shot, sketch) = (png(4), png(5));
    let address = azure.upload("my shot.png", &shot).await;
    let log = azure.upload("log.txt", b"what happened").await;
    azure.relate(bug, "AttachedFile", &log).await;
    azure.describe(bug, &format!("<p>See</p><p><img src=\"{address}\"></p>")).await;
    azure.say(bug, &format!("<p>and here <img src=\"{address}\"></p>")).await;
    scene.redmine.hang(*issue, "sketch.png", "image/png", &sketch).await;
    scene.redmine.change(*issue, &json!({"description": "Look\n\n!sketch.png!"})).await;
    scene.redmine.change(*issue, &json!({"notes": "once more !sketch.png!"})).await;
    scene.redmine.hang(*issue, "trace.txt", "text/plain", b"a trace").await;
    scene.idle().await;
    scene.sync().await;

    let mut files = scene.redmine.files(*its_issue).await;
    files.sort();
    let wanted = [("log.txt", sha256(b"what happened")), ("my_shot.png", sha256(&shot))];
    assert_eq!(files, wanted.map(|(name, hash)| (name.to_owned(), hash)));
    assert_eq!(scene.redmine.description(*its_issue).await, "See\n!my_shot.png!");
    let comments = scene.redmine.comments(*its_issue).await;
    assert_eq!(count(&comments, "and here !my_shot.png!"), 1, "{comments:?}");

    let text = azure.description(its_bug).await;
    let shown = images(&text);
    assert_eq!(shown.len(), 1, "{text}");
    assert_eq!(azure.hash(&shown[0]).await, sha256(&sketch));
    let comments = azure.comments(its_bug).await;
    let texts: Vec<&String> = comments.iter().map(|(_, text)| text).collect();
    let with_image = texts.iter().find(|text| text.contains("once more")).unwrap();
    assert_eq!(images(with_image), shown, "the comment shows the same file");
    let files: Vec<String> = azure
        .relations(its_bug)
        .await
        .into_iter()
        .filter_map(|(word, url)| (word == "AttachedFile").then_some(url))
        .collect();
    assert_eq!(files.len(), 1, "the image is no second file: {files:?}");
    assert_eq!(azure.hash(&files[0]).await, sha256(b"a trace"));

    // What a person writes around a moved image goes back to the first address.
    scene.redmine.change(*its_issue, &json!({"description": "See here\n!my_shot.png!"})).await;
    scene.idle().await;
    let text = azure.description(bug).await;
    assert!(text.contains("See here"), "{text}");
    assert_eq!(images(&text), [address], "{text}");
    assert_eq!(scene.redmine.files(*its_issue).await.len(), 2);
}
