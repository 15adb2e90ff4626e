//! Label and field selectors of list and watch requests.

use serde_json::Value;

/// A parsed selector; without terms it selects everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

#[derive(Clone, Debug)]
enum Term {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    pub(super) fn parse(labels: &str, fields: &str) -> Self {
        Self {
            labels: terms(labels),
            fields: terms(fields),
        }
    }

    pub(super) fn selects(&self, object: &Value) -> bool {
        let label = |name: &str| {
            object["metadata"]["labels"][name]
                .as_str()
                .map(str::to_owned)
        };
        let field = |path: &str| {
            let pointer = format!("/{}", path.replace('.', "/"));
            object
                .pointer(&pointer)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        self.labels.iter().all(|term| term.holds(label))
            && self.fields.iter().all(|term| term.holds(field))
    }
}

impl Term {
    fn holds(&self, lookup: impl Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::In(name, values) => lookup(name).is_some_and(|found| values.contains(&found)),
            Self::NotIn(name, values) => lookup(name).is_none_or(|found| !values.contains(&found)),
            Self::Exists(name) => lookup(name).is_some(),
            Self::Absent(name) => lookup(name).is_none(),
        }
    }
}

/// Splits at commas outside parentheses.
fn terms(text: &str) -> Vec<Term> {
    let mut depth = 0;
    let parts = text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(term)
        .collect()
}

fn term(text: &str) -> Term {
    let listed = |values: &str| {
        let inner = values.trim().trim_start_matches('(').trim_end_matches(')');
        inner
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect()
    };
    let name = |name: &str| name.trim().to_owned();
    if let Some((left, values)) = text.split_once(" notin ") {
        Term::NotIn(name(left), listed(values))
    } else if let Some((left, values)) = text.split_once(" in ") {
        Term::In(name(left), listed(values))
    } else if let Some((left, value)) = text.split_once("!=") {
        Term::NotIn(name(left), vec![name(value)])
    } else if let Some((left, value)) = text.split_once('=') {
        Term::In(name(left), vec![name(value.trim_start_matches('='))])
    } else if let Some(left) = text.strip_prefix('!') {
        Term::Absent(name(left))
    } else {
        Term::Exists(name(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_read_as_in_kubernetes() {
        let object = json!({"metadata": {"name": "a", "labels": {"app": "x", "tier": "db"}}});
        let cases = [
            ("", "", true),
            ("app=x", "", true),
            ("app==x,tier!=db", "", false),
            ("app in (x, y),tier", "", true),
            ("tier notin (db)", "", false),
            ("!app", "", false),
            ("!other", "metadata.name=a", true),
            ("", "metadata.name=b", false),
        ];
        for (labels, fields, expected) in cases {
            let selector = Selector::parse(labels, fields);
            assert_eq!(selector.selects(&object), expected, "{labels} / {fields}");
        }
    }
}
