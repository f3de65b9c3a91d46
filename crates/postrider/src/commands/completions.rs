//! `postrider completions`: a script for a shell, made from what can be typed.

use crate::cli::Cli;
use crate::output::{self, OutputError};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Print a script that completes commands and options in a shell
///
/// The script goes to standard output; where a shell looks for it is shown below. Make it anew after
/// an update.
#[derive(clap::Args, Debug)]
#[command(after_help = "Install:
  bash        postrider completions bash > ~/.local/share/bash-completion/completions/postrider
  zsh         postrider completions zsh > \"${fpath[1]}/_postrider\"
  fish        postrider completions fish > ~/.config/fish/completions/postrider.fish
  elvish      postrider completions elvish >> ~/.config/elvish/rc.elv
  powershell  postrider completions powershell >> $PROFILE")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn run(&self) -> Result<(), OutputError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "postrider", &mut script);
        output::print(&String::from_utf8_lossy(&script))
    }
}
