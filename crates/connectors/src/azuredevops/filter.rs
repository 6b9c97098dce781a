//! Filters: what users write as WIQL, and the portable filter, as one condition.

use serde_json::Value;
use syncline_domain::ports::{ChangeQuery, FilterOp, PortableFilter, PortableTerm};
use syncline_domain::{FieldFault, Identity, STATUS_REF};

use super::lexer::{Kind, Token, tokens};

/// The longest user filter, in characters: a whole query may have 32K, and ids and types need room, too.
const LONGEST: usize = 16_000;
/// Long texts are searched by words: their index knows nothing else.
const LONG_TEXTS: [&str; 5] = [
    "System.Description",
    "System.History",
    "Microsoft.VSTS.TCM.ReproSteps",
    "Microsoft.VSTS.TCM.SystemInfo",
    "Microsoft.VSTS.Common.AcceptanceCriteria",
];

/// Checks `{"wiql": "..."}`; paths are relative to the filter.
pub(crate) fn check(filter: &Value) -> Vec<FieldFault> {
    let Value::Object(map) = filter else {
        return vec![FieldFault::new("", "must be an object such as {\"wiql\": \"...\"}")];
    };
    let unknown = map.keys().filter(|key| *key != "wiql");
    let unknown = unknown
        .map(|key| FieldFault::new(format!("/{key}"), "is no filter of azure devops; use wiql"));
    let mut faults: Vec<FieldFault> = unknown.collect();
    match map.get("wiql") {
        None => {}
        Some(Value::String(text)) => {
            faults.extend(condition(text).err().map(|why| FieldFault::new("/wiql", why)));
        }
        Some(_) => faults
            .push(FieldFault::new("/wiql", "must be a text: a flat query or a bare condition")),
    }
    faults
}

/// The bare condition of what a user wrote: `None` when it lets everything through.
///
/// Takes a flat query (`SELECT .. FROM WorkItems WHERE ..`) or a condition. SELECT and ORDER BY are dropped; ASOF, MODE
/// and link queries mean something that a filter cannot keep, so they are refused.
pub(crate) fn condition(text: &str) -> Result<Option<String>, String> {
    if text.chars().count() > LONGEST {
        return Err(format!("is longer than {LONGEST} characters; shorten it"));
    }
    let all = tokens(text).map_err(|error| error.to_string())?;
    refuse_forbidden(&all)?;
    let kept = up_to_order(from_where(&all)?)?;
    balanced(kept)?;
    Ok(slice(text, kept))
}

fn refuse_forbidden(all: &[Token<'_>]) -> Result<(), String> {
    for token in all {
        if token.is_word("ASOF") {
            return Err(
                "ASOF looks into the past, which a sync cannot follow; leave it out".to_owned()
            );
        }
        if token.is_word("MODE") {
            return Err("MODE belongs to link queries; write a flat query".to_owned());
        }
        if is_link_word(token) {
            return Err("link queries have no single list of items; write a flat query".to_owned());
        }
    }
    Ok(())
}

fn is_link_word(token: &Token<'_>) -> bool {
    let bare = token.text.trim_matches(['[', ']']).to_ascii_lowercase();
    match token.kind {
        Kind::Word => {
            bare == "workitemlinks" || bare.starts_with("source.") || bare.starts_with("target.")
        }
        Kind::Name => {
            matches!(bare.as_str(), "source" | "target" | "workitemlinks" | "system.links.linktype")
        }
        _ => false,
    }
}

/// The tokens of the condition and whatever follows it.
fn from_where<'t, 'a>(all: &'t [Token<'a>]) -> Result<&'t [Token<'a>], String> {
    if all.first().is_some_and(|token| token.is_word("SELECT")) {
        let from =
            all.iter().position(|token| token.is_word("FROM")).ok_or("has SELECT but no FROM")?;
        let rest = all.get(from + 1..).unwrap_or_default();
        match rest.first() {
            Some(token)
                if token.text.trim_matches(['[', ']']).eq_ignore_ascii_case("WorkItems") => {}
            _ => return Err("must read FROM WorkItems".to_owned()),
        }
        let rest = rest.get(1..).unwrap_or_default();
        return match rest.first() {
            Some(token) if token.is_word("WHERE") => Ok(rest.get(1..).unwrap_or_default()),
            Some(token) if token.is_word("ORDER") => Ok(rest),
            None => Ok(rest),
            Some(token) => {
                Err(format!("{:?} after FROM WorkItems is not understood; write WHERE", token.text))
            }
        };
    }
    match all.first() {
        Some(token) if token.is_word("WHERE") => Ok(all.get(1..).unwrap_or_default()),
        _ => Ok(all),
    }
}

/// Drops `ORDER BY ..`, which must be the last part.
fn up_to_order<'t, 'a>(rest: &'t [Token<'a>]) -> Result<&'t [Token<'a>], String> {
    let order = rest.windows(2).position(
        |pair| matches!(pair, [first, second] if first.is_word("ORDER") && second.is_word("BY")),
    );
    let Some(order) = order else { return no_clauses(rest) };
    let tail = rest.get(order + 2..).unwrap_or_default();
    let sorts = |token: &Token<'_>| match token.kind {
        Kind::Name | Kind::Word => !is_clause(token),
        Kind::Sign => token.text == ",",
        _ => false,
    };
    if !tail.iter().all(sorts) {
        return Err("ORDER BY must be the last part".to_owned());
    }
    no_clauses(rest.get(..order).unwrap_or_default())
}

fn no_clauses<'t, 'a>(rest: &'t [Token<'a>]) -> Result<&'t [Token<'a>], String> {
    match rest.iter().find(|token| is_clause(token)) {
        Some(token) => Err(format!("{:?} does not belong into a condition", token.text)),
        None => Ok(rest),
    }
}

fn is_clause(token: &Token<'_>) -> bool {
    ["SELECT", "FROM", "WHERE", "ORDER", "BY"].iter().any(|word| token.is_word(word))
}

/// A condition that closes a parenthesis it never opened would escape from the brackets we put around it.
fn balanced(kept: &[Token<'_>]) -> Result<(), String> {
    let mut depth = 0_usize;
    for token in kept {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => {
                return Err("closes a parenthesis that was never opened".to_owned());
            }
            Kind::Close => depth -= 1,
            _ => {}
        }
    }
    if depth > 0 { Err("opens a parenthesis that is never closed".to_owned()) } else { Ok(()) }
}

fn slice(text: &str, kept: &[Token<'_>]) -> Option<String> {
    let (first, last) = (kept.first()?, kept.last()?);
    text.get(first.start..last.end()).map(ToOwned::to_owned)
}

/// All conditions of a query but the change time, to be joined with AND. Each stands on its own.
///
/// # Errors
/// A sentence about the part of the filter that cannot be understood.
pub(crate) fn conditions(
    query: &ChangeQuery,
    area_path: Option<&str>,
) -> Result<Vec<String>, String> {
    let mut all = vec!["[System.TeamProject] = @project".to_owned()];
    all.extend(one_of("System.WorkItemType", &query.types));
    all.extend(area_path.map(|path| format!("[System.AreaPath] UNDER {}", quote(path))));
    all.extend(portable(&query.portable)?);
    if let Some(native) = query.native.as_ref().filter(|native| !native.is_null()) {
        all.extend(native_condition(native)?);
    }
    Ok(all)
}

fn native_condition(native: &Value) -> Result<Option<String>, String> {
    let text = match native {
        Value::String(text) => Some(text.as_str()),
        other => other.get("wiql").and_then(Value::as_str),
    };
    let Some(text) = text else { return Ok(None) };
    let found = condition(text).map_err(|why| format!("the filter's wiql {why}"))?;
    Ok(found.map(|inner| format!("({inner})")))
}

fn portable(filter: &PortableFilter) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    all.extend(one_of("System.WorkItemType", &filter.types));
    all.extend(one_of("System.State", &filter.statuses));
    for term in &filter.fields {
        all.push(term_condition(term)?);
    }
    let after =
        |field: &str, at: syncline_domain::Timestamp| format!("[{field}] >= '{}'", at.to_iso());
    all.extend(filter.created_after.map(|at| after("System.CreatedDate", at)));
    all.extend(filter.updated_after.map(|at| after("System.ChangedDate", at)));
    Ok(all)
}

fn one_of(field: &str, words: &[String]) -> Option<String> {
    let list: Vec<String> = words.iter().map(|word| quote(word)).collect();
    if list.is_empty() { None } else { Some(format!("[{field}] IN ({})", list.join(", "))) }
}

fn term_condition(term: &PortableTerm) -> Result<String, String> {
    let field = field_name(term.field.as_str())?;
    match (term.op, &term.value) {
        (FilterOp::In, Value::Array(parts)) if !parts.is_empty() => {
            let list: Result<Vec<String>, String> = parts.iter().map(literal).collect();
            Ok(format!("{field} IN ({})", list?.join(", ")))
        }
        (FilterOp::In, _) => Err(format!("the filter on {field} needs a list that is not empty")),
        (FilterOp::Contains, value) => {
            let long = LONG_TEXTS.contains(&term.field.as_str());
            let op = if long { "CONTAINS WORDS" } else { "CONTAINS" };
            Ok(format!("{field} {op} {}", literal(value)?))
        }
        (FilterOp::Eq, value) => Ok(format!("{field} = {}", literal(value)?)),
        (FilterOp::Ne, value) => Ok(format!("{field} <> {}", literal(value)?)),
        (FilterOp::Gt, value) => Ok(format!("{field} > {}", literal(value)?)),
        (FilterOp::Lt, value) => Ok(format!("{field} < {}", literal(value)?)),
    }
}

/// A field reference in brackets.
///
/// # Errors
/// When it holds a character that no reference name has: such a name could break out of its brackets.
pub(crate) fn field_name(reference: &str) -> Result<String, String> {
    let reference = if reference == STATUS_REF { "System.State" } else { reference };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ');
    if reference.is_empty() || !reference.chars().all(plain) {
        return Err(format!("{reference:?} is no field reference name"));
    }
    Ok(format!("[{reference}]"))
}

/// A value as WIQL writes it.
///
/// # Errors
/// When a value has no form in WIQL, such as a list.
pub(crate) fn literal(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok("''".to_owned()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::String(text) => Ok(quote(text)),
        Value::Object(_) => match Identity::from_value(value) {
            Some(who) => Ok(quote(&super::convert::account_name(&who).unwrap_or_default())),
            None => Err("an object cannot be compared with a field".to_owned()),
        },
        Value::Array(_) => Err("a list can only be used with in".to_owned()),
    }
}

/// A text literal; quotes inside are doubled, which is the only escape WIQL has.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use syncline_domain::Timestamp;

    use super::*;

    #[test]
    fn queries_and_bare_conditions_come_down_to_their_condition() {
        for (given, kept) in [
            ("[System.State] = 'New'", "[System.State] = 'New'"),
            ("  WHERE [a] = 1  ", "[a] = 1"),
            (
                "SELECT [System.Id], [System.Title] FROM WorkItems WHERE [a] = 'ORDER BY' ORDER BY [b] DESC, [c]",
                "[a] = 'ORDER BY'",
            ),
            (
                "select [System.Id] from workitems where ([a] = 1 OR [b] = 2) order by [x]",
                "([a] = 1 OR [b] = 2)",
            ),
            (
                "[a] = 'it''s ) fine' and ([b] in (1, 2))",
                "[a] = 'it''s ) fine' and ([b] in (1, 2))",
            ),
            ("[Mode] = 'asof'", "[Mode] = 'asof'"),
            ("[a] = 1 ORDER BY [a]", "[a] = 1"),
        ] {
            assert_eq!(condition(given), Ok(Some(kept.to_owned())), "{given}");
        }
        for everything in [
            "",
            "  ",
            "SELECT [System.Id] FROM WorkItems",
            "SELECT [a] FROM WorkItems ORDER BY [a]",
        ] {
            assert_eq!(condition(everything), Ok(None), "{everything}");
        }
    }

    #[test]
    fn what_a_filter_cannot_keep_is_refused() {
        for (given, word) in [
            ("[a] = 1 ASOF '2026-01-01'", "ASOF"),
            ("SELECT [a] FROM WorkItems WHERE [a] = 1 ASOF '2026-01-01'", "ASOF"),
            (
                "SELECT [a] FROM WorkItemLinks WHERE [Source].[System.Id] > 0 MODE (Recursive)",
                "link",
            ),
            ("[Source].[System.Id] > 0", "link"),
            ("[a] = 1 MODE (MustContain)", "MODE"),
            ("[a] = 1) OR ([b] = 2", "never opened"),
            ("([a] = 1", "never closed"),
            ("[a] = 'x", "never closed"),
            ("SELECT [a] FROM Elsewhere WHERE [a] = 1", "FROM WorkItems"),
            ("[a] = 1 ORDER BY [a]) OR ([b] = 1", "ORDER BY"),
            ("[a] = 1 ORDER BY [a] WHERE [b] = 1", "ORDER BY"),
            ("[a] = 1 WHERE [b] = 2", "WHERE"),
            ("[a] = 1; DROP", "';'"),
        ] {
            let why = condition(given).unwrap_err();
            assert!(why.contains(word), "{given}: {why}");
        }
    }

    #[test]
    fn a_filter_that_is_no_text_is_named() {
        let faults = check(&json!({"wiql": 7}));
        assert_eq!(faults.first().map(|fault| fault.path.as_str()), Some("/wiql"));
        assert!(check(&json!({"wiql": "[a] = 1"})).is_empty());
        let unknown = check(&json!({"jql": "x"}));
        assert_eq!(unknown.first().map(|fault| fault.path.as_str()), Some("/jql"));
    }

    #[test]
    fn both_filters_hold_and_quotes_are_doubled() {
        let query = ChangeQuery {
            types: vec!["Bug".to_owned(), "O'Brien".to_owned()],
            native: Some(json!({"wiql": "[a] = 1 OR [b] = 2"})),
            portable: PortableFilter {
                statuses: vec!["New".to_owned()],
                fields: vec![
                    term("Custom.Text", FilterOp::Eq, json!("x' OR '1'='1")),
                    term("Microsoft.VSTS.Common.Priority", FilterOp::In, json!([1, 2])),
                    term("System.Description", FilterOp::Contains, json!("boot")),
                    term("@status", FilterOp::Ne, json!("Removed")),
                    term("System.AssignedTo", FilterOp::Eq, json!({"email": "a@b.c", "name": "A"})),
                ],
                created_after: Some(Timestamp::EPOCH),
                ..PortableFilter::default()
            },
            fields: Vec::new(),
        };
        assert_eq!(
            conditions(&query, Some("Shop\\Web")).unwrap(),
            [
                "[System.TeamProject] = @project",
                "[System.WorkItemType] IN ('Bug', 'O''Brien')",
                "[System.AreaPath] UNDER 'Shop\\Web'",
                "[System.State] IN ('New')",
                "[Custom.Text] = 'x'' OR ''1''=''1'",
                "[Microsoft.VSTS.Common.Priority] IN (1, 2)",
                "[System.Description] CONTAINS WORDS 'boot'",
                "[System.State] <> 'Removed'",
                "[System.AssignedTo] = 'a@b.c'",
                "[System.CreatedDate] >= '1970-01-01T00:00:00.000Z'",
                "([a] = 1 OR [b] = 2)",
            ]
        );
    }

    #[test]
    fn a_field_name_cannot_break_out_of_its_brackets() {
        let query = ChangeQuery {
            portable: PortableFilter {
                fields: vec![term("a] = 1 OR [b", FilterOp::Eq, json!(1))],
                ..PortableFilter::default()
            },
            ..ChangeQuery::default()
        };
        assert!(conditions(&query, None).unwrap_err().contains("no field reference name"));
    }

    fn term(field: &str, op: FilterOp, value: Value) -> PortableTerm {
        PortableTerm { field: field.into(), op, value }
    }
}
