//! A single name that something reads: whether it is known there, and the way out where it is not.

use super::{Flow, Moment, Place};
use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::Matcher;
use crate::nearest::nearest;
use crate::plan::within;
use crate::source::{Pointer, Site};
use crate::template::{SCOPE_WORDS, Use, listed};

/// The members of the scope words that have a fixed shape, and whether the word is a value by itself.
const MEMBERS: &[(&str, &[&str], bool)] = &[
    ("server", &["name", "host"], false),
    ("run", &["id"], false),
    ("session", &["id", "capabilities", "tools", "auth"], false),
    ("request", &["method", "params"], true),
];

/// How many keys of rows are listed.
const MAX_LISTED: usize = 20;

/// A name that something reads.
#[derive(Clone, Copy, Debug)]
struct Read<'r> {
    name: &'r str,
    /// The path below it.
    rest: &'r [String],
    /// Whether it may be missing: read through `default`.
    optional: bool,
    /// Whether a matcher reads it, which can say what holds where it is missing.
    matched: bool,
}

impl<'r> Read<'r> {
    fn member(&self) -> Option<&'r str> {
        self.rest.first().map(String::as_str)
    }
}

impl Flow<'_> {
    /// What a template reads.
    pub(super) fn problem(&self, at: &Pointer, used: &Use) -> Option<Diagnostic> {
        let read = Read { name: &used.name, rest: &used.rest, optional: used.optional, matched: false };
        self.judge(read, &|| within(self.document, at, used.at.clone()))
    }

    /// What a matcher over the scope reads, with its keys and with its templates.
    pub(super) fn over_scope(&mut self, matcher: &Matcher) {
        self.templates_of(matcher);
        for reading in matcher.readings() {
            let Some(name) = reading.name else { continue };
            let mut members: Vec<(Option<&str>, &Pointer)> =
                reading.members.iter().map(|(member, at)| (Some(*member), *at)).collect();
            if members.is_empty() {
                members.push((None, reading.at));
            }
            for (member, at) in members {
                // A matcher may look at a word as a whole.
                let whole =
                    member.is_none() && SCOPE_WORDS.contains(&name) && name != "row" && name != "request";
                // Where the name itself is wrong, its members are none either.
                let at = if SCOPE_WORDS.contains(&name) { at } else { reading.at };
                let rest: Vec<String> = member.map(str::to_owned).into_iter().collect();
                let read = Read { name, rest: &rest, optional: false, matched: true };
                let problem = self.judge(read, &|| self.document.key_site(at)).filter(|_| !whole);
                let wrong = problem.is_some();
                self.problems.extend(problem);
                if wrong && !SCOPE_WORDS.contains(&name) {
                    break;
                }
            }
        }
    }

    fn judge(&self, read: Read<'_>, site: &dyn Fn() -> Site) -> Option<Diagnostic> {
        let undefined = |message: String| Diagnostic::error(Code::UndefinedName, site(), message);
        match read.name {
            "env" => self.env(read.member(), &undefined),
            "row" => self.row(read, &undefined),
            "request" if !self.asked => {
                let message = "`request` is known only where the server is answered";
                Some(undefined(message.to_owned()).help("read it in a rule of `respond`"))
            }
            word @ ("session" | "protocol")
                if self.moment == Moment::Before && !(word == "protocol" && self.pinned) =>
            {
                let problem = undefined(format!("`{word}` is not known before a session is open"));
                Some(problem.help("read it in a step"))
            }
            "protocol" => None,
            word => {
                if let Some((_, members, whole)) = MEMBERS.iter().find(|(name, ..)| *name == word) {
                    let has = || format!("it has {}", listed(members.iter().copied()));
                    return match read.member() {
                        Some(member) if members.contains(&member) => None,
                        Some(member) => {
                            Some(undefined(format!("`{word}` has no member `{member}`")).help(has()))
                        }
                        None if *whole => None,
                        None => Some(undefined(format!("`{word}` is not a value by itself")).help(has())),
                    };
                }
                if read.optional || self.is_known(word) {
                    return None;
                }
                // A matcher says itself what holds where the name is not there.
                if read.matched && self.names.get(word).is_some_and(|saved| !saved.is_empty()) {
                    return None;
                }
                Some(self.unknown(read, undefined(String::new())))
            }
        }
    }

    /// Whether a name has a value whenever something here is reached.
    fn is_known(&self, name: &str) -> bool {
        let by_variable = self.place != Place::Fragment && self.known.vars.contains(name);
        by_variable
            || self.proven.contains(&name)
            || self.names.get(name).is_some_and(|saved| {
                saved.iter().any(|saved| saved.whens.iter().all(|when| self.whens.contains(when)))
            })
    }

    fn env(&self, member: Option<&str>, undefined: &dyn Fn(String) -> Diagnostic) -> Option<Diagnostic> {
        let Some(variable) = member else {
            return Some(
                undefined("`env` is not a value by itself".to_owned()).help("name a variable: `env.NAME`"),
            );
        };
        if self.known.env.contains(variable) {
            return None;
        }
        let problem = undefined(format!("the suite does not list the environment variable `{variable}`"));
        Some(match nearest(variable, self.known.env.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `env.{near}`?")),
            None if self.known.suite_file => {
                problem.help(format!("add it to the suite: `env: [{variable}]`"))
            }
            None => problem
                .help("a template reads only variables that a suite file (callsheet.yaml) lists under `env`"),
        })
    }

    fn row(&self, read: Read<'_>, undefined: &dyn Fn(String) -> Diagnostic) -> Option<Diagnostic> {
        if self.place == Place::Fragment {
            let name = read.member().unwrap_or("row");
            return Some(undefined("a fragment does not see `row`".to_owned()).help(format!(
                "make it an input: `inputs: {{{name}: null}}` here, and `with: {{{name}: \"{{{{ row.{name} }}}}\"}}` where it is used"
            )));
        }
        if self.place == Place::Suite {
            let problem = undefined("`row` is known only in a scenario with `rows`".to_owned());
            return Some(problem.help("move the variable into the scenario"));
        }
        let Some(rows) = self.rows else {
            return Some(
                undefined("the scenario has no rows".to_owned())
                    .help("give it some: `rows: [{name: first, …}]`; or define the value under `vars`"),
            );
        };
        // What may be missing is at least a key of some row.
        let path = if read.optional { read.rest.get(..1)? } else { read.rest };
        let lacking = rows.lacking(path)?;
        let key = path.join(".");
        if lacking.count == rows.names().len() {
            let near = nearest(&key, rows.keys());
            return Some(match near {
                Some(near) => undefined(format!("no row has the key `{key}`"))
                    .help(format!("did you mean `row.{near}`?")),
                None => undefined(format!("no row has the key `{key}`"))
                    .help(format!("they have {}", listed(rows.keys().take(MAX_LISTED)))),
            });
        }
        if read.optional || read.matched {
            return None;
        }
        let name = rows.names().nth(lacking.first as usize).unwrap_or_default();
        let others = match lacking.count - 1 {
            0 => String::new(),
            1 => ", nor has another row".to_owned(),
            others => format!(", nor have {others} other rows"),
        };
        let mut problem = undefined(format!("row `{name}` has no key `{key}`{others}"));
        if let Some(site) = rows.site(lacking.first) {
            problem = problem.also(site, "this row");
        }
        Some(problem.help(format!(
            "give it one, or read it with a value in its place: `{{{{ default row.{key} \"…\" }}}}`"
        )))
    }

    /// Why a name is not known.
    fn unknown(&self, read: Read<'_>, mut problem: Diagnostic) -> Diagnostic {
        let name = read.name;
        let through_default = format!("read it through `default`: `{{{{ default {name} \"…\" }}}}`");
        if let Some(saved) = self.names.get(name).and_then(|saved| saved.last()) {
            problem.message = format!("`{name}` is there only where a `when` holds");
            if let Some(at) = saved.at {
                problem = problem.also(self.document.key_site(at), "saved here, by a step with a `when`");
            }
            return problem.help(format!("give this step the same `when`, or {through_default}"));
        }
        if let Some(at) = self.siblings.get(name) {
            problem.message = format!("`{name}` is saved by another branch, which may not be done yet");
            return problem
                .also(self.document.key_site(at), "saved here")
                .help("put both steps into one branch, or this one after the `parallel`");
        }
        if let Some(later) = self.later.get(name) {
            let site = self.document.key_site(later.at);
            let scenario_rules = self.moment == Moment::ScenarioRules;
            if scenario_rules {
                problem.message =
                    format!("the rules of a scenario do not see what steps save, such as `{name}`");
            } else if later.deferred {
                problem.message = format!("`{name}` is saved by cleanup, which comes at the end");
            } else {
                problem.message = format!("`{name}` is used before it is saved");
            }
            problem = problem.also(site, format!("saved here, by step {}", later.step));
            return if scenario_rules {
                problem
                    .help(format!("move the rule to the step that causes the question, or {through_default}"))
            } else {
                problem.help("move the step that saves it up, or take the value from an earlier step")
            };
        }
        problem.message = format!("nothing defines `{name}`");
        if let ("vars", Some(variable)) = (name, read.member()) {
            return problem.help(format!("a variable has no prefix: write `{{{{ {variable} }}}}`"));
        }
        let fragment = self.place == Place::Fragment;
        if fragment && self.known.vars.contains(name) {
            problem.message = format!("a fragment does not see the suite's variable `{name}`");
            return problem.help(format!(
                "make it an input: `inputs: {{{name}: null}}` here, and `with: {{{name}: \"{{{{ {name} }}}}\"}}` where it is used"
            ));
        }
        let words = SCOPE_WORDS.iter().copied().filter(|word| match *word {
            "row" => self.rows.is_some(),
            "request" => self.asked,
            _ => true,
        });
        let vars = self.known.vars.iter().filter(|_| !fragment).copied();
        let names = self.names.iter().filter(|(_, saved)| !saved.is_empty()).map(|(name, _)| *name);
        match nearest(name, names.chain(vars).chain(words)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if fragment => problem.help(format!(
                "add it to `inputs`, or save it in an earlier step: `save: {{{name}: $.json.{name}}}`"
            )),
            None => problem.help(format!(
                "define it under `vars`, or save it in an earlier step: `save: {{{name}: $.json.{name}}}`"
            )),
        }
    }
}
