//! Field rules in their compiled form.

use syncline_domain::{FieldMappingId, FieldRef, FieldSchema, FieldType, When};

use crate::expression::ExpressionId;
use crate::template::Blank;
use crate::trace::Occasion;
use crate::transform::{Chain, Table};

/// One field rule, compiled and turned to the side that is read.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: FieldMappingId,
    pub(crate) sources: Vec<Source>,
    pub(crate) target: FieldSchema,
    pub(crate) target_ref: FieldRef,
    pub(crate) how: How,
    pub(crate) when: When,
    /// The rule decides its field on creates; worked out once, since an earlier rule may do so.
    pub(crate) on_create: bool,
    /// The rule decides its field on updates.
    pub(crate) on_update: bool,
    pub(crate) default: Option<Blank>,
    pub(crate) in_words: String,
}

/// A field that a rule reads.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) reference: FieldRef,
    pub(crate) kind: FieldType,
    pub(crate) is_status: bool,
}

/// How a rule makes its value.
pub(crate) enum How {
    Direct,
    Transform(Chain),
    Constant(Blank),
    Computed(ExpressionId),
    Table(Table),
}

impl How {
    /// The value names things of the writing side already: people in it are not translated again.
    pub(crate) fn speaks_target(&self) -> bool {
        match self {
            Self::Constant(_) | Self::Table(_) => true,
            Self::Transform(chain) => chain.speaks_target(),
            Self::Direct | Self::Computed(_) => false,
        }
    }
}

impl std::fmt::Debug for How {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Direct => "Direct",
            Self::Transform(_) => "Transform",
            Self::Constant(_) => "Constant",
            Self::Computed(_) => "Computed",
            Self::Table(_) => "Table",
        })
    }
}

impl Rule {
    /// Whether the rule decides its field on this kind of write.
    pub(crate) const fn acts_on(&self, occasion: Occasion) -> bool {
        match occasion {
            Occasion::Create => self.on_create,
            Occasion::Update => self.on_update,
        }
    }
}
