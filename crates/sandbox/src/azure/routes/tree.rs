//! Area and iteration trees.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Cx, one};
use crate::azure::errors::{Answer, ApiError, bad_value, no_route};
use crate::azure::model::Node;
use crate::azure::store::Store;
use crate::shared::http::Reply;
use crate::shared::json::put;
use crate::shared::text::guid;

/// Which of the two trees.
#[derive(Clone, Copy)]
enum Tree {
    Area,
    Iteration,
}

impl Tree {
    fn read(group: &str) -> Answer<Self> {
        match group.to_ascii_lowercase().as_str() {
            "areas" => Ok(Self::Area),
            "iterations" => Ok(Self::Iteration),
            _ => Err(no_route()),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Area => "area",
            Self::Iteration => "iteration",
        }
    }

    fn nodes(self, store: &Store) -> &[Node] {
        match self {
            Self::Area => &store.areas,
            Self::Iteration => &store.iterations,
        }
    }
}

pub(crate) fn read(cx: &Cx<'_>, store: &Store, path: &[&str]) -> Answer<Reply> {
    if !cx.in_project {
        return Err(bad_value("Classification nodes are only served under a project."));
    }
    let depth = cx.request.number("$depth").unwrap_or(0);
    if let Some(ids) = cx.request.query("ids") {
        let mut found = Vec::new();
        for tree in [Tree::Area, Tree::Iteration] {
            let wanted = tree
                .nodes(store)
                .iter()
                .filter(|node| ids.split(',').any(|id| id.trim() == node.id.to_string()));
            found.extend(wanted.map(|node| shown(cx, store, tree, node, depth)));
        }
        return Ok(super::list(found));
    }
    match path {
        [] => {
            let roots = [Tree::Area, Tree::Iteration].into_iter();
            let root = |tree: Tree| {
                tree.nodes(store).first().map(|node| shown(cx, store, tree, node, depth))
            };
            Ok(super::list(roots.filter_map(root).collect()))
        }
        [group, rest @ ..] => {
            let tree = Tree::read(group)?;
            let wanted = full_path(cx, rest).to_lowercase();
            let node = tree.nodes(store).iter().find(|node| node.path.to_lowercase() == wanted);
            one(&shown(cx, store, tree, node.ok_or_else(|| missing(&wanted))?, depth))
        }
    }
}

fn full_path(cx: &Cx<'_>, rest: &[&str]) -> String {
    let mut parts = vec![cx.site.options.project.as_str()];
    parts.extend(
        rest.iter().flat_map(|part| part.split(['/', '\\'])).filter(|part| !part.is_empty()),
    );
    parts.join("\\")
}

fn missing(path: &str) -> ApiError {
    ApiError::new(
        404,
        "ClassificationNodeNotFoundException",
        format!("VS402485: The node {path} does not exist."),
    )
}

fn shown(cx: &Cx<'_>, store: &Store, tree: Tree, node: &Node, depth: usize) -> Value {
    let prefix = format!("{}\\", node.path);
    let is_child = |other: &&Node| {
        other.path.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.contains('\\'))
    };
    let children: Vec<&Node> = tree.nodes(store).iter().filter(is_child).collect();
    let (root, rest) = node.path.split_once('\\').unwrap_or((&node.path, ""));
    let kind = if matches!(tree, Tree::Area) { "Area" } else { "Iteration" };
    let shown_path = if rest.is_empty() {
        format!("\\{root}\\{kind}")
    } else {
        format!("\\{root}\\{kind}\\{rest}")
    };
    let mut out = json!({
        "id": node.id,
        "identifier": guid(&format!("{} {}", tree.word(), node.path)),
        "name": node.path.rsplit('\\').next().unwrap_or(""),
        "structureType": tree.word(),
        "hasChildren": !children.is_empty(),
        "path": shown_path,
        "url": format!("{}/{}/_apis/wit/classificationNodes/{kind}s/{}", cx.site.collection, cx.site.project_guid(), rest.replace('\\', "/")),
    });
    if !node.attributes.is_empty() {
        put(&mut out, "attributes", Value::Object(node.attributes.clone()));
    }
    if depth > 0 && !children.is_empty() {
        put(
            &mut out,
            "children",
            children.into_iter().map(|child| shown(cx, store, tree, child, depth - 1)).collect(),
        );
    }
    out
}

/// Creates a node under an existing one; the body names it.
pub(crate) fn create(cx: &Cx<'_>, store: &mut Store, group: &str, path: &[&str]) -> Answer<Reply> {
    let tree = Tree::read(group)?;
    let body = cx.request.json().map_err(|e| bad_value(format!("The body is no JSON: {e}.")))?;
    let name = body
        .get("name")
        .and_then(Value::as_str)
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.contains('\\'));
    let name = name.ok_or_else(|| bad_value("The node needs a name without a backslash."))?;
    let parent = full_path(cx, path);
    if !tree.nodes(store).iter().any(|node| node.path.eq_ignore_ascii_case(&parent)) {
        return Err(missing(&parent));
    }
    let full = format!("{parent}\\{name}");
    if tree.nodes(store).iter().any(|node| node.path.eq_ignore_ascii_case(&full)) {
        return Err(ApiError::new(
            409,
            "ClassificationNodeDuplicateNameException",
            format!("VS402371: The node {full} exists already."),
        ));
    }
    let id = i64::try_from(store.areas.len().saturating_add(store.iterations.len()))
        .unwrap_or(0)
        .saturating_add(101);
    let node = Node { id, path: Arc::from(full), attributes: serde_json::Map::new() };
    let value = shown(cx, store, tree, &node, 0);
    match tree {
        Tree::Area => store.areas.push(node),
        Tree::Iteration => store.iterations.push(node),
    }
    Ok(Reply::json(201, &value))
}
