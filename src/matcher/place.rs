//! Where in the compared document something stands. A place is a chain on the stack, written out only where
//! there is a mismatch to tell.

use std::fmt::Write as _;

/// A place, as a step from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    from: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
    /// The node that a path found: how it is shown, and its pointer.
    Found(&'a str, &'a str),
    /// The list of what a path found: the path, and how each node is shown.
    Nodes(&'a str, &'a [String]),
    /// Something made of the node: its length, what it says as JSON. Pointers begin anew.
    Made(&'static str),
}

impl<'a> Place<'a> {
    pub(super) fn root() -> Self {
        Self { from: None, step: Step::Root }
    }

    pub(super) fn found(shown: &'a str, pointer: &'a str) -> Self {
        Self { from: None, step: Step::Found(shown, pointer) }
    }

    pub(super) fn nodes(shown: &'a str, places: &'a [String]) -> Self {
        Self { from: None, step: Step::Nodes(shown, places) }
    }

    pub(super) fn key(&'a self, name: &'a str) -> Self {
        Self { from: Some(self), step: Step::Key(name) }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self { from: Some(self), step: Step::Index(index) }
    }

    pub(super) fn made(&'a self, what: &'static str) -> Self {
        Self { from: Some(self), step: Step::Made(what) }
    }

    /// The place as a JSONPath from the root.
    pub(super) fn shown(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        if let (Step::Index(index), Some(Self { step: Step::Nodes(_, places), .. })) = (self.step, self.from)
            && let Some(place) = places.get(index)
        {
            out.push_str(place);
            return;
        }
        if let Some(from) = self.from {
            from.write(out);
        }
        match self.step {
            Step::Root => out.push('$'),
            Step::Key(name) => push_key(out, name),
            Step::Index(index) => {
                let _ = write!(out, "[{index}]");
            }
            Step::Found(shown, _) | Step::Nodes(shown, _) => out.push_str(shown),
            Step::Made(what) => {
                let _ = write!(out, " ({what})");
            }
        }
    }

    /// The place as a JSON Pointer into the document that it belongs to.
    pub(super) fn pointer(&self) -> String {
        let mut out = String::new();
        self.write_pointer(&mut out);
        out
    }

    fn write_pointer(&self, out: &mut String) {
        if let (Some(from), Step::Key(_) | Step::Index(_)) = (self.from, self.step) {
            from.write_pointer(out);
        }
        match self.step {
            Step::Key(name) => {
                out.push('/');
                out.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                let _ = write!(out, "/{index}");
            }
            Step::Found(_, pointer) => out.push_str(pointer),
            Step::Root | Step::Nodes(..) | Step::Made(_) => {}
        }
    }
}

/// A member as a JSONPath writes it: with a dot where it can.
pub(super) fn push_key(out: &mut String, name: &str) {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii());
    if plain {
        out.push('.');
        out.push_str(name);
    } else {
        out.push('[');
        out.push_str(&quoted(name));
        out.push(']');
    }
}

/// A text as a literal of JSONPath.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}
