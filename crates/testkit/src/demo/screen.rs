//! Output for people: indented lines under headings, in colour on a terminal only.

use std::io::{self, IsTerminal as _, Stdout, Write as _};

/// What a piece of text stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Colour {
    /// Something went well.
    Green,
    /// Something worth a look.
    Yellow,
    /// Something that is there to be looked up.
    Dim,
    /// A heading.
    Bold,
}

/// Where the demo writes.
#[derive(Debug)]
pub struct Screen {
    out: Stdout,
    coloured: bool,
}

impl Screen {
    /// Standard output; coloured if that is a terminal and `NO_COLOR` is not set.
    pub fn stdout() -> Self {
        let out = io::stdout();
        let coloured = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { out, coloured }
    }

    /// The text in a colour.
    pub(super) fn paint(&self, colour: Colour, text: &str) -> String {
        if !self.coloured {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Dim => 2,
            Colour::Bold => 1,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    pub(super) fn title(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint(Colour::Bold, text);
        writeln!(self.out, "\n{text}")
    }

    pub(super) fn heading(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint(Colour::Bold, text);
        writeln!(self.out, "\n{text}\n")
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "  {}", text.trim_end())?;
        self.out.flush()
    }

    pub(super) fn closing(&mut self, text: &str) -> io::Result<()> {
        let text = self.paint(Colour::Green, text);
        writeln!(self.out, "\n{text}\n")
    }
}

/// The end of an id, enough to find it in a list.
pub(super) fn short(id: &str) -> String {
    let start = id.len().saturating_sub(8);
    format!("…{}", id.get(start..).unwrap_or(id))
}
