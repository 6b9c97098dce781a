//! Mapping tests made by one call, of a real item, a delivery or a run. What is about people is masked before it is kept.

use std::collections::BTreeSet;

use serde_json::Value;
use syncline_domain::ports::{StoreExt as _, Tx};
use syncline_domain::{
    ConfigId, DeliveryId, ExecutionId, ExpectedItem, Fault, FieldRef, Item, ItemId, MappingTest,
    MappingTestId, Role, Sample, SampleCompare, SampleOccasion, Side, SyncSpec, TestDirection,
    TypePair,
};
use syncline_engine::{RecordedWrite, recorded_write};
use syncline_mapping::{MaskOptions, Masked, Samples, masked_sample};

use super::read::{how, must_fit};
use crate::configs::must_config;
use crate::input::Body;
use crate::runs::item_id;
use crate::{App, AppError, Caller};

/// A captured mapping test.
#[derive(Clone, Debug, PartialEq)]
pub struct Captured {
    /// The test.
    pub test: MappingTest,
    /// Fields of which something was replaced by a stand-in.
    pub masked: BTreeSet<String>,
    /// What was ignored or left out.
    pub warnings: Vec<String>,
}

/// Where a sample is taken from.
enum From {
    Item(ItemId, Side),
    Delivery(DeliveryId, Option<ItemId>),
    Run(ExecutionId, ItemId),
}

struct Asked {
    name: Option<String>,
    from: From,
    mask: MaskOptions,
    occasion: SampleOccasion,
    compare: SampleCompare,
    warnings: Vec<String>,
}

/// An item with what is known of its write.
struct Taken {
    item: Item,
    side: Side,
    words: String,
    write: Option<RecordedWrite>,
    warnings: Vec<String>,
}

impl App {
    /// Makes a mapping test of an item of a tracker, of the item that a delivery names, or of what a run read and wrote.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every fault at once, [`Fault::NotFound`] for an item, delivery or run that is not there,
    /// [`Fault::Conflict`] for a taken name, or a remote error when the tracker does not answer.
    pub async fn capture_mapping_test(
        &self,
        caller: &Caller,
        config: ConfigId,
        body: Value,
    ) -> Result<Captured, AppError> {
        caller.needs(Role::Admin)?;
        let spec = self.spec(caller, config).await?;
        let mut asked = read(body)?;
        // Thrown away with the request, so that nobody can look words up by trying them.
        asked.mask.salt = syncline_webhooks::new_token(self.automation().rng.as_ref())?;
        let taken = match &asked.from {
            From::Item(id, side) => self.of_item(caller, &spec, id, *side).await?,
            From::Delivery(id, item) => self.of_delivery(caller, &spec, *id, item.clone()).await?,
            From::Run(run, item) => self.of_run(caller, &spec, *run, item.clone()).await?,
        };
        if let Some(write) = &taken.write {
            asked.occasion =
                if write.is_new { SampleOccasion::Create } else { SampleOccasion::Update };
        }
        let pair = pair_of(&spec, &taken)?;
        must_be_fields(pair, taken.side, &asked.mask.fields)?;
        let masked = masked_sample(&spec, pair, taken.side, &taken.item, &asked.mask);
        let mut warnings = asked.warnings;
        warnings.extend(taken.warnings.iter().cloned());
        let sample =
            finished(&spec, pair, &taken, &masked, (asked.occasion, asked.compare), &mut warnings)?;
        must_fit(&sample)?;
        let now = self.now();
        let name = asked.name.unwrap_or_else(|| format!("{} at {}", taken.words, now.to_iso()));
        let mut test = MappingTest {
            id: MappingTestId::default(),
            config_id: config,
            name,
            direction: TestDirection::reading(taken.side),
            sample,
            created_at: now,
            updated_at: now,
        };
        test.id = self.keep_mapping_test(caller, test.clone(), "mapping_test.capture").await?;
        Ok(Captured { test, masked: masked.changed, warnings })
    }

    async fn of_item(
        &self,
        caller: &Caller,
        spec: &SyncSpec,
        id: &ItemId,
        side: Side,
    ) -> Result<Taken, AppError> {
        let item = self.connector_item(caller, spec.end(side).connector_id, id).await?;
        let words = format!("{side} item {id}");
        Ok(Taken { item, side, words, write: None, warnings: Vec::new() })
    }

    async fn of_delivery(
        &self,
        caller: &Caller,
        spec: &SyncSpec,
        id: DeliveryId,
        item: Option<ItemId>,
    ) -> Result<Taken, AppError> {
        let delivery = self.delivery(caller, id).await?.delivery;
        let hook = self.webhook(caller, delivery.webhook_id).await?.webhook;
        if hook.config_id != spec.config.id {
            let text = format!("delivery {id} belongs to configuration {}", hook.config_id);
            return Err(AppError::invalid("/delivery_id", text));
        }
        let side =
            if hook.connector_id == spec.source.connector_id { Side::Source } else { Side::Target };
        let named = delivery.item_ids;
        let one = match (item, named.as_slice()) {
            (Some(item), named) if named.contains(&item) => item,
            (None, [only]) => only.clone(),
            (_, []) => {
                return Err(AppError::invalid(
                    "/delivery_id",
                    format!("delivery {id} names no item"),
                ));
            }
            (_, several) => {
                let names: Vec<&str> = several.iter().map(ItemId::as_str).collect();
                let text = format!("delivery {id} names {}; choose one of them", names.join(", "));
                return Err(AppError::invalid("/item_id", text));
            }
        };
        let taken = self.of_item(caller, spec, &one, side).await?;
        Ok(Taken { words: format!("delivery {id}, {side} item {one}"), ..taken })
    }

    async fn of_run(
        &self,
        caller: &Caller,
        spec: &SyncSpec,
        run: ExecutionId,
        item: ItemId,
    ) -> Result<Taken, AppError> {
        let execution = self.execution(caller, run).await?;
        if execution.config_id != spec.config.id {
            let text = format!("run {run} belongs to configuration {}", execution.config_id);
            return Err(AppError::invalid("/execution_id", text));
        }
        let config = spec.config.id;
        let wanted = item.clone();
        let found = self
            .store()
            .view("recorded write", move |tx| recorded(tx, config, run, &wanted))
            .await?;
        let (write, words) = match found {
            Some(write) => (write, format!("run {run}, item {item}")),
            None => {
                return Err(AppError::invalid(
                    "/item_id",
                    format!(
                        "run {run} left nothing in the history of item {item}: it wrote nothing to its copy, or the history is gone"
                    ),
                ));
            }
        };
        let warnings = write
            .not_kept
            .iter()
            .map(|field| format!("{field} was too long for the history and is not in the sample"))
            .collect();
        Ok(Taken {
            item: write.item.clone(),
            side: write.read,
            words,
            write: Some(write),
            warnings,
        })
    }
}

fn read(body: Value) -> Result<Asked, AppError> {
    let mut body = Body::new(body)?;
    let name = body.name("name");
    let item = item_id(&mut body, "item_id");
    let side = body.word::<Side>("side");
    let delivery = body.id::<DeliveryId>("delivery_id");
    let run = body.id::<ExecutionId>("execution_id");
    let keep = !body.flag("mask").unwrap_or(true);
    let fields = mask_fields(&mut body);
    let (occasion, compare) = how(&mut body);
    let from = match (run, delivery, item, side) {
        (Some(_), Some(_), ..) => {
            body.fault("delivery_id", "give an execution_id or a delivery_id, not both");
            None
        }
        (Some(run), None, Some(item), _) => Some(From::Run(run, item)),
        (None, Some(delivery), item, _) => Some(From::Delivery(delivery, item)),
        (None, None, Some(item), Some(side)) => Some(From::Item(item, side)),
        (Some(_), None, None, _) => {
            body.fault("item_id", "it is required with an execution_id: an item of the run");
            None
        }
        (None, None, Some(_), None) if !body.has("side") => {
            body.fault("side", "it is required with an item_id: source or target");
            None
        }
        (None, None, None, _) if !body.has("item_id") => {
            body.fault(
                "item_id",
                "it is required with side, unless delivery_id or execution_id says where the item is taken from",
            );
            None
        }
        _ => None,
    };
    let warnings = body.finish()?;
    let from = from.ok_or_else(|| AppError::invalid("", "the body is incomplete"))?;
    let mask = MaskOptions { keep, fields, salt: String::new() };
    Ok(Asked { name, from, mask, occasion, compare, warnings })
}

fn mask_fields(body: &mut Body) -> BTreeSet<FieldRef> {
    const MOST: usize = 500;
    let parts = body.list("mask_fields").unwrap_or_default();
    if parts.len() > MOST {
        body.fault("mask_fields", format!("it names more than {MOST} fields; send fewer"));
        return BTreeSet::new();
    }
    let mut fields = BTreeSet::new();
    for (at, part) in parts.iter().enumerate() {
        match part.as_str().filter(|text| !text.is_empty()) {
            Some(text) => drop(fields.insert(FieldRef::new(text))),
            None => body.fault(&format!("mask_fields/{at}"), "use a field's reference"),
        }
    }
    fields
}

fn must_be_fields(pair: &TypePair, side: Side, fields: &BTreeSet<FieldRef>) -> Result<(), Fault> {
    let end = pair.end(side);
    match fields.iter().find(|field| end.field(field.as_str()).is_none()) {
        Some(field) => Err(Fault::invalid(
            "/mask_fields",
            format!("type {} of the {side} has no field {field}", end.name),
        )),
        None => Ok(()),
    }
}

fn pair_of<'s>(spec: &'s SyncSpec, taken: &Taken) -> Result<&'s TypePair, AppError> {
    let kind = &taken.item.type_ref;
    let same_read = |pair: &&TypePair| pair.end(taken.side).reference == *kind;
    let written = taken.write.as_ref().map(|write| write.written_type.as_str());
    let exact = spec.types.iter().filter(same_read).find(|pair| {
        written.is_none_or(|written| pair.end(taken.side.other()).reference == written)
    });
    exact.or_else(|| spec.types.iter().find(same_read)).ok_or_else(|| {
        AppError::invalid(
            "/item_id",
            format!("items of type {kind:?} take no part in this configuration"),
        )
    })
}

/// The newest entry that a run left about an item of either side.
fn recorded(
    tx: &mut dyn Tx,
    config: ConfigId,
    run: ExecutionId,
    item: &ItemId,
) -> Result<Option<RecordedWrite>, Fault> {
    let row = must_config(tx, config)?;
    for side in [Side::Source, Side::Target] {
        for pair in tx.pairs_by_items(config, side, std::slice::from_ref(item))? {
            let entries = tx.history(pair.id, None, 200)?;
            let Some(entry) = entries.iter().find(|entry| entry.execution_id == Some(run)) else {
                continue;
            };
            let copy = tx.rules_copy(config, entry.config_version, entry.at)?;
            let spec = match copy.and_then(|copy| copy.spec(&row)) {
                Some(spec) => spec,
                None => syncline_engine::spec::load(tx, config)?,
            };
            return Ok(Some(recorded_write(&spec, &pair, entry)));
        }
    }
    Ok(None)
}

/// The sample with what the present rules make of it; of a run's fields that no mask touched, with what was written.
fn finished(
    spec: &SyncSpec,
    pair: &TypePair,
    taken: &Taken,
    masked: &Masked,
    (occasion, compare): (SampleOccasion, SampleCompare),
    warnings: &mut Vec<String>,
) -> Result<Sample, AppError> {
    let written = pair.end(taken.side.other());
    let mut sample = Sample {
        item: masked.item.clone(),
        expected: ExpectedItem { type_ref: Some(written.reference.clone()), ..Default::default() },
        occasion,
        compare,
        captured_from: Some(taken.words.clone()),
    };
    let mut samples = Samples::of(spec);
    let (_, mapped) = samples
        .map(taken.side, &sample)
        .map_err(|message| AppError::invalid("/item_id", message))?;
    sample.expected.status = mapped.status;
    sample.expected.fields = mapped.fields;
    let Some(write) = &taken.write else {
        warnings.extend(mapped.faults.iter().map(|fault| {
            format!("{} gets no value ({}) and is not expected", fault.field, fault.message)
        }));
        return Ok(sample);
    };
    // Only what the run settled is known of the item.
    sample.expected.fields.retain(|field, _| write.made.contains_key(field));
    if !write.made.contains_key(&FieldRef::new(syncline_domain::STATUS_REF)) {
        sample.expected.status = None;
    }
    for (field, made) in &write.made {
        if made.sources.iter().any(|source| masked.changed.contains(source.as_str())) {
            continue;
        }
        match (&made.value, field.as_str() == syncline_domain::STATUS_REF) {
            (Some(value), true) => sample.expected.status = value.as_str().map(str::to_owned),
            (Some(value), false) => {
                drop(sample.expected.fields.insert(field.clone(), value.clone()))
            }
            (None, _) => {}
        }
    }
    Ok(sample)
}
