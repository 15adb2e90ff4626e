//! Values on one line: for the places of a text where nothing else fits.

use zeroize::Zeroizing;

use super::parse::Quoting;
use super::resolve::is_plain_string;
use super::scalar_style::{Printed, Style};
use super::writer::{double_quoted, single_quoted};
use crate::scalar::Scalar;
use crate::tree::{Mapping, Value};

/// Whether a place is inside brackets or braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    Flow,
}

/// A scalar in the quoting of the one it replaces, as far as it can be; `None` if it needs several
/// lines.
pub(super) fn scalar(
    value: &Scalar,
    replaced: Quoting,
    context: Context,
) -> Option<Zeroizing<String>> {
    if let Scalar::Float(number) = value
        && number.fract() == 0.0
    {
        // Unlike the emitter's, this one stays a floating-point number.
        return Some(Zeroizing::new(format!("{number:.1}")));
    }
    let Some(text) = value.as_str() else {
        let printed = Printed::of_scalar(value);
        let plain = printed.style == Style::Plain;
        let tag = printed.tag.map_or(String::new(), |tag| format!("{tag} "));
        return plain.then(|| Zeroizing::new(format!("{tag}{}", *printed.text)));
    };
    let printed = Printed::of_str(text);
    let can_be_single = matches!(printed.style, Style::Plain | Style::Single);
    Some(match replaced {
        Quoting::Double => double_quoted(text),
        Quoting::Single if context == Context::Block && stays_single(text) => single_quoted(text),
        _ if text.is_empty() => double_quoted(text),
        _ if is_plain_string(text) && stays_plain(text, context) => Zeroizing::new(text.to_owned()),
        _ if printed.style == Style::Literal && context == Context::Block => return None,
        _ if can_be_single => single_quoted(text),
        _ => double_quoted(text),
    })
}

fn stays_single(text: &str) -> bool {
    Printed::can_be(text, Style::Single) && !text.contains('\n')
}

fn stays_plain(text: &str, context: Context) -> bool {
    let flow_sign = |c| matches!(c, ',' | '[' | ']' | '{' | '}' | ':' | '?' | '#');
    Printed::can_be(text, Style::Plain) && (context == Context::Block || !text.contains(flow_sign))
}

/// A whole value in flow style.
pub(super) fn value(value: &Value) -> Option<Zeroizing<String>> {
    let mut out = Zeroizing::new(String::new());
    put(&mut out, value)?;
    Some(out)
}

/// A key and its value in flow style.
pub(super) fn entry(key: &str, value: &Value) -> Option<Zeroizing<String>> {
    let mut out = double_quoted(key);
    out.push_str(": ");
    put(&mut out, value)?;
    Some(out)
}

fn put(out: &mut Zeroizing<String>, value: &Value) -> Option<()> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Scalar(Scalar::Str(bytes)) => {
            let text = std::str::from_utf8(bytes).ok()?;
            out.push_str(&double_quoted(text));
        }
        Value::Scalar(other) => out.push_str(&scalar(other, Quoting::Plain, Context::Flow)?),
        Value::Mapping(mapping) => put_mapping(out, mapping)?,
        Value::Sequence(_) => {
            out.push('[');
            for (position, element) in value.elements().into_iter().flatten().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                put(out, element)?;
            }
            out.push(']');
        }
    }
    Some(())
}

fn put_mapping(out: &mut Zeroizing<String>, mapping: &Mapping) -> Option<()> {
    out.push('{');
    for (position, entry) in mapping.entries().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        out.push_str(&double_quoted(&entry.key));
        out.push_str(": ");
        put(out, &entry.value)?;
    }
    out.push('}');
    Some(())
}
