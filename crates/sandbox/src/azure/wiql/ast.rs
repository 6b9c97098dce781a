//! A query as it was written.

/// A whole flat query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    pub(crate) columns: Vec<String>,
    pub(crate) condition: Option<Condition>,
    /// Column and whether it descends.
    pub(crate) order: Vec<(String, bool)>,
    pub(crate) as_of: Option<String>,
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test { field: String, op: Operator, values: Vec<Operand> },
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equals,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Contains,
    ContainsWords,
    Under,
    Ever,
    IsEmpty,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    /// `'text'`
    Text(String),
    /// `12`, `-3`, `1.5`
    Number(String),
    /// `true`, `false`
    Bool(bool),
    /// `@today - 7`
    Macro(String, i64),
    /// `[System.ChangedBy]`
    Field(String),
}
