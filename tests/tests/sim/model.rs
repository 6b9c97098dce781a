//! What people did, kept beside the product: where items come from, and which edits nobody contested.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    Base, ConfigId, Fault, Item, ItemId, JobId, Pair, STATUS_REF, Side, WriteOp,
};

use crate::deletes::Deletions;
use crate::world::{Dice, Joint, Shape, World};

/// The fields that people edit. The status is one more, under [`STATUS_REF`].
pub(crate) const FIELDS: &[&str] =
    &["title", "description", "priority", "progress", "due", "tags", "blocked"];

/// A number that an item has from its making and its copies inherit: by it the trackers' own records tell who is whose
/// copy.
pub(crate) const MARKER: &str = "estimate";

/// A field of an item of a tracker.
pub(crate) type Spot = (usize, ItemId, &'static str);

#[derive(Default)]
pub(crate) struct Model {
    last_word: u64,
    /// Where items were made, by marker.
    pub(crate) origins: BTreeMap<u64, usize>,
    /// Edits of which the other side has said nothing since both agreed: they must arrive.
    pub(crate) hopes: BTreeMap<Spot, Value>,
    /// What people deleted.
    pub(crate) deletions: Deletions,
    /// Both sides were edited since they agreed last.
    contested: BTreeSet<Spot>,
    /// Edits on the writing side of a one-way configuration: nobody promises what becomes of them.
    pub(crate) strays: BTreeSet<Spot>,
    /// What people cleared: marker and field.
    pub(crate) cleared: BTreeSet<(u64, &'static str)>,
    pub(crate) accepted: Vec<JobId>,
    pub(crate) comments: u64,
}

impl Model {
    pub(crate) fn word(&mut self) -> u64 {
        self.last_word += 1;
        self.last_word
    }
}

/// A value, or the status, without what trackers may do to it.
pub(crate) fn plain(item: &Item, field: &str) -> Value {
    if field == STATUS_REF {
        return json!(item.status);
    }
    laundered(field, item.fields.get(&field.into()).unwrap_or(&Value::Null))
}

/// A value as every tracker of this world would show it.
pub(crate) fn laundered(field: &str, value: &Value) -> Value {
    match (field, value) {
        ("title" | "description", Value::String(text)) => {
            let text = text.replace("\r\n", "\n").to_lowercase().replace("<script>x</script>", "");
            json!(text.trim())
        }
        ("due", Value::String(text)) => json!(text.chars().take(19).collect::<String>()),
        ("tags", Value::Array(tags)) if tags.is_empty() => Value::Null,
        ("tags", Value::Array(tags)) => {
            let tags: BTreeSet<&str> = tags.iter().filter_map(Value::as_str).collect();
            json!(tags)
        }
        (_, value) => value.clone(),
    }
}

pub(crate) fn marker_of(item: &Item) -> Option<u64> {
    let value = item.fields.get(&MARKER.into())?;
    value.as_u64().or_else(|| value.as_f64().map(|number| number.round() as u64))
}

/// A field and a value that somebody might give it.
pub(crate) fn draw_edit(dice: &Dice, word: u64) -> (&'static str, Value) {
    let field = *dice.pick(&[FIELDS, &[STATUS_REF]].concat());
    let value = match field {
        "title" => json!(format!(" t{word} ")),
        "description" => json!(format!("<P>d{word}</P>\n ")),
        "priority" => json!(dice.pick(&["Low", "Normal", "High"])),
        "progress" => json!(word % 5),
        "due" => json!(format!("2026-03-0{}T04:05:06.789Z", 1 + word % 9)),
        "tags" => json!(["one", "two", "three"][..1 + dice.below(3)]),
        "blocked" => json!(dice.one_in(2)),
        _ => return (field, json!(dice.pick(&["New", "Active", "Resolved", "Closed"]))),
    };
    let clears = field != "title" && dice.one_in(5);
    (field, if clears { Value::Null } else { value })
}

impl World {
    /// Looks into the store past everything that may bar the way.
    pub(crate) fn look<T: Send + 'static>(
        &self,
        look: impl FnMut(&mut dyn Tx) -> Result<T, Fault> + Send + 'static,
    ) -> T {
        let seen = self.store.view("look", look).now_or_never();
        seen.expect("memory answers at once").expect("a look")
    }

    /// Somebody makes an item.
    pub(crate) fn create(&self, tracker: usize, dice: &Dice) -> ItemId {
        let (word, marker) = {
            let mut model = self.model.lock().unwrap();
            let marker = u64::try_from(model.origins.len()).unwrap() + 1;
            model.origins.insert(marker, tracker);
            (model.word(), marker)
        };
        let mut fields = json!({"title": format!("item {marker} "), MARKER: marker});
        for _ in 0..dice.below(4) {
            let (field, value) = draw_edit(dice, word);
            if field != STATUS_REF && field != "title" && !value.is_null() {
                fields[field] = value;
            }
        }
        self.trackers[tracker].create_as("ada", "bug", fields)
    }

    /// Somebody edits a field. The model notes what the edit may hope for.
    pub(crate) fn edit(&self, tracker: usize, id: &ItemId, field: &'static str, value: &Value) {
        let Some(before) = self.trackers[tracker].item(id) else { return };
        if field == "title" && self.is_unknown_copy(tracker, &before) {
            return;
        }
        // An edit that the trackers see and this model does not could win over one that the model has hopes for.
        let is_blurred = field == "due" && laundered(field, value) == plain(&before, field);
        if self.shape == Shape::TwoWay && is_blurred {
            return;
        }
        let agreed = self.are_agreed(tracker, &before, field);
        let item = match (field, value) {
            (STATUS_REF, Value::String(status)) => {
                self.trackers[tracker].set_status_as("bob", id, status)
            }
            _ => self.trackers[tracker].edit_as("bob", id, json!({ field: value })),
        };
        if plain(&before, field) == plain(&item, field) {
            return;
        }
        let others = self.copies_of(tracker, &before);
        let mut model = self.model.lock().unwrap();
        if let (true, Some(marker)) = (value.is_null(), marker_of(&before)) {
            model.cleared.insert((marker, field));
        }
        if self.joints.iter().any(|joint| !joint.is_two_way && joint.target == tracker) {
            model.strays.insert((tracker, id.clone(), field));
        }
        let is_touched =
            marker_of(&before).is_some_and(|marker| model.deletions.touched.contains(&marker));
        if self.shape != Shape::TwoWay || is_touched {
            return;
        }
        let spot = (tracker, id.clone(), field);
        let other = others.first().map(|(at, item)| (*at, item.id.clone(), field));
        let Some(other) = other else {
            model.hopes.insert(spot, plain(&item, field));
            return;
        };
        let is_free = agreed
            || !(model.hopes.contains_key(&other)
                || model.contested.contains(&spot)
                || !model.hopes.contains_key(&spot));
        model.hopes.remove(&other);
        model.contested.remove(&other);
        if is_free {
            model.contested.remove(&spot);
            model.hopes.insert(spot, plain(&item, field));
        } else {
            model.hopes.remove(&spot);
            model.contested.insert(spot.clone());
            model.contested.insert(other);
        }
    }

    /// A copy of which the store may not know yet. Without a marker of ours it is known by its title, and by nothing
    /// else; who gives it another one before the next run looks makes it an item of his own.
    pub(crate) fn is_unknown_copy(&self, tracker: usize, item: &Item) -> bool {
        let origins = self.model.lock().unwrap().origins.clone();
        let is_copy = marker_of(item).and_then(|marker| origins.get(&marker)) != Some(&tracker);
        let makes = |joint: &Joint| {
            let id = joint.id;
            let side = if joint.source == tracker { Side::Source } else { Side::Target };
            let open = self.look(move |tx| tx.open_intents(id));
            open.iter().any(|intent| intent.op == WriteOp::Create && intent.side == side)
        };
        let mut here =
            self.joints.iter().filter(|one| one.source == tracker || one.target == tracker);
        is_copy && here.any(makes)
    }

    /// The items of other trackers with the same marker.
    pub(crate) fn copies_of(&self, tracker: usize, item: &Item) -> Vec<(usize, Item)> {
        let marker = marker_of(item);
        let others = self.trackers.iter().enumerate().filter(|(at, _)| *at != tracker);
        others
            .flat_map(|(at, fake)| fake.items().into_iter().map(move |item| (at, item)))
            .filter(|(_, other)| marker.is_some() && marker_of(other) == marker)
            .collect()
    }

    /// Whether both sides show the same and the store knows it. For a lone item there is nobody to agree with.
    fn are_agreed(&self, tracker: usize, item: &Item, field: &'static str) -> bool {
        let Some((other_at, other)) = self.copies_of(tracker, item).into_iter().next() else {
            return true;
        };
        let Some(joint) = self.joints.iter().find(|one| one.joins(tracker, other_at)) else {
            return false;
        };
        let side = if joint.source == tracker { Side::Source } else { Side::Target };
        let value = plain(item, field);
        if plain(&other, field) != value {
            return false;
        }
        let bases = self.bases_of(joint.id, side, &item.id);
        [Side::Source, Side::Target].into_iter().all(|side| {
            bases.iter().any(|base| {
                let there = match field {
                    STATUS_REF => base.value.clone(),
                    field => laundered(field, &base.value),
                };
                base.side == side && base.field_ref.as_str() == field && there == value
            })
        })
    }

    fn bases_of(&self, config: ConfigId, side: Side, item: &ItemId) -> Vec<Base> {
        let items = vec![item.clone()];
        self.look(move |tx| {
            let pairs: Vec<Pair> = tx.pairs_by_items(config, side, &items)?;
            let ids: Vec<_> = pairs.iter().map(|pair| pair.id).collect();
            tx.bases(&ids)
        })
    }
}

impl Joint {
    fn joins(&self, one: usize, other: usize) -> bool {
        (self.source, self.target) == (one, other) || (self.source, self.target) == (other, one)
    }
}
