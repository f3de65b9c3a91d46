//! Text with variables, such as `sha256={signature}`: compiled once, filled in for each request, and
//! read back by whoever verifies one.
//!
//! `{{` and `}}` stand for the braces themselves.

/// What a template may have in braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// The delivery's id with the contract's prefix.
    DeliveryId,
    /// The delivery's bare UUID.
    DeliveryUuid,
    EventId,
    EventType,
    /// The event's type with slashes in place of its dots.
    EventTypeSlashes,
    EndpointId,
    /// The attempt's own time in Unix seconds.
    Timestamp,
    Body,
    /// One signature, encoded.
    Signature,
}

impl Variable {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DeliveryId => "delivery.id",
            Self::DeliveryUuid => "delivery.uuid",
            Self::EventId => "event.id",
            Self::EventType => "event.type",
            Self::EventTypeSlashes => "event.type.slashes",
            Self::EndpointId => "endpoint.id",
            Self::Timestamp => "timestamp",
            Self::Body => "body",
            Self::Signature => "signature",
        }
    }
}

/// The text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("a brace is not closed; write {{{{ or }}}} for the brace itself")]
    Brace,
    #[error("unknown variable {{{name}}}, expected one of {known}")]
    Unknown { name: String, known: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Variable(Variable),
}

/// A compiled template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template(Vec<Segment>);

/// What the variables stand for in one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Values<'a> {
    pub(crate) delivery_id: &'a str,
    pub(crate) delivery_uuid: &'a str,
    pub(crate) event_id: &'a str,
    pub(crate) event_type: &'a str,
    pub(crate) event_type_slashes: &'a str,
    pub(crate) endpoint_id: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) body: &'a [u8],
}

impl<'a> Values<'a> {
    fn get(&self, variable: Variable) -> &'a [u8] {
        match variable {
            Variable::DeliveryId => self.delivery_id.as_bytes(),
            Variable::DeliveryUuid => self.delivery_uuid.as_bytes(),
            Variable::EventId => self.event_id.as_bytes(),
            Variable::EventType => self.event_type.as_bytes(),
            Variable::EventTypeSlashes => self.event_type_slashes.as_bytes(),
            Variable::EndpointId => self.endpoint_id.as_bytes(),
            Variable::Timestamp => self.timestamp.as_bytes(),
            Variable::Body => self.body,
            // A signature stands in a template of its own: see `Template::around`.
            Variable::Signature => b"",
        }
    }
}

impl Template {
    /// Compiles a text in which only these variables may stand.
    pub(crate) fn parse(text: &str, allowed: &[Variable]) -> Result<Self, TemplateError> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, brace) = rest.split_at(at);
            template.push_literal(literal);
            rest = if let Some(rest) = brace.strip_prefix("{{") {
                template.push_literal("{");
                rest
            } else if let Some(rest) = brace.strip_prefix("}}") {
                template.push_literal("}");
                rest
            } else {
                let inner = brace.strip_prefix('{').ok_or(TemplateError::Brace)?;
                let (name, rest) = inner.split_once('}').ok_or(TemplateError::Brace)?;
                template.push_variable(name, allowed)?;
                rest
            };
        }
        template.push_literal(rest);
        Ok(template)
    }

    /// A text without variables, whatever is in it.
    pub(crate) fn fixed(text: &str) -> Self {
        Self(vec![Segment::Literal(text.to_owned())])
    }

    fn push_literal(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Segment::Literal(literal)) => literal.push_str(text),
            _ => self.0.push(Segment::Literal(text.to_owned())),
        }
    }

    fn push_variable(&mut self, name: &str, allowed: &[Variable]) -> Result<(), TemplateError> {
        let found = allowed.iter().find(|variable| variable.name() == name);
        let Some(variable) = found else {
            let known: Vec<_> = allowed.iter().map(|one| format!("{{{}}}", one.name())).collect();
            let known = known.join(", ");
            return Err(TemplateError::Unknown { name: name.to_owned(), known });
        };
        self.0.push(Segment::Variable(*variable));
        Ok(())
    }

    /// Which variables stand in it, in order.
    pub(crate) fn variables(&self) -> impl Iterator<Item = Variable> + '_ {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Variable(variable) => Some(*variable),
            Segment::Literal(_) => None,
        })
    }

    /// Gives the filled-in text piece by piece.
    pub(crate) fn feed<'a>(&'a self, values: &Values<'a>, mut sink: impl FnMut(&'a [u8])) {
        for segment in &self.0 {
            match segment {
                Segment::Literal(literal) => sink(literal.as_bytes()),
                Segment::Variable(variable) => sink(values.get(*variable)),
            }
        }
    }

    /// The filled-in text, for templates without `{body}`.
    pub(crate) fn fill(&self, values: &Values<'_>) -> String {
        let mut text = String::with_capacity(64);
        // Every value but the body is text.
        self.feed(values, |piece| text.push_str(&String::from_utf8_lossy(piece)));
        text
    }

    /// What stands before and after the only variable.
    pub(crate) fn around(&self) -> (&str, &str) {
        match self.0.as_slice() {
            [Segment::Literal(before), Segment::Variable(_)] => (before, ""),
            [Segment::Variable(_), Segment::Literal(after)] => ("", after),
            [Segment::Literal(before), Segment::Variable(_), Segment::Literal(after)] => {
                (before, after)
            }
            _ => ("", ""),
        }
    }

    /// Whether whoever has the filled-in text can tell what this variable stands for.
    pub(crate) fn tells(&self, variable: Variable) -> bool {
        let is_variable = |segment: &Segment| matches!(segment, Segment::Variable(_));
        let side_by_side = self.0.windows(2).any(|pair| pair.iter().all(is_variable));
        !side_by_side && self.variables().any(|one| one == variable)
    }

    /// Reads a filled-in text back: what each variable stands for, and what follows the template.
    /// A variable ends where the next fixed text begins.
    pub(crate) fn read<'t>(&self, text: &'t str) -> Option<(Vec<(Variable, &'t str)>, &'t str)> {
        let mut values = Vec::new();
        let mut rest = text;
        let mut segments = self.0.iter().peekable();
        while let Some(segment) = segments.next() {
            match segment {
                Segment::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Segment::Variable(variable) => {
                    let end = match segments.peek() {
                        Some(Segment::Literal(literal)) => rest.find(literal.as_str())?,
                        _ => rest.len(),
                    };
                    let (value, after) = rest.split_at(end);
                    values.push((*variable, value));
                    rest = after;
                }
            }
        }
        Some((values, rest))
    }

    /// The template as it is written, for messages.
    pub(crate) fn written(&self) -> String {
        let mut text = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Variable(variable) => text.extend(["{", variable.name(), "}"]),
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Variable::{Body, DeliveryId, Timestamp};

    const ALLOWED: [Variable; 3] = [DeliveryId, Timestamp, Body];

    fn template(text: &str) -> Template {
        Template::parse(text, &ALLOWED).unwrap()
    }

    #[test]
    fn it_is_filled_and_read_back() {
        let values = Values { delivery_id: "msg_1", timestamp: "17", ..Values::default() };
        for (text, filled, told) in [
            ("t={timestamp},", "t=17,", vec![(Timestamp, "17")]),
            ("{delivery.id}", "msg_1", vec![(DeliveryId, "msg_1")]),
            (
                "a{delivery.id}.{timestamp}b",
                "amsg_1.17b",
                vec![(DeliveryId, "msg_1"), (Timestamp, "17")],
            ),
            ("{{{timestamp}}}", "{17}", vec![(Timestamp, "17")]),
            ("{{timestamp}}", "{timestamp}", vec![]),
            ("", "", vec![]),
        ] {
            let template = template(text);
            assert_eq!(template.fill(&values), filled);
            assert_eq!(template.read(filled), Some((told, "")), "{text}");
        }
        assert_eq!(
            template("t={timestamp},").read("t=1,v1=2"),
            Some((vec![(Timestamp, "1")], "v1=2"))
        );
        for other in ["", "t=1", "T=1,", "x"] {
            assert_eq!(template("t={timestamp},").read(other), None, "{other}");
        }
    }

    #[test]
    fn variables_side_by_side_tell_nothing() {
        assert!(template("{delivery.id}.{timestamp}").tells(Timestamp));
        assert!(!template("{delivery.id}{timestamp}").tells(Timestamp));
        assert!(!template("{delivery.id}").tells(Timestamp));
    }

    #[test]
    fn braces_must_be_closed_and_name_a_known_variable() {
        for open in ["{", "}", "{timestamp", "timestamp}", "{{}", "{timestamp}}"] {
            assert_eq!(Template::parse(open, &ALLOWED), Err(TemplateError::Brace), "{open}");
        }
        for unknown in ["{}", "{ timestamp }", "{signature}", "{Timestamp}"] {
            let error = Template::parse(unknown, &ALLOWED).unwrap_err();
            assert!(matches!(error, TemplateError::Unknown { .. }), "{unknown}");
        }
    }
}
