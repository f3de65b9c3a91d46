//! What a Rust file says once comments and the insides of strings are left out: its tokens, the
//! lines that are tests, its functions.

mod tests;

use super::repository::TextFile;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::ops::RangeInclusive;
use std::str::FromStr as _;
use syn::visit::{self, Visit};

/// A word, a punctuation mark, a bracket or a literal.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    /// From 1.
    pub(super) line: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// Where `fn` stands, from 1.
    pub(super) line: usize,
    /// Lines from `fn` to the closing brace.
    pub(super) length: usize,
}

/// A file that was understood.
#[derive(Debug)]
pub(super) struct RustSource {
    pub(super) tokens: Vec<Token>,
    pub(super) functions: Vec<Function>,
    test_lines: Vec<RangeInclusive<usize>>,
    line_count: usize,
}

impl RustSource {
    /// Reads a file of which the compiler has to have accepted the syntax.
    pub(super) fn of(file: &TextFile) -> Self {
        Self::parse(&file.text)
            .unwrap_or_else(|error| panic!("{}:{}: {error}", file.path, error.span().start().line))
    }

    fn parse(text: &str) -> syn::Result<Self> {
        let stream = TokenStream::from_str(text)?;
        let mut source = Self {
            tokens: Vec::new(),
            functions: Vec::new(),
            test_lines: Vec::new(),
            line_count: text.lines().count(),
        };
        source.read_tokens(stream.clone());
        let mut functions = Functions::default();
        functions.visit_file(&syn::parse2(stream)?);
        source.functions = functions.found;
        Ok(source)
    }

    /// Lines without those under `#[cfg(test)]`.
    pub(super) fn product_line_count(&self) -> usize {
        let tests = self.test_lines.iter().map(|lines| lines.end() - lines.start() + 1);
        self.line_count - tests.sum::<usize>()
    }

    /// Functions that do not stand under `#[cfg(test)]`.
    pub(super) fn product_functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.iter().filter(|function| !self.is_test(function.line))
    }

    /// Whether a line stands under `#[cfg(test)]`.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// The lines on which these tokens stand one after the other.
    pub(super) fn lines_with(&self, sequence: &[&str]) -> Vec<usize> {
        self.tokens
            .windows(sequence.len())
            .filter(|window| window.iter().map(|token| &token.text).eq(sequence))
            .map(|window| window[0].line)
            .collect()
    }

    /// The lines that name a module of a crate: `parent::module`, or `parent::{…, module, …}`.
    pub(super) fn lines_with_module(&self, parent: &str, module: &str) -> Vec<usize> {
        let mut lines = self.lines_with(&[parent, ":", ":", module]);
        for (at, window) in self.tokens.windows(4).enumerate() {
            if !window.iter().map(|token| token.text.as_str()).eq([parent, ":", ":", "{"]) {
                continue;
            }
            let mut depth = 0_usize;
            for pair in self.tokens[at + 3..].windows(2) {
                match pair[0].text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                let opens_item = matches!(pair[0].text.as_str(), "{" | ",");
                if depth == 1 && opens_item && pair[1].text == module {
                    lines.push(pair[1].line);
                }
            }
        }
        lines
    }

    fn read_tokens(&mut self, stream: TokenStream) {
        let trees: Vec<_> = stream.into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            if is_cfg_test(&trees[at..]) {
                let end = item_end(&trees[at + 2..]).unwrap_or(self.line_count);
                self.test_lines.push(tree.span().start().line..=end);
            }
            match tree {
                TokenTree::Group(group) => self.read_group(group),
                other => self.push(other.to_string(), other.span().start().line),
            }
        }
    }

    fn read_group(&mut self, group: &Group) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        self.push(open.to_owned(), group.span_open().start().line);
        self.read_tokens(group.stream());
        self.push(close.to_owned(), group.span_close().start().line);
    }

    fn push(&mut self, text: String, line: usize) {
        self.tokens.push(Token { text, line });
    }
}

/// Whether `#[cfg(test)]` begins here.
fn is_cfg_test(trees: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = trees else {
        return false;
    };
    hash.as_char() == '#'
        && attribute.delimiter() == Delimiter::Bracket
        && attribute.stream().to_string().split_whitespace().collect::<String>() == "cfg(test)"
}

/// The last line of the item that begins here: where its first block or its semicolon ends.
fn item_end(trees: &[TokenTree]) -> Option<usize> {
    let end = trees.iter().find(|tree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    })?;
    Some(end.span().end().line)
}

#[derive(Default)]
struct Functions {
    found: Vec<Function>,
}

impl Functions {
    fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.fn_token.span.start().line;
        let end = body.brace_token.span.close().end().line;
        let name = signature.ident.to_string();
        self.found.push(Function { name, line, length: end - line + 1 });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
