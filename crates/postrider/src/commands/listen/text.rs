//! How requests look to a person. Nothing that was received can drive the terminal.

use super::answers::Answer;
use super::report::{Event, Report, Request};
use crate::escape::{printable, printable_bytes};
use crate::output::pretty;
use crate::verifier::Verdict;
use anstyle::{AnsiColor, Style};
use serde_json::value::RawValue;
use std::io::{self, Write};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[hour]:[minute]:[second].[subsecond digits:3]Z");
/// Bytes shown of a body that is no text.
const MAX_BINARY: usize = 1024;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// Shows a request with its headers and its body.
pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Event::Received(request) = &report.event else {
        return write_later(report, out);
    };
    writeln!(out, "{BOLD}#{}{BOLD:#}  {}", report.number, title(request))?;
    if let Some(id) = &request.delivery_id {
        writeln!(out, "    {}{}", printable(id), seen(request))?;
    }
    writeln!(out, "    {}", painted(&request.verdict))?;
    for (name, value) in &request.headers {
        writeln!(out, "      {DIM}{name}:{DIM:#} {}", printable_bytes(value.as_bytes()))?;
    }
    write_body(request, out)?;
    writeln!(out, "    {}\n", answer(&request.answer))
}

/// Shows a request on one line.
pub(super) fn write_brief(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Event::Received(request) = &report.event else {
        return write_later(report, out);
    };
    write!(out, "{BOLD}#{}{BOLD:#}  {}", report.number, title(request))?;
    if let Some(id) = &request.delivery_id {
        write!(out, "  {}{}", printable(id), seen(request))?;
    }
    writeln!(out, "  {}  {}", painted(&request.verdict), answer(&request.answer))
}

fn write_later(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let number = report.number;
    match &report.event {
        Event::Received(_) => Ok(()),
        Event::Answered { status, after } => {
            writeln!(
                out,
                "{BOLD}#{number}{BOLD:#}  answered {} after {}",
                status.as_u16(),
                seconds(*after)
            )
        }
        Event::Left { after } => {
            let after = seconds(*after);
            writeln!(
                out,
                "{BOLD}#{number}{BOLD:#}  {NOTE}the sender left after {after}, before the answer{NOTE:#}"
            )
        }
        Event::GaveUp { after } => {
            writeln!(out, "{BOLD}#{number}{BOLD:#}  the sender gave up after {}", seconds(*after))
        }
    }
}

fn title(request: &Request) -> String {
    let Request { method, target, .. } = request;
    let mut title = format!("{}  {} {}", time_of_day(request.at), method, printable(target));
    if let Some(event_type) = &request.event_type {
        title.push_str("  ");
        title.push_str(&printable(event_type));
    }
    title
}

fn time_of_day(at: OffsetDateTime) -> String {
    at.format(TIME).unwrap_or_default()
}

/// Whether the delivery was seen before: a retry, or a duplicate.
fn seen(request: &Request) -> String {
    if request.seen > 1 {
        format!("  {NOTE}seen {} times{NOTE:#}", request.seen)
    } else {
        String::new()
    }
}

fn painted(verdict: &Verdict) -> String {
    let style = match verdict {
        Verdict::Verified { .. } => GOOD,
        Verdict::Broken(_) | Verdict::Unread => BAD,
        Verdict::NoSecret => NOTE,
    };
    format!("{style}{verdict}{style:#}")
}

fn answer(answer: &Answer) -> String {
    let purpose = if answer.fails_on_purpose() { " on purpose" } else { "" };
    let Some(status) = answer.status() else {
        return format!("{BAD}never answers{purpose}{BAD:#}");
    };
    let style = if status.is_success() { GOOD } else { BAD };
    let status = status.as_u16();
    if answer.follows() {
        let delay = seconds(answer.delay);
        format!("answers {style}{status}{style:#}{purpose} in {delay}")
    } else {
        format!("answered {style}{status}{style:#}{purpose}")
    }
}

fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

fn write_body(request: &Request, out: &mut impl Write) -> io::Result<()> {
    let body = match &request.body {
        Ok(body) if body.is_empty() => return writeln!(out, "      {DIM}no body{DIM:#}"),
        Ok(body) => body,
        Err(problem) => return writeln!(out, "      {BAD}{problem}{BAD:#}"),
    };
    writeln!(out)?;
    let Ok(text) = std::str::from_utf8(body) else {
        let start = &body[..body.len().min(MAX_BINARY)];
        writeln!(out, "      {}", start.escape_ascii())?;
        let (shown, all) = (start.len(), body.len());
        return writeln!(out, "      {DIM}not UTF-8; {shown} of {all} bytes are shown{DIM:#}");
    };
    let lines = match serde_json::from_str::<&RawValue>(text) {
        Ok(json) => pretty(json.get()),
        Err(_) => text.lines().map(printable).collect::<Vec<_>>().join("\n"),
    };
    for line in lines.lines() {
        writeln!(out, "      {line}")?;
    }
    Ok(())
}
