//! `homelab explain`.

use rust_embed::RustEmbed;
use serde_json::json;

use super::Outcome;
use crate::cli::{Context, ExitStatus, Failure, Kind};
use crate::spec::{Code, Severity};

/// The pages about the codes.
#[derive(RustEmbed)]
#[folder = "docs/diagnostics/"]
#[include = "HL*.md"]
struct Pages;

/// Arguments of `homelab explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  homelab explain HL0101
  homelab explain                     lists every code")]
pub struct ExplainArgs {
    /// The code, such as HL0101; without one, all are listed.
    code: Option<String>,
}

/// Explains a diagnostic code: what it means, an example, the remedy.
pub fn run(context: &Context, args: ExplainArgs) -> Outcome {
    let Some(text) = args.code else {
        return list(context);
    };
    let code: Code = text.parse().map_err(|error| {
        Failure::new(Kind::Usage, error).hint("`homelab explain` lists every code")
    })?;
    let file = Pages::get(&format!("{code}.md"));
    let page = file.map(|file| String::from_utf8_lossy(&file.data).into_owned());
    let page = page.unwrap_or_else(|| format!("# {code}: {}\n", code.title()));
    if context.ui.is_json() {
        context.ui.json(&json!({
            "code": code.as_str(),
            "severity": code.severity(),
            "title": code.title(),
            "page": page,
        }))?;
    } else {
        context.ui.result(page.as_bytes())?;
    }
    Ok(ExitStatus::Done)
}

fn list(context: &Context) -> Outcome {
    if context.ui.is_json() {
        let codes = Code::ALL.iter().map(|code| {
            json!({"code": code.as_str(), "severity": code.severity(), "title": code.title()})
        });
        context.ui.json(&codes.collect::<Vec<_>>())?;
    } else {
        let lines = Code::ALL.iter().map(|code| {
            let severity = match code.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("{code}  {severity:<8} {}\n", code.title())
        });
        context.ui.result(lines.collect::<String>().as_bytes())?;
    }
    Ok(ExitStatus::Done)
}
