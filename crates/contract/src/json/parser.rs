//! The grammar of RFC 8259, written out again while it is read. Strings, numbers and the order of
//! keys have modules of their own; recursion is bounded by `MAX_DEPTH`.

use super::MAX_DEPTH;
use super::cursor::Cursor;
use super::error::{Expected, JsonError};
use super::member::{self, Member};
use super::{number, string};

/// Rewrites the object that the text is.
pub(super) fn rewrite(text: &str) -> Result<String, JsonError> {
    let mut parser = Parser {
        cursor: Cursor::new(text),
        out: String::with_capacity(text.len()),
        members: Vec::with_capacity(16),
        scratch: String::new(),
    };
    parser.document()?;
    Ok(parser.out)
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    out: String,
    /// The members so far of every object that is open, the innermost object's last.
    members: Vec<Member>,
    scratch: String,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<(), JsonError> {
        if self.cursor.rest().starts_with("\u{feff}".as_bytes()) {
            return Err(JsonError::ByteOrderMark);
        }
        self.cursor.skip_space();
        let offset = self.cursor.offset();
        if self.cursor.peek() != Some(b'{') {
            return Err(JsonError::NotAnObject { offset });
        }
        self.object(1)?;
        self.cursor.skip_space();
        match self.cursor.peek() {
            None => Ok(()),
            Some(_) => Err(JsonError::TrailingData { offset: self.cursor.offset() }),
        }
    }

    /// Reads the value that is next, after white space. `depth` is what an array or object here has.
    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        self.cursor.skip_space();
        match self.cursor.peek() {
            Some(b'"') => string::rewrite(&mut self.cursor, &mut self.out),
            Some(b'-' | b'0'..=b'9') => number::rewrite(&mut self.cursor, &mut self.out),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(self.cursor.expected(Expected::Value)),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.cursor.rest().starts_with(word.as_bytes()) {
            return Err(self.cursor.expected(Expected::Value));
        }
        self.cursor.advance(word.len());
        self.out.push_str(word);
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        self.open(depth, '[')?;
        if !self.closed(b']') {
            loop {
                self.value(depth + 1)?;
                if !self.goes_on(b']', Expected::CommaOrBracket)? {
                    break;
                }
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        self.open(depth, '{')?;
        let first = self.members.len();
        if !self.closed(b'}') {
            let mut expected = Expected::KeyOrEnd;
            loop {
                self.member(depth, expected)?;
                if !self.goes_on(b'}', Expected::CommaOrBrace)? {
                    break;
                }
                expected = Expected::Key;
            }
        }
        let members = &mut self.members[first..];
        member::refuse_duplicates(members, &self.out)?;
        member::reorder(members, &mut self.out, &mut self.scratch);
        self.members.truncate(first);
        self.out.push('}');
        Ok(())
    }

    fn member(&mut self, depth: usize, expected: Expected) -> Result<(), JsonError> {
        self.cursor.skip_space();
        if self.cursor.peek() != Some(b'"') {
            return Err(self.cursor.expected(expected));
        }
        let offset = self.cursor.offset();
        let start = self.out.len();
        string::rewrite(&mut self.cursor, &mut self.out)?;
        let key = start + 1..self.out.len() - 1;
        self.cursor.skip_space();
        if !self.cursor.eat(b':') {
            return Err(self.cursor.expected(Expected::Colon));
        }
        self.out.push(':');
        self.value(depth + 1)?;
        self.members.push(Member { offset, key, whole: start..self.out.len() });
        Ok(())
    }

    fn open(&mut self, depth: usize, bracket: char) -> Result<(), JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep { offset: self.cursor.offset() });
        }
        self.cursor.advance(1);
        self.out.push(bracket);
        Ok(())
    }

    /// Steps over white space and the closing bracket, if that is next.
    fn closed(&mut self, bracket: u8) -> bool {
        self.cursor.skip_space();
        self.cursor.eat(bracket)
    }

    /// Steps over what stands between two elements, or ends them.
    fn goes_on(&mut self, bracket: u8, expected: Expected) -> Result<bool, JsonError> {
        if self.closed(bracket) {
            return Ok(false);
        }
        if !self.cursor.eat(b',') {
            return Err(self.cursor.expected(expected));
        }
        self.out.push(',');
        Ok(true)
    }
}
