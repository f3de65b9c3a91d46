//! Secrets from standard input: they have no place among the arguments, which others can see.

use secrecy::SecretString;
use std::io::{self, IsTerminal as _};

/// One line of standard input, without what is round it. At a terminal it is asked for, and not shown
/// while it is typed.
pub(crate) fn read(what: &str) -> io::Result<SecretString> {
    let mut line = String::new();
    if io::stdin().is_terminal() {
        line = rpassword::prompt_password(format!("{what}: "))?;
    } else {
        io::stdin().read_line(&mut line)?;
    }
    Ok(SecretString::from(line.trim()))
}
