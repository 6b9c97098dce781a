//! Deletions: in some worlds people delete items and restore them, and what becomes of the other side follows a policy.
//!
//! Whatever is done here is drawn from dice of its own: the histories of other worlds stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_domain::{
    ConflictKind, ConflictStatus, DeletePolicy, ItemId, Options, Pair, PairState, Side,
};
use syncline_testkit::{Effect, EffectOp, FakeConnector, World as Scenery};

use crate::history::History;
use crate::model::{MARKER, marker_of};
use crate::world::{Dice, Joint, Shape, World};

/// One world in so many.
const SHARE: u64 = 4;

/// Keeps the dice of a seed apart from those of everything else.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// What people deleted, by marker.
#[derive(Default)]
pub(crate) struct Deletions {
    /// What was deleted at some time, restored since or not: nobody hopes for anything about it.
    pub(crate) touched: BTreeSet<u64>,
    /// What is deleted now, and where.
    gone: BTreeMap<u64, Vec<(usize, ItemId)>>,
}

/// Whether people delete in the world of this seed.
pub(crate) fn are_drawn(seed: u64, shape: Shape) -> bool {
    seed % SHARE == SHARE - 1 && matches!(shape, Shape::OneWay | Shape::TwoWay)
}

pub(crate) fn dice_of(seed: u64) -> Dice {
    Dice::new(seed ^ SALT)
}

/// Gives the configurations policies, and the trackers a way to delete.
pub(crate) async fn equip(
    scenery: &Scenery,
    trackers: &[Arc<FakeConnector>],
    joints: &[Joint],
    dice: &Dice,
) {
    use DeletePolicy::{Close, Delete, Ignore, Unlink};
    for tracker in trackers {
        tracker.set_capabilities(|can| can.delete = true);
    }
    for joint in joints {
        let of_source = *dice.pick(&[Ignore, Unlink, Close, Delete, Delete]);
        let of_target = *dice.pick(&[Ignore, Unlink, Close, Delete, Delete]);
        scenery
            .reconfigure(joint.id, move |config| {
                config.options.source_delete_policy = of_source;
                config.options.target_delete_policy = of_target;
            })
            .await;
    }
}

impl History {
    /// Somebody deletes an item, or brings one back.
    pub(crate) fn delete_or_restore(&self) {
        let Some(dice) = &self.deletions else { return };
        if !dice.one_in(8) {
            return;
        }
        if dice.one_in(2) {
            self.restore(dice);
        } else {
            self.delete(dice);
        }
    }

    fn delete(&self, dice: &Dice) {
        let world = &self.world;
        let tracker = dice.below(world.trackers.len());
        let items = world.trackers[tracker].items();
        if items.is_empty() {
            return;
        }
        let item = dice.pick(&items).clone();
        let Some(marker) = marker_of(&item) else { return };
        // Nobody can know that a copy was deleted of which nobody knows that it was made.
        if world.is_unknown_copy(tracker, &item) {
            return;
        }
        self.note(format!("delete {tracker}/{}", item.id));
        let mut family: Vec<(usize, ItemId)> =
            world.copies_of(tracker, &item).into_iter().map(|(at, copy)| (at, copy.id)).collect();
        family.push((tracker, item.id.clone()));
        world.trackers[tracker].delete_as("eve", &item.id);
        let mut model = world.model.lock().unwrap();
        model.hopes.retain(|(at, id, _), _| !family.contains(&(*at, id.clone())));
        model.deletions.touched.insert(marker);
        model.deletions.gone.entry(marker).or_default().push((tracker, item.id));
    }

    /// Of two that people deleted neither comes back: once the product knows of both, they are strangers to each other.
    fn restore(&self, dice: &Dice) {
        let world = &self.world;
        let single: Vec<(u64, usize, ItemId)> = {
            let model = world.model.lock().unwrap();
            let gone = model.deletions.gone.iter().filter(|(_, spots)| spots.len() == 1);
            gone.map(|(marker, spots)| (*marker, spots[0].0, spots[0].1.clone())).collect()
        };
        if single.is_empty() {
            return;
        }
        let (marker, tracker, id) = dice.pick(&single).clone();
        self.note(format!("restore {tracker}/{id}"));
        world.trackers[tracker].restore(&id);
        world.model.lock().unwrap().deletions.gone.remove(&marker);
    }
}

impl World {
    fn is_gone(&self, tracker: usize, marker: u64) -> bool {
        let model = self.model.lock().unwrap();
        let spots = model.deletions.gone.get(&marker);
        spots.is_some_and(|spots| spots.iter().any(|(at, _)| *at == tracker))
    }

    fn options(&self, joint: &Joint) -> Options {
        let id = joint.id;
        self.look(move |tx| tx.config(id)).expect("it is there").options
    }

    /// The policy for what is deleted on a side of a configuration.
    fn policy(&self, joint: &Joint, side: Side) -> DeletePolicy {
        let options = self.options(joint);
        match side {
            Side::Source => options.source_delete_policy,
            Side::Target => options.target_delete_policy,
        }
    }
}

/// We delete only what we hold a receipt for, only after its partner was deleted, and only where that is the policy.
pub(crate) fn check_removal(world: &World, at: usize, effect: &Effect) {
    let id = &effect.item_id;
    let tracker = &world.trackers[at];
    let mut before = tracker.own_effects().into_iter().filter(|one| one.seq < effect.seq);
    let is_ours = before
        .any(|one| one.item_id == *id && matches!(one.op, EffectOp::Create | EffectOp::Update));
    assert!(is_ours, "we deleted {id} of tracker {at}, which we never wrote");
    let made = tracker.effects().into_iter().find(|one| one.item_id == *id);
    let marker = made.and_then(|one| one.fields.get(&MARKER.into())?.as_u64());
    let was_deleted = marker
        .is_some_and(|marker| world.model.lock().unwrap().deletions.touched.contains(&marker));
    assert!(was_deleted, "we deleted {id} of tracker {at}, whose partner nobody had deleted");
    let joint = &world.joints[0];
    let side = if joint.source == at { Side::Target } else { Side::Source };
    assert_eq!(world.policy(joint, side), DeletePolicy::Delete, "we deleted {id} of tracker {at}");
}

/// What somebody deleted is not made again.
pub(crate) fn check_creation(world: &World, at: usize, effect: &Effect) {
    if effect.op != EffectOp::Create {
        return;
    }
    let item = world.trackers[at].item(&effect.item_id);
    if let Some(marker) = item.as_ref().and_then(marker_of) {
        assert!(
            !world.is_gone(at, marker),
            "item {marker} was deleted on tracker {at}, and is back"
        );
    }
}

/// Whether both items of a pair are there, so that their values are to agree. Where one is not, the pair has come to
/// what the policy says.
pub(crate) fn is_whole(world: &World, joint: &Joint, pair: &Pair) -> bool {
    let is_there = |side: Side| {
        let tracker = if side == Side::Source { joint.source } else { joint.target };
        pair.item(side).is_some_and(|id| world.trackers[tracker].item(id).is_some())
    };
    // Nobody looks whether what was ignored is there again, on a side that is not read.
    let unread = !joint.is_two_way && world.policy(joint, Side::Target) == DeletePolicy::Ignore;
    let deleted = match (is_there(Side::Source), is_there(Side::Target)) {
        (true, true) => {
            let lives = pair.state == PairState::Active;
            assert!(lives || unread, "a pair of two items rests: {pair:?}");
            return lives;
        }
        (false, true) => Side::Source,
        (true, false) => Side::Target,
        // One deletion may have been of no interest to anybody.
        (false, false) => return false,
    };
    let (id, policy) = (pair.id, world.policy(joint, deleted));
    if pair.state == PairState::Ignored {
        let tombstone = world.look(move |tx| tx.tombstones(&[id])).pop();
        let tombstone = tombstone.unwrap_or_else(|| panic!("{pair:?} rests without a reason"));
        let is_reason =
            tombstone.deleted_side == deleted || (unread && tombstone.deleted_side == Side::Target);
        assert!(is_reason, "{pair:?} rests for another reason: {tombstone:?}");
        return false;
    }
    let waits = world.look(move |tx| tx.open_conflicts(&[id])).into_iter().any(|row| {
        row.kind == ConflictKind::Deletion
            && row.deleted_side == Some(deleted)
            && row.status == ConflictStatus::Unresolved
    });
    assert!(
        waits || policy == DeletePolicy::Ignore,
        "deleted on the {deleted} ({policy}), and nothing followed: {pair:?}"
    );
    false
}
