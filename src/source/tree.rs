//! From nodes as they are opened and closed to a [`Document`]: containers, keys, anchors, aliases and merges.
//! It knows nothing of YAML's syntax, and holds every bound on what a file may grow to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::trap::short;
use super::{Document, NodeSpan, Pointer, Site, SourceFile, Span};
use crate::diagnostic::{Code, Diagnostic};

/// How deep a document may nest.
pub(super) const MAX_DEPTH: usize = 64;
/// How many values a file may hold, those that aliases repeat included.
pub(super) const MAX_NODES: usize = 100_000;
/// How many bytes of text aliases may repeat.
const MAX_REPEATED: usize = 4 << 20;
/// How many messages one file gets.
pub(super) const MAX_FOUND: usize = 100;

/// A value and the places of it and of all that it holds.
#[derive(Clone, Debug)]
struct Node {
    span: Span,
    content: Content,
    /// Levels of containers, its own included.
    height: usize,
}

#[derive(Clone, Debug)]
enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
struct Entry {
    key: Key,
    value: Node,
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its text; none for a key that was refused already, whose entry is left out.
    pub(super) name: Option<String>,
    /// Where it stands.
    pub(super) span: Span,
    /// Whether it is the merge key `<<`.
    pub(super) merge: bool,
}

/// Which container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A list.
    List,
    /// A mapping.
    Map,
}

/// A container that is not closed yet.
#[derive(Debug)]
struct Frame {
    kind: Kind,
    flow: bool,
    anchor: usize,
    /// From its start to the last thing in it that stands on its first line.
    span: Span,
    line_end: usize,
    height: usize,
    items: Vec<Node>,
    entries: Vec<Entry>,
    key: Option<Key>,
}

/// Puts documents together.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    /// Bytes of text that anchors and aliases copied.
    repeated: usize,
    /// The nodes before this document.
    before: usize,
    found: Vec<Diagnostic>,
    errors: usize,
}

/// A bound was met, and told: the reading ends.
#[derive(Debug)]
pub(super) struct Full;

impl<'a> Builder<'a> {
    pub(super) fn new(file: &'a Arc<SourceFile>) -> Self {
        Self {
            file,
            stack: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            nodes: 0,
            repeated: 0,
            before: 0,
            found: Vec::new(),
            errors: 0,
        }
    }

    pub(super) fn site(&self, span: Span) -> Site {
        Site { file: Arc::clone(self.file), span }
    }

    /// Keeps a message. Warnings beyond [`MAX_FOUND`] are dropped.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.is_error());
        if diagnostic.is_error() || self.found.len() < MAX_FOUND {
            self.found.push(diagnostic);
        }
    }

    /// What was reported.
    pub(super) fn found(&self) -> &[Diagnostic] {
        &self.found
    }

    /// What was reported, for good.
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    /// Whether enough is wrong with the file for one go.
    pub(super) fn is_enough(&self) -> bool {
        self.errors >= MAX_FOUND
    }

    /// Whether the next node is a key of the innermost mapping.
    pub(super) fn wants_key(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.kind == Kind::Map && frame.key.is_none())
    }

    /// Whether the next node stands in a flow collection.
    pub(super) fn in_flow(&self) -> bool {
        self.stack.last().is_some_and(|frame| frame.flow)
    }

    /// The bracket that opens the innermost container, if it is a flow collection.
    pub(super) fn open_bracket(&self) -> Option<Span> {
        let frame = self.stack.last().filter(|frame| frame.flow)?;
        Some(Span::new(frame.span.start, frame.span.start + 1))
    }

    /// The innermost container if it is a flow list without an element yet: where it starts.
    pub(super) fn empty_flow_list(&self) -> Option<usize> {
        self.stack
            .last()
            .filter(|frame| frame.flow && frame.kind == Kind::List && frame.items.len() <= 1)
            .map(|frame| frame.span.start)
    }

    /// The place of the key whose value comes next.
    pub(super) fn pending_key(&self) -> Option<Span> {
        self.stack.last().and_then(|frame| frame.key.as_ref()).map(|key| key.span)
    }

    /// How many containers are open.
    pub(super) fn depth(&self) -> usize {
        self.stack.len()
    }

    /// The next key of the innermost mapping.
    pub(super) fn key(&mut self, key: Key) {
        if let Some(frame) = self.stack.last_mut() {
            reach(frame, key.span.end);
            frame.key = Some(key);
        }
    }

    /// A scalar. `anchor` is 0 where it has none.
    pub(super) fn scalar(&mut self, value: Value, span: Span, anchor: usize) -> Result<(), Full> {
        self.count(1, span)?;
        let node = Node { span, content: Content::Scalar(value), height: 0 };
        self.remember(anchor, &node)?;
        self.place(node, span.end);
        Ok(())
    }

    /// What an alias repeats, if that was anchored and is closed.
    pub(super) fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Full> {
        let Some(node) = self.anchors.get(&anchor) else {
            let name = short(self.file.slice(span));
            self.report(
                Diagnostic::error(
                    Code::YamlSyntax,
                    self.site(span),
                    format!("`{name}` stands inside of what it refers to"),
                )
                .help("write the value out"),
            );
            return self.scalar(Value::Null, span, 0);
        };
        let (weight, height) = (weigh(node), node.height);
        if self.stack.len() + height > MAX_DEPTH {
            return Err(self.too_deep(span));
        }
        self.charge(weight, span)?;
        // Asked for again, since what it weighs had to be known and paid before it is copied.
        let Some(mut node) = self.anchors.get(&anchor).cloned() else { return Ok(()) };
        move_to(&mut node, span);
        self.place(node, span.end);
        Ok(())
    }

    /// A container starts at `span`; `line_end` is the end of the line that it starts on.
    pub(super) fn open(
        &mut self,
        kind: Kind,
        flow: bool,
        anchor: usize,
        span: Span,
        line_end: usize,
    ) -> Result<(), Full> {
        self.count(1, span)?;
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.too_deep(span));
        }
        self.stack.push(Frame {
            kind,
            flow,
            anchor,
            span,
            line_end,
            height: 0,
            items: Vec::new(),
            entries: Vec::new(),
            key: None,
        });
        Ok(())
    }

    /// The innermost container ends; a flow collection's bracket at `end`. Where it started and whether it
    /// was a flow collection.
    pub(super) fn close(&mut self, end: usize) -> Result<Option<(Span, bool)>, Full> {
        let Some(mut frame) = self.stack.pop() else { return Ok(None) };
        if frame.flow {
            reach(&mut frame, end);
        }
        let whole = Span::new(frame.span.start, end);
        let content = match frame.kind {
            Kind::List => Content::List(frame.items),
            Kind::Map => Content::Map(self.merged(frame.entries)),
        };
        let node = Node { span: frame.span, content, height: frame.height + 1 };
        self.remember(frame.anchor, &node)?;
        if self.wants_key() {
            self.report(
                Diagnostic::error(
                    Code::YamlSyntax,
                    self.site(frame.span),
                    "a key has to be text, not a list or a mapping",
                )
                .help("quote it if it is meant as text"),
            );
            self.key(Key { name: None, span: frame.span, merge: false });
        } else {
            let end = if frame.flow { end } else { frame.span.end };
            self.place(node, end);
        }
        Ok(Some((whole, frame.flow)))
    }

    /// The document ends: its value and places.
    pub(super) fn finish(&mut self) -> Option<Document> {
        self.stack.clear();
        self.anchors.clear();
        let root = self.root.take()?;
        let mut spans = Vec::with_capacity(self.nodes - self.before);
        self.before = self.nodes;
        let value = flatten(root, None, &Pointer::root(), &mut spans);
        Some(Document::new(Arc::clone(self.file), value, spans.into_iter().collect()))
    }

    /// Leaves the document behind.
    pub(super) fn abandon(&mut self) {
        self.stack.clear();
        self.anchors.clear();
        self.root = None;
    }

    fn place(&mut self, node: Node, end: usize) {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        reach(frame, end);
        frame.height = frame.height.max(node.height);
        match frame.kind {
            Kind::List => frame.items.push(node),
            Kind::Map => {
                if let Some(key) = frame.key.take() {
                    frame.entries.push(Entry { key, value: node });
                }
            }
        }
    }

    /// The entries without those that stand twice, and with those of `<<` where a key is not said.
    fn merged(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut first: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
        let mut kept = Vec::with_capacity(entries.len());
        for (index, Entry { key, .. }) in entries.iter().enumerate() {
            let Some(name) = &key.name else { continue };
            if key.merge {
                kept.push(index);
                continue;
            }
            let before = *first.entry(name).or_insert(key.span);
            if before == key.span {
                kept.push(index);
                continue;
            }
            let duplicate = Diagnostic::error(
                Code::DuplicateKey,
                self.site(key.span),
                format!("the key `{}` stands twice in this mapping", short(name)),
            )
            .label("again here")
            .also(self.site(before), "first here")
            .help("remove one of them, or put both values under one key");
            self.report(duplicate);
        }
        let merges = entries.iter().any(|entry| entry.key.merge);
        if !merges && kept.len() == entries.len() {
            return entries;
        }
        let mut known: HashSet<String> = first.into_keys().map(str::to_owned).collect();
        let mut kept = kept.into_iter().peekable();
        let entries = entries
            .into_iter()
            .enumerate()
            .filter(|(index, _)| kept.next_if_eq(index).is_some())
            .map(|(_, e)| e);
        let mut merged = Vec::new();
        for entry in entries {
            if !entry.key.merge {
                merged.push(entry);
                continue;
            }
            let site = self.site(entry.value.span);
            let sources = match entry.value.content {
                Content::List(items) => items,
                _ => vec![entry.value],
            };
            for source in sources {
                let Content::Map(members) = source.content else {
                    self.report(
                        Diagnostic::error(
                            Code::YamlSyntax,
                            site.clone(),
                            "`<<` takes a mapping or a list of mappings",
                        )
                        .help("quote it, `\"<<\"`, if a key of this name is meant"),
                    );
                    break;
                };
                merged.extend(
                    members
                        .into_iter()
                        .filter(|m| m.key.name.as_ref().is_some_and(|n| known.insert(n.clone()))),
                );
            }
        }
        merged
    }

    /// Keeps an anchored key for its aliases.
    pub(super) fn remember_key(&mut self, anchor: usize, name: &str, span: Span) -> Result<(), Full> {
        self.remember(anchor, &Node { span, content: Content::Scalar(Value::from(name)), height: 0 })
    }

    /// Keeps an anchored node for its aliases.
    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Full> {
        if anchor != 0 {
            self.charge(weigh(node), node.span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    /// Pays for a copy of a node: anchors within anchors and aliases of aliases grow without limit otherwise.
    fn charge(&mut self, (nodes, bytes): (usize, usize), span: Span) -> Result<(), Full> {
        self.count(nodes, span)?;
        self.repeated += bytes;
        if self.repeated > MAX_REPEATED {
            return Err(self.full(span, format!("aliases repeat more than {MAX_REPEATED} bytes of text")));
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Full> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(self.full(span, format!("the file holds more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn too_deep(&mut self, span: Span) -> Full {
        let site = self.site(span);
        let message = format!("the document nests deeper than {MAX_DEPTH} levels");
        self.report(Diagnostic::error(Code::TooLarge, site, message).help("write it flatter"));
        Full
    }

    fn full(&mut self, span: Span, message: String) -> Full {
        let site = self.site(span);
        self.report(Diagnostic::error(Code::TooLarge, site, message).help("split the file"));
        Full
    }
}

/// Something in the container ends at `end`: its first line's part grows if that is where it stands.
fn reach(frame: &mut Frame, end: usize) {
    if end <= frame.line_end {
        frame.span.end = frame.span.end.max(end);
    }
}

/// How many values a node is, and how many bytes of text.
fn weigh(node: &Node) -> (usize, usize) {
    let add = |(nodes, bytes): (usize, usize), (more, text): (usize, usize)| (nodes + more, bytes + text);
    match &node.content {
        Content::Scalar(Value::String(text)) => (1, text.len()),
        Content::Scalar(_) => (1, 0),
        Content::List(items) => items.iter().map(weigh).fold((1, 0), add),
        Content::Map(entries) => entries
            .iter()
            .map(|entry| add(weigh(&entry.value), (0, entry.key.name.as_ref().map_or(0, String::len))))
            .fold((1, 0), add),
    }
}

/// What an alias repeats stands, for every message, where the alias stands.
fn move_to(node: &mut Node, span: Span) {
    node.span = span;
    match &mut node.content {
        Content::Scalar(_) => {}
        Content::List(items) => items.iter_mut().for_each(|item| move_to(item, span)),
        Content::Map(entries) => {
            for entry in entries {
                entry.key.span = span;
                move_to(&mut entry.value, span);
            }
        }
    }
}

fn flatten(node: Node, key: Option<Span>, at: &Pointer, spans: &mut Vec<(Pointer, NodeSpan)>) -> Value {
    spans.push((at.clone(), NodeSpan { key, value: node.span }));
    match node.content {
        Content::Scalar(value) => value,
        Content::List(items) => Value::Array(
            items
                .into_iter()
                .enumerate()
                .map(|(index, item)| flatten(item, None, &at.index(index), spans))
                .collect(),
        ),
        Content::Map(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for Entry { key, value } in entries {
                let Some(name) = key.name else { continue };
                let value = flatten(value, Some(key.span), &at.key(&name), spans);
                map.insert(name, value);
            }
            Value::Object(map)
        }
    }
}
