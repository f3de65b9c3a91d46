//! Asking before something is done that cannot be taken back.

use std::io::{self, IsTerminal as _, Write as _};

/// Whether to ask.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ConfirmArgs {
    /// Do it without asking; needed where there is no terminal to ask at
    #[arg(long, short)]
    yes: bool,
}

/// It was not confirmed, so nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfirmError {
    #[error("this needs a confirmation, and there is no terminal to ask at")]
    NoTerminal,
    #[error("nothing was done")]
    Declined,
    #[error("cannot ask")]
    Terminal(#[source] io::Error),
}

impl ConfirmError {
    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<String> {
        matches!(self, Self::NoTerminal).then(|| "say --yes".to_owned())
    }
}

impl ConfirmArgs {
    /// Asks, unless it was confirmed beforehand; `question` without its question mark.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), ConfirmError> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(ConfirmError::NoTerminal);
        }
        match ask(question).map_err(ConfirmError::Terminal)?.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(ConfirmError::Declined),
        }
    }
}

fn ask(question: &str) -> io::Result<String> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question}? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer)
}
