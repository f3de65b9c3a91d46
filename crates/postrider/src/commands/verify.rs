//! `postrider verify`: checks one request's signature by hand.
//!
//! How a signature is checked is the contract's own; how a request is read from what was given has
//! `verify/given`.

mod given;

pub(crate) use self::given::RequestError;
use self::given::{GivenRequest, RequestArgs};
use crate::clock;
use crate::escape::printable_bytes;
use crate::output::{self, OutputError};
use crate::verifier::{SecretFormError, Verdict, Verifier, VerifierArgs};
use postrider_contract::{Received, VerifyError};
use std::io::{self, Write};
use std::process::ExitCode;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Check the signature of one request
///
/// Takes a request's headers and body as they were received, byte for byte, and says whether the
/// signature is right, with which of the secrets, and in time; or which rule is broken, and what the
/// signature should have been.
///
/// Exits with 0 when the request is verified, with 1 when it is not, with 2 when the options are wrong
/// or the request cannot be read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  postrider verify --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \\
    --header 'webhook-id: msg_1' --header 'webhook-timestamp: 1763769600' \\
    --header 'webhook-signature: v1,…' --body body.json
  postrider verify --request captured.http --at 2025-11-22T00:00:10Z   # head, empty line, body
  postrider listen --json --exit-after 1 | postrider verify --request -")]
pub(crate) struct Verify {
    #[command(flatten)]
    verifier: VerifierArgs,
    /// When it was received, for its age: Unix seconds or RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<i64>,
    // A heading holds for all that comes after it.
    #[command(flatten)]
    request: RequestArgs,
}

/// It could not be checked, or nobody could be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Secret(#[from] SecretFormError),
    #[error("a secret is needed to verify with")]
    NoSecret,
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl CheckError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::NoSecret => "give it with --secret or POSTRIDER_SECRET",
            Self::Request(error) => error.advice()?,
            Self::Secret(_) | Self::Output(_) => return None,
        };
        Some(advice.to_owned())
    }

    /// Whether what was given cannot be checked.
    pub(crate) fn is_usage(&self) -> bool {
        !matches!(self, Self::Output(_))
    }
}

impl Verify {
    /// Checks, and says what it found; the exit code says whether the request is verified.
    pub(crate) fn run(self) -> Result<ExitCode, CheckError> {
        let verifier = self.verifier.verifier()?;
        if verifier.keys.is_empty() {
            return Err(CheckError::NoSecret);
        }
        let request = self.request.read()?;
        let at = self.at.unwrap_or_else(|| clock::now().unix_timestamp());
        let verdict = request.received(|received| verifier.judge_at(&received, at));
        let code = if verdict.is_verified() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        output::written(report(&verifier, &request, &verdict, at, &mut io::stdout().lock()))?;
        Ok(code)
    }
}

fn report(
    verifier: &Verifier,
    request: &GivenRequest,
    verdict: &Verdict,
    at: i64,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "{verdict}")?;
    match verdict {
        Verdict::Broken(VerifyError::Differs) => explain(verifier, request, at, out),
        Verdict::Broken(VerifyError::TooOld { .. } | VerifyError::TooNew { .. }) => {
            writeln!(out, "  an old request is checked with --at TIME or a larger --tolerance")
        }
        _ => Ok(()),
    }
}

/// Shows what the signature should have been, and tries what commonly happens to a body.
fn explain(
    verifier: &Verifier,
    request: &GivenRequest,
    at: i64,
    out: &mut impl Write,
) -> io::Result<()> {
    for (place, key) in verifier.keys.iter().enumerate() {
        let expected =
            request.received(|received| verifier.contract.expected_signature(&received, key));
        let Ok((name, expected)) = expected else { continue };
        if place == 0 {
            for value in request.values(name) {
                writeln!(out, "  given     {name}: {}", printable_bytes(value))?;
            }
        }
        let with = match verifier.keys.len() {
            1 => String::new(),
            _ => format!("   (secret {})", place + 1),
        };
        writeln!(out, "  expected  {name}: {expected}{with}")?;
    }
    match request.likely_cause(|received| verifier.judge_at(&received, at)) {
        Some(cause) => writeln!(out, "  {cause}"),
        None => Ok(()),
    }
}

impl GivenRequest {
    /// What was done to the body, if undoing it makes the signature right.
    fn likely_cause(&self, judge: impl Fn(Received<'_>) -> Verdict) -> Option<&'static str> {
        let is_right = |body: &[u8]| {
            let verdict = self.with_body(body, &judge);
            !matches!(verdict, Verdict::Broken(VerifyError::Differs))
        };
        let body = &self.body[..];
        if body
            .strip_suffix(b"\n")
            .is_some_and(|cut| is_right(cut) || cut.strip_suffix(b"\r").is_some_and(is_right))
        {
            return Some("it is right without the line break at the end, which was not sent");
        }
        let compact =
            serde_json::from_slice::<&serde_json::value::RawValue>(body).ok().map(compact)?;
        is_right(compact.as_bytes())
            .then_some("it is right without the white space: check the bytes that were received")
    }
}

/// JSON without the white space between its tokens.
fn compact(json: &serde_json::value::RawValue) -> String {
    let (mut in_string, mut in_escape) = (false, false);
    let mut is_kept = |c: &char| {
        let kept = in_string || !c.is_ascii_whitespace();
        match c {
            _ if in_escape => in_escape = false,
            '\\' => in_escape = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
        kept
    };
    json.get().chars().filter(|c| is_kept(c)).collect()
}

/// Parses a time, for clap.
fn time(text: &str) -> Result<i64, &'static str> {
    let unix = text.parse().ok();
    let named = || OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp);
    unix.or_else(named).ok_or("must be Unix seconds or a time such as 2025-11-22T00:00:00Z")
}
