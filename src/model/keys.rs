//! What the tables of keys are made of. The reader, the JSON Schemas and the key lists of the docs all go by
//! these tables; nothing about a single key is said anywhere else.

use serde_json::Value;

use super::scenario_keys::{CHECKS, CLIENT, FRAGMENT, ROW, ROWS, RULE, SCENARIO};
use super::step_keys::{
    AWAIT, COMPLETE, EVENTUALLY, HTTP, KNOWN_BUG, LISTEN, OPERAND_KEYS, SAVE, STEP, STEP_KEYS, VERB_KEYS,
};
use super::suite_keys::{APP, AUTH, KNOB_TABLE, LIMITS, PAT, SANDBOX, SERVER, SUITE, TIMEOUTS, TLS, UIPATH};
use super::values::takes;
use crate::knobs::Knob;

/// An object of a file format.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name in the docs and in the schemas.
    pub(super) name: &'static str,
    /// What messages call it: `a step`.
    pub(super) what: &'static str,
    /// Its keys, in groups as they belong together.
    pub(super) groups: &'static [&'static [Key]],
    /// Keys of which it has exactly one.
    pub(super) one_of: &'static [&'static str],
    /// What further keys are, which may have any name and any value; none where there are none.
    pub(super) others: Option<&'static str>,
    /// Whether a mapping without any key means something.
    pub(super) may_be_empty: bool,
    /// The key that has to be there beside any other.
    pub(super) beside: Option<&'static str>,
}

/// One key of an object.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    /// What it means, in a sentence or two of Markdown.
    pub(super) doc: &'static str,
}

/// What a key takes.
#[derive(Debug)]
pub(super) enum Kind {
    /// A string that is no template.
    Text,
    /// A string as it is, braces and all.
    Verbatim,
    /// The name of a server or an identity of the suite.
    Name,
    /// The same, or a template of `row` that yields it.
    Choice,
    /// The name of a variable.
    Saved,
    /// A string with templates.
    Template,
    /// A string with templates, which may be empty.
    Typed,
    /// A string of one character.
    Character,
    /// `true` or `false`.
    Flag,
    /// A whole number from 1.
    Count,
    /// A number from 1, not so large that what it multiplies has no end.
    Factor,
    /// A day: `2026-09-30`.
    Date,
    /// A duration over zero.
    Duration,
    /// So many in a unit of time: `10/s`.
    Rate,
    /// `auto` or a version of the protocol.
    Protocol,
    /// One of these words.
    Word(&'static [&'static str]),
    /// What a knob of the sandbox is set to; numbers are its words, too.
    Knob(&'static Knob),
    /// The name of an environment variable.
    Variable,
    /// The name of a tool, in which `*` stands for any characters.
    Tool,
    /// Any value; strings in it are templates.
    Any,
    /// A mapping of any values, or one template that yields it.
    Object,
    /// A matcher over the exchange.
    Expect,
    /// A matcher over the scope of templates.
    Scope,
    /// A matcher over a mapping, or one template that yields the mapping.
    Members,
    /// HTTP headers of a step: strings with templates, or null to leave one out.
    StepHeaders,
    /// HTTP headers of a server: plain strings.
    ServerHeaders,
    /// A list with at least one element.
    List(&'static Self),
    /// A mapping from names to values, with at least one entry.
    Map(Names, &'static Self),
    /// An object with a table of its own.
    Table(&'static Table),
    /// An object in whose place a token might be written.
    Secret(&'static Table),
    /// Two kinds of different types.
    Either(&'static Self, &'static Self),
}

/// What the names of a mapping name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Variables that templates read.
    Variables,
    /// Servers of the suite.
    Servers,
    /// Identities of a server.
    Identities,
    /// Environment variables.
    Environment,
    /// Sets of scenarios.
    Sets,
    /// Anything.
    Any,
}

impl Key {
    /// A key that may be left out.
    pub(super) const fn may(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, required: false, doc }
    }

    /// A key that has to be there.
    pub(super) const fn must(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, required: true, doc }
    }
}

impl Table {
    /// An object whose keys stand in `groups`.
    pub(super) const fn new(
        name: &'static str,
        what: &'static str,
        groups: &'static [&'static [Key]],
    ) -> Self {
        Self { name, what, groups, one_of: &[], others: None, may_be_empty: false, beside: None }
    }

    /// Every key.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    /// Its only required key, where that takes a string: what a string in place of the mapping was meant to be.
    pub(super) fn required_text(&self) -> Option<&'static str> {
        let mut required = self.keys().filter(|key| key.required);
        match (required.next(), required.next()) {
            (Some(key), None) if takes(&key.kind, &Value::String(String::new())) => Some(key.name),
            _ => None,
        }
    }
}

impl Kind {
    /// What it is, for messages and for the docs.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Text | Self::Verbatim => "a string".to_owned(),
            Self::Name => "a name".to_owned(),
            Self::Choice => "a name, or a template of `row` that yields one".to_owned(),
            Self::Saved => "the name of a saved value".to_owned(),
            Self::Template | Self::Typed => "a string with templates".to_owned(),
            Self::Character => "one character".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count => "a whole number from 1".to_owned(),
            Self::Factor => "a number from 1 to 100".to_owned(),
            Self::Date => "a day such as `2026-09-30`".to_owned(),
            Self::Duration => "a duration such as `30s`".to_owned(),
            Self::Rate => "a rate such as `10/s`".to_owned(),
            Self::Protocol => "`auto` or a version".to_owned(),
            Self::Word(words) => listed(words.iter().copied(), "or"),
            Self::Knob(knob) => knob.values(),
            Self::Variable => "the name of an environment variable".to_owned(),
            Self::Tool => "the name of a tool, in which `*` stands for any characters".to_owned(),
            Self::Any => "any value".to_owned(),
            Self::Object => "a mapping, or a template that yields one".to_owned(),
            Self::Expect => "a mapping from fields of the exchange to what is expected of them".to_owned(),
            Self::Scope => {
                "a mapping from names that templates can see to what is expected of them".to_owned()
            }
            Self::Members => "a mapping from members to what is expected of them".to_owned(),
            Self::StepHeaders => "a mapping from header names to strings or null".to_owned(),
            Self::ServerHeaders => "a mapping from header names to strings".to_owned(),
            Self::List(Self::Text | Self::Verbatim | Self::Template) => "a list of strings".to_owned(),
            // A step's keys are too many for a sentence.
            Self::Table(table) if table.name == STEP.name => table.what.to_owned(),
            Self::Either(Self::Table(one), Self::List(Self::Table(more))) if one.name == more.name => {
                format!("{} or a list of them", one.what)
            }
            Self::List(Self::Table(table)) => format!("a list, each element {}", table.what),
            Self::List(of) => format!("a list, each element {}", of.describe()),
            Self::Map(names, of) => {
                let names = match names {
                    Names::Variables => "names of variables",
                    Names::Servers => "names of servers",
                    Names::Identities => "names of identities",
                    Names::Environment => "names of environment variables",
                    Names::Sets => "names of sets",
                    Names::Any => "names",
                };
                match of {
                    Self::Any => format!("a mapping from {names} to values"),
                    of => format!("a mapping from {names}, each to {}", of.describe()),
                }
            }
            Self::Table(table) if table.others.is_some() => {
                format!(
                    "a mapping with {} and any other keys",
                    listed(table.keys().map(|key| key.name), "and")
                )
            }
            Self::Table(table) | Self::Secret(table) => {
                format!("a mapping with {}", listed(table.keys().map(|key| key.name), "or"))
            }
            Self::Either(one, other) => format!("{}, or {}", one.describe(), other.describe()),
        }
    }
}

/// A key as the docs list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its name.
    pub key: &'static str,
    /// What it takes.
    pub takes: String,
    /// What it means.
    pub doc: &'static str,
    /// Whether it has to be there.
    pub required: bool,
}

/// The keys of every object of the two file formats, under the object's name. A step's are
/// `verbs`, `operands` and `step`.
#[must_use]
pub fn key_tables() -> Vec<(&'static str, Vec<KeyRow>)> {
    let rows = |keys: &mut dyn Iterator<Item = &'static Key>| -> Vec<KeyRow> {
        keys.map(|key| KeyRow {
            key: key.name,
            takes: key.kind.describe(),
            doc: key.doc,
            required: key.required,
        })
        .collect()
    };
    let tables = [
        &SUITE,
        &SERVER,
        &SANDBOX,
        &KNOB_TABLE,
        &UIPATH,
        &AUTH,
        &APP,
        &PAT,
        &LIMITS,
        &TIMEOUTS,
        &TLS,
        &SCENARIO,
        &ROWS,
        &ROW,
        &FRAGMENT,
        &RULE,
        &CLIENT,
        &CHECKS,
        &SAVE,
        &HTTP,
        &COMPLETE,
        &LISTEN,
        &AWAIT,
        &EVENTUALLY,
        &KNOWN_BUG,
    ];
    let groups = [("verbs", VERB_KEYS), ("operands", OPERAND_KEYS), ("step", STEP_KEYS)];
    let tables = tables.into_iter().map(|table| (table.name, rows(&mut table.keys())));
    tables.chain(groups.into_iter().map(|(name, keys)| (name, rows(&mut keys.iter())))).collect()
}

/// Words in backticks as a list in a sentence.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>, joined: &str) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} {joined} {last}", words.join(", ")),
    }
}
