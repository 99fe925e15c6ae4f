//! A place in a document, and the way down from it. What stands there was judged by `shape` before; a value of
//! another type than asked for is simply not there.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::duration::duration;
use super::scenario::Spot;
use crate::source::{Document, Pointer, Site};

/// Where a misspelt key was meant to stand, and where it stands. Reading goes on with what was meant, so that
/// one misspelling is one message.
pub(super) type Meant = HashMap<Pointer, Pointer>;

/// A place in a document.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    document: &'a Document,
    meant: &'a Meant,
    at: Pointer,
    /// What stands there: each way down from the root would cost as much as the place is deep.
    value: &'a Value,
}

impl<'a> Cursor<'a> {
    /// The document's root.
    pub(super) fn root(document: &'a Document, meant: &'a Meant) -> Self {
        Self { document, meant, at: Pointer::root(), value: document.value() }
    }

    /// The place.
    pub(super) fn at(&self) -> &Pointer {
        &self.at
    }

    /// What stands there.
    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    fn to(&self, at: Pointer, value: &'a Value) -> Self {
        Self { document: self.document, meant: self.meant, at, value }
    }

    /// The member of a name.
    pub(super) fn get(&self, name: &str) -> Option<Self> {
        if let Some(value) = self.value.as_object().and_then(|object| object.get(name)) {
            return Some(self.to(self.at.key(name), value));
        }
        if self.meant.is_empty() {
            return None;
        }
        let at = self.meant.get(&self.at.key(name))?;
        self.document.get(at).map(|value| self.to(at.clone(), value))
    }

    /// The place of a member, if it is there.
    pub(super) fn pointer(&self, name: &str) -> Option<Pointer> {
        self.get(name).map(|cursor| cursor.at)
    }

    /// The members of a mapping.
    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        let object = self.value().as_object();
        object
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), self.to(self.at.key(name), value)))
            .collect()
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Vec<Self> {
        let elements = self.value.as_array().into_iter().flatten().enumerate();
        elements.map(|(index, value)| self.to(self.at.index(index), value)).collect()
    }

    /// The string that stands there, and its place.
    pub(super) fn spot(&self) -> Option<Spot<String>> {
        self.value().as_str().map(|text| Spot { value: text.to_owned(), at: self.at.clone() })
    }

    /// The string of a member.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.value().as_str().map(str::to_owned)
    }

    /// The duration of a member.
    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        self.get(name)?.as_duration()
    }

    /// The duration that stands there.
    pub(super) fn as_duration(&self) -> Option<Duration> {
        duration(self.value().as_str()?).ok()
    }

    /// The flag of a member; false where it is not there.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|cursor| cursor.value().as_bool() == Some(true))
    }

    /// Where the value stands.
    pub(super) fn site(&self) -> Site {
        self.document.site(&self.at)
    }

    /// The document.
    pub(super) fn document(&self) -> &'a Document {
        self.document
    }

    /// Where its key stands.
    pub(super) fn key_site(&self) -> Site {
        self.document.key_site(&self.at)
    }

    /// Where a mapping begins: its first key, or its value where it has none.
    pub(super) fn first_key_site(&self) -> Site {
        first_key_site(self.document, &self.at)
    }
}

/// Where a mapping begins: its first key, or its value where it has none.
pub(super) fn first_key_site(document: &Document, at: &Pointer) -> Site {
    let first = document.get(at).and_then(Value::as_object).and_then(|object| object.keys().next());
    match first {
        Some(key) => document.key_site(&at.key(key)),
        None => document.site(at),
    }
}
