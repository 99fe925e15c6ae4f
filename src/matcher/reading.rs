//! What a matcher reads at its root: the fields of an exchange or the names of the scope, for the flow of names.

use super::node::{Kind, Node, Op, PathKey};
use crate::source::Pointer;

/// A name that a matcher reads at its root.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The name; none for a path that may read any.
    pub name: Option<&'a str>,
    /// The names below it that it reads, each with the place of its key.
    pub members: Vec<(&'a str, &'a Pointer)>,
    /// The place of the key that reads it.
    pub at: &'a Pointer,
    /// Whether the matcher only holds where the name is there.
    pub needed: bool,
}

impl Node {
    /// Adds what it reads as a root. `needed` says whether the whole matcher needs this node to hold.
    pub(super) fn readings<'a>(&'a self, needed: bool, found: &mut Vec<Reading<'a>>) {
        match &self.kind {
            Kind::Object { members, paths, .. } => {
                found.extend(members.iter().map(|member| Reading {
                    name: Some(&member.name),
                    members: member.node.members(),
                    at: &member.node.at,
                    needed: needed && !member.node.holds_for_nothing(),
                }));
                found.extend(paths.iter().flat_map(|key| key.readings(needed)));
            }
            Kind::Operators(operators) => {
                for operator in operators {
                    match &operator.op {
                        Op::All(nodes) => nodes.iter().for_each(|node| node.readings(needed, found)),
                        Op::Any(nodes) => {
                            let needed = needed && nodes.len() == 1;
                            nodes.iter().for_each(|node| node.readings(needed, found));
                        }
                        Op::Exact(node) => node.readings(needed, found),
                        Op::Not { node, .. } => node.readings(false, found),
                        _ => {}
                    }
                }
            }
            Kind::Scalar(..) | Kind::Template(_) | Kind::List(_) => {}
        }
    }

    /// The names that a plain mapping reads.
    fn members(&self) -> Vec<(&str, &Pointer)> {
        match &self.kind {
            Kind::Object { members, .. } => {
                members.iter().map(|member| (member.name.as_str(), &member.node.at)).collect()
            }
            Kind::Operators(operators) => operators
                .iter()
                .flat_map(|operator| match &operator.op {
                    Op::All(nodes) | Op::Any(nodes) => nodes.iter().flat_map(Self::members).collect(),
                    Op::Exact(node) | Op::Not { node, .. } => node.members(),
                    _ => Vec::new(),
                })
                .collect(),
            Kind::Scalar(..) | Kind::Template(_) | Kind::List(_) => Vec::new(),
        }
    }
}

impl PathKey {
    fn readings(&self, needed: bool) -> impl Iterator<Item = Reading<'_>> {
        let at = &self.node.at;
        let mut names = self.path.names();
        let named = names.next().map(|name| Reading {
            name: Some(name),
            members: names.next().map(|member| (member, at)).into_iter().collect(),
            at,
            needed: needed && !self.node.holds_for_nothing() && !self.node.speaks_of_emptiness(),
        });
        let any = self.path.only_field().is_none().then(|| Reading {
            name: None,
            members: Vec::new(),
            at,
            needed: false,
        });
        named.into_iter().chain(any)
    }
}
