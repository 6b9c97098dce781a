//! From tokens to a query.

use super::ast::{Condition, Operand, Operator, Query};
use super::lex::{Token, tokens};

/// How deep brackets may nest; the server has a limit of its own.
const DEPTH: usize = 64;

/// Reads a flat query; the error is a sentence for people.
pub(crate) fn parse(text: &str) -> Result<Query, String> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens, at: 0 };
    reader.expect_word("SELECT")?;
    let columns = reader.names()?;
    reader.expect_word("FROM")?;
    let source = reader.word().unwrap_or_default();
    if source.eq_ignore_ascii_case("workitemlinks") {
        return Err("queries over links are not served by this sandbox".into());
    }
    if !source.eq_ignore_ascii_case("workitems") {
        return Err(format!("«{source}» is no source; write FROM WorkItems"));
    }
    let condition = if reader.take_word("WHERE") { Some(reader.any(0)?) } else { None };
    let order = if reader.take_word("ORDER") {
        reader.expect_word("BY")?;
        reader.order()?
    } else {
        Vec::new()
    };
    let as_of = if reader.take_word("ASOF") { Some(reader.text()?) } else { None };
    match reader.peek() {
        None => Ok(Query { columns, condition, order, as_of }),
        Some(token) => Err(format!("nothing may follow here, but «{token:?}» does")),
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at = self.at.saturating_add(1);
        token
    }

    fn word(&mut self) -> Option<String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at = self.at.saturating_add(1);
                Some(word)
            }
            _ => None,
        }
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found =
            matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted));
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn take_sign(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(sign)) if *sign == wanted);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn expect_word(&mut self, wanted: &str) -> Result<(), String> {
        if self.take_word(wanted) {
            Ok(())
        } else {
            Err(format!("{wanted} is expected before «{:?}»", self.peek()))
        }
    }

    fn expect_sign(&mut self, wanted: &str) -> Result<(), String> {
        if self.take_sign(wanted) {
            Ok(())
        } else {
            Err(format!("«{wanted}» is expected before «{:?}»", self.peek()))
        }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Field(name) | Token::Word(name)) => Ok(name),
            other => Err(format!("a field is expected instead of «{other:?}»")),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Text(text)) => Ok(text),
            other => Err(format!("a quoted text is expected instead of «{other:?}»")),
        }
    }

    fn names(&mut self) -> Result<Vec<String>, String> {
        let mut names = vec![self.name()?];
        while self.take_sign(",") {
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn order(&mut self) -> Result<Vec<(String, bool)>, String> {
        let mut order = Vec::new();
        loop {
            let name = self.name()?;
            let descends = self.take_word("DESC") || {
                self.take_word("ASC");
                false
            };
            order.push((name, descends));
            if !self.take_sign(",") {
                return Ok(order);
            }
        }
    }

    fn any(&mut self, depth: usize) -> Result<Condition, String> {
        let mut list = vec![self.all(depth)?];
        while self.take_word("OR") {
            list.push(self.all(depth)?);
        }
        Ok(if list.len() == 1 { list.swap_remove(0) } else { Condition::Any(list) })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, String> {
        let mut list = vec![self.one(depth)?];
        while self.take_word("AND") {
            list.push(self.one(depth)?);
        }
        Ok(if list.len() == 1 { list.swap_remove(0) } else { Condition::All(list) })
    }

    fn one(&mut self, depth: usize) -> Result<Condition, String> {
        if depth > DEPTH {
            return Err("the brackets nest too deep".into());
        }
        if self.take_word("NOT") {
            return Ok(Condition::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.take_sign("(") {
            let inner = self.any(depth + 1)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        self.test()
    }

    fn test(&mut self) -> Result<Condition, String> {
        let ever_in_front = self.take_word("EVER");
        let field = self.name()?;
        let (op, negated) = self.operator()?;
        let op = if ever_in_front { Operator::Ever } else { op };
        let values = match op {
            Operator::In => self.list()?,
            Operator::IsEmpty => Vec::new(),
            _ => vec![self.operand()?],
        };
        let test = Condition::Test { field, op, values };
        Ok(if negated { Condition::Not(Box::new(test)) } else { test })
    }

    /// The operator, and whether a NOT belongs to it.
    fn operator(&mut self) -> Result<(Operator, bool), String> {
        if let Some(Token::Sign(sign)) = self.peek() {
            let op = match *sign {
                "=" => Operator::Equals,
                "<>" => Operator::Differs,
                "<" => Operator::Less,
                "<=" => Operator::LessOrEqual,
                ">" => Operator::Greater,
                ">=" => Operator::GreaterOrEqual,
                other => return Err(format!("«{other}» does not compare")),
            };
            self.at = self.at.saturating_add(1);
            return Ok((op, false));
        }
        if self.take_word("IS") {
            let negated = self.take_word("NOT");
            self.expect_word("EMPTY")?;
            return Ok((Operator::IsEmpty, negated));
        }
        if self.take_word("WAS") {
            self.expect_word("EVER")?;
            return Ok((Operator::Ever, false));
        }
        let negated = self.take_word("NOT");
        let word = self.word().unwrap_or_default().to_ascii_uppercase();
        let op = match word.as_str() {
            "IN" => Operator::In,
            "UNDER" => Operator::Under,
            "EVER" => Operator::Ever,
            "CONTAINS" if self.take_word("WORDS") => Operator::ContainsWords,
            "CONTAINS" => Operator::Contains,
            _ => return Err(format!("an operator is expected instead of «{word}»")),
        };
        Ok((op, negated))
    }

    fn list(&mut self) -> Result<Vec<Operand>, String> {
        self.expect_sign("(")?;
        let mut values = vec![self.operand()?];
        while self.take_sign(",") {
            values.push(self.operand()?);
        }
        self.expect_sign(")")?;
        Ok(values)
    }

    fn operand(&mut self) -> Result<Operand, String> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Operand::Text(text)),
            Some(Token::Number(number)) => Ok(Operand::Number(number)),
            Some(Token::Field(name)) => Ok(Operand::Field(name)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Ok(Operand::Bool(true)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => {
                Ok(Operand::Bool(false))
            }
            Some(Token::Macro(name)) => Ok(Operand::Macro(name, self.shift()?)),
            Some(Token::Sign("-")) => match self.next() {
                Some(Token::Number(number)) => Ok(Operand::Number(format!("-{number}"))),
                other => Err(format!("a number is expected instead of «{other:?}»")),
            },
            other => Err(format!("a value is expected instead of «{other:?}»")),
        }
    }

    /// The days after a macro: `- 7`.
    fn shift(&mut self) -> Result<i64, String> {
        let sign = if self.take_sign("-") {
            -1
        } else if self.take_sign("+") {
            1
        } else {
            return Ok(0);
        };
        match self.next() {
            Some(Token::Number(number)) => number
                .parse::<i64>()
                .map(|days| days.saturating_mul(sign))
                .map_err(|e| format!("«{number}»: {e}")),
            other => Err(format!("a number is expected instead of «{other:?}»")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_binds_tighter_than_or_and_brackets_win() {
        let text = "Select [System.Id], [System.Title] From workitems Where [a] = 1 OR [b] = 'x' AND NOT ([c] IN (1, 2))
                    Order By [System.ChangedDate] desc, [System.Id]";
        let query = parse(text).unwrap();
        assert_eq!(query.columns, ["System.Id", "System.Title"]);
        assert_eq!(query.order, [("System.ChangedDate".into(), true), ("System.Id".into(), false)]);
        let Some(Condition::Any(list)) = query.condition else { panic!("no OR on top") };
        assert!(matches!(list[0], Condition::Test { op: Operator::Equals, .. }));
        let Condition::All(inner) = &list[1] else { panic!("no AND inside") };
        assert!(matches!(inner[1], Condition::Not(_)));
    }

    #[test]
    fn operators_of_several_words_are_read() {
        for (text, op, negated) in [
            ("[a] CONTAINS WORDS 'x'", Operator::ContainsWords, false),
            ("[a] not contains 'x'", Operator::Contains, true),
            ("[a] NOT IN ('x')", Operator::In, true),
            ("[a] NOT UNDER 'x'", Operator::Under, true),
            ("[a] IS NOT EMPTY", Operator::IsEmpty, true),
            ("[a] WAS EVER 'x'", Operator::Ever, false),
            ("EVER [a] = 'x'", Operator::Ever, false),
        ] {
            let query = parse(&format!("SELECT [x] FROM WorkItems WHERE {text}")).unwrap();
            let condition = query.condition.unwrap();
            let (found, inner) = match condition {
                Condition::Not(inner) => (true, *inner),
                other => (false, other),
            };
            assert_eq!(found, negated, "{text}");
            assert!(matches!(inner, Condition::Test { op: got, .. } if got == op), "{text}");
        }
    }

    #[test]
    fn macros_take_days_and_broken_texts_are_refused() {
        let query =
            parse("SELECT [x] FROM WorkItems WHERE [d] >= @today - 7 ASOF '2026-01-01'").unwrap();
        assert!(
            matches!(query.condition, Some(Condition::Test { values, .. }) if values == [Operand::Macro("today".into(), -7)])
        );
        assert_eq!(query.as_of.as_deref(), Some("2026-01-01"));
        for text in [
            "",
            "SELECT [a] FROM Bugs",
            "SELECT [a] FROM WorkItems WHERE",
            "SELECT [a] FROM WorkItems WHERE [a] = 1 )",
            "SELECT [a] FROM WorkItemLinks",
            "SELECT [a] FROM WorkItems WHERE [a] LIKE 'x'",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = format!(
            "SELECT [a] FROM WorkItems WHERE {}[a] = 1{}",
            "(".repeat(500),
            ")".repeat(500)
        );
        assert!(parse(&deep).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_never_panics(text in "\\PC{0,80}", tail in "[\\[\\]'\"()@<>=,a-zA-Z0-9 .-]{0,80}") {
            let _either = parse(&text);
            let _either = parse(&format!("SELECT [a] FROM WorkItems WHERE {tail}"));
        }

        #[test]
        fn a_quoted_literal_comes_back_whole(text in "\\PC{0,40}") {
            let query = format!("SELECT [a] FROM WorkItems WHERE [a] = '{}'", text.replace('\'', "''"));
            let Some(Condition::Test { values, .. }) = parse(&query).unwrap().condition else { panic!("no test") };
            proptest::prop_assert_eq!(values, [Operand::Text(text)]);
        }
    }
}
