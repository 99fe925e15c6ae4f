//! What each verb does with the keys beside it.

use crate::exchange::Verb;

/// What a verb does with the keys beside it.
#[derive(Debug)]
pub(super) struct VerbRule {
    pub(super) verb: Verb,
    /// Its operands.
    pub(super) operands: &'static [&'static str],
    /// A key that it needs, and why.
    pub(super) needs: Option<(&'static str, &'static str)>,
    /// Keys of a step that mean nothing with it.
    pub(super) refuses: &'static [Refusal],
}

/// Keys that mean nothing with a verb, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) keys: &'static [&'static str],
    pub(super) reason: &'static str,
    /// What to do in place of it.
    pub(super) help: &'static str,
}

impl VerbRule {
    /// Every key of a step that means nothing with it.
    pub(super) fn refused(&self) -> impl Iterator<Item = &'static str> {
        self.refuses.iter().flat_map(|refusal| refusal.keys.iter().copied())
    }

    /// Whether a key of a step means something with it.
    pub(super) fn takes(&self, key: &str) -> bool {
        !self.refused().any(|refused| refused == key)
    }

    /// The rule of the verb that a key names.
    pub(super) fn of(key: &str) -> Option<&'static Self> {
        VERB_RULES.iter().find(|rule| rule.verb.as_str() == key)
    }
}

const fn rule(verb: Verb, operands: &'static [&'static str]) -> VerbRule {
    VerbRule { verb, operands, needs: None, refuses: &[] }
}

const fn no(keys: &'static [&'static str], reason: &'static str) -> Refusal {
    Refusal { keys, reason, help: "leave it out" }
}

const REPEATS: &str = "only a step that asks can ask again";
const LEAVE_TO_SCENARIO: &str =
    "write it into the scenario, or into the step whose request makes the server ask";
const OWN_STEP: &str = "write the cleanup as a step of its own, `- defer: …`, after this one";

/// One rule for each verb.
pub(super) static VERB_RULES: &[VerbRule] = &[
    rule(Verb::Call, &["arguments", "task"]),
    rule(Verb::List, &[]),
    rule(Verb::Read, &[]),
    rule(Verb::Prompt, &["arguments"]),
    rule(Verb::Request, &["params"]),
    VerbRule {
        refuses: &[
            no(&["headers", "meta"], "a session is opened and closed with what the protocol says"),
            no(&["eventually"], REPEATS),
            Refusal {
                help: LEAVE_TO_SCENARIO,
                ..no(&["respond"], "the server asks nothing while a session is opened or closed")
            },
        ],
        ..rule(Verb::Session, &[])
    },
    VerbRule {
        needs: Some(("expect", "nothing is implied by a raw HTTP exchange")),
        refuses: &[no(&["meta"], "its body is sent as it is")],
        ..rule(Verb::Http, &[])
    },
    VerbRule {
        refuses: &[
            no(
                &["server", "as", "headers", "meta", "timeout", "expect", "save", "respond", "checks"],
                "nothing is sent while it waits",
            ),
            no(&["eventually"], REPEATS),
            no(&["known_bug"], "nothing is expected of it"),
            Refusal { help: OWN_STEP, ..no(&["defer"], "it does nothing that could be undone") },
        ],
        ..rule(Verb::Wait, &[])
    },
    rule(Verb::Complete, &[]),
    VerbRule {
        refuses: &[
            no(&["eventually"], REPEATS),
            Refusal {
                help: LEAVE_TO_SCENARIO,
                ..no(&["respond"], "a notification has no answer that the server could ask before")
            },
            Refusal {
                help: OWN_STEP,
                ..no(&["defer"], "a notification has no result that says that there is something to undo")
            },
        ],
        ..rule(Verb::Notify, &["params"])
    },
    VerbRule {
        refuses: &[
            no(&["eventually"], REPEATS),
            Refusal {
                help: LEAVE_TO_SCENARIO,
                ..no(&["respond"], "it goes on in the background, longer than its step")
            },
            Refusal {
                help: OWN_STEP,
                ..no(&["defer"], "listening ends with the case by itself, and `listen: {}` ends it before")
            },
        ],
        ..rule(Verb::Listen, &[])
    },
    VerbRule {
        refuses: &[
            no(&["headers", "meta"], "nothing is sent while it waits for a notification"),
            Refusal {
                help: "say how long with `timeout`, and what is waited for with `await: {method, params}`",
                ..no(&["eventually"], "it waits by itself")
            },
            Refusal {
                help: LEAVE_TO_SCENARIO,
                ..no(&["respond"], "it takes a notification, and a notification is no question")
            },
            no(&["checks"], "it has no answer that anything is implied of"),
            Refusal { help: OWN_STEP, ..no(&["defer"], "it does nothing that could be undone") },
        ],
        ..rule(Verb::Await, &[])
    },
    VerbRule {
        refuses: &[
            Refusal {
                help: "write it into the steps of the fragment",
                ..no(
                    &["headers", "meta", "timeout", "eventually", "respond", "checks"],
                    "it sends nothing itself, only the fragment's steps do",
                )
            },
            Refusal {
                help: "write the cleanup into the fragment, where it joins that of the case, or as a step of its own",
                ..no(&["defer"], "it has no result that says that there is something to undo")
            },
        ],
        ..rule(Verb::Use, &["with"])
    },
    VerbRule {
        refuses: &[
            Refusal {
                help: "write it into the steps of the branches",
                ..no(
                    &[
                        "server",
                        "as",
                        "headers",
                        "meta",
                        "timeout",
                        "eventually",
                        "respond",
                        "known_bug",
                        "checks",
                    ],
                    "it sends nothing itself, only the steps of its branches do",
                )
            },
            Refusal {
                help: "write it beside the step whose doing it undoes",
                ..no(&["defer"], "it has no result that says that there is something to undo")
            },
        ],
        ..rule(Verb::Parallel, &[])
    },
    VerbRule {
        refuses: &[Refusal {
            help: "write it into the steps that it defers",
            ..no(
                &[
                    "server",
                    "as",
                    "headers",
                    "meta",
                    "timeout",
                    "eventually",
                    "expect",
                    "save",
                    "respond",
                    "known_bug",
                    "checks",
                ],
                "nothing is done before the end of the case",
            )
        }],
        ..rule(Verb::Defer, &[])
    },
];
