//! What a scenario uses that a version which it names does not have. A step with a `when` is left out of it: the
//! condition may be the version.

use crate::diagnostic::{Code, Diagnostic};
use crate::mcp::{Version, wire};
use crate::model::Protocols;
use crate::plan::{Action, Rule, Scenario, Step};
use crate::source::{Document, Pointer, Site};

/// An error for everything that a version of `protocol` does not have.
#[must_use]
pub fn not_in_version(scenario: &Scenario) -> Vec<Diagnostic> {
    // Where it is required to be another version, the case is ignored.
    if scenario.requires.is_some() {
        return Vec::new();
    }
    let at = Pointer::root().key("protocol");
    let named: Vec<(Version, Pointer)> = match &scenario.protocols {
        Protocols::Auto => return Vec::new(),
        Protocols::One(version) => vec![(*version, at)],
        Protocols::Each(versions) => {
            let versions = versions.iter().enumerate();
            versions.filter_map(|(index, version)| Some(((*version)?, at.index(index)))).collect()
        }
    };
    let Some((oldest, at)) = named.into_iter().min_by_key(|(version, _)| *version) else { return Vec::new() };
    let mut found = Found { oldest, named: scenario.document.site(&at), problems: Vec::new() };
    found.rules(&scenario.respond, &scenario.document);
    found.steps(&scenario.steps, &scenario.document);
    found.problems
}

struct Found {
    /// The oldest of the versions, and where it stands: it has the least.
    oldest: Version,
    named: Site,
    problems: Vec<Diagnostic>,
}

impl Found {
    fn steps<'a>(&mut self, steps: impl IntoIterator<Item = &'a Step>, document: &Document) {
        for step in steps.into_iter().filter(|step| step.when.is_none()) {
            self.rules(&step.respond, document);
            match &step.action {
                Action::Call { task: Some(_), .. } => {
                    self.needs(Version::V2025_11_25, "`task`", document.key_site(&step.at.key("task")));
                }
                Action::Complete { context: Some(_), .. } => {
                    let site = document.key_site(&step.verb.at.key("context"));
                    self.needs(Version::V2025_06_18, "`context` of `complete`", site);
                }
                Action::Use { fragment, .. } => self.steps(&fragment.steps, &fragment.document),
                _ => {}
            }
            self.steps(&mut step.inner() as &mut dyn Iterator<Item = &'a Step>, document);
        }
    }

    fn rules<'a>(&mut self, rules: impl IntoIterator<Item = &'a std::sync::Arc<Rule>>, document: &Document) {
        for rule in rules {
            if let Some(first) = wire::first_to_ask(&rule.to) {
                self.needs(first, &format!("`{}`", rule.to), document.site(&rule.at.key("to")));
            }
        }
    }

    fn needs(&mut self, first: Version, what: &str, site: Site) {
        if self.oldest >= first {
            return;
        }
        let message = format!("{what} came with {first}: {} does not have it", self.oldest);
        self.problems.push(
            Diagnostic::error(Code::NotInVersion, site, message)
                .also(self.named.clone(), "the scenario is run in this version")
                .help(format!(
                    "take `{}` out of `protocol`, or give what needs more a scenario of its own",
                    self.oldest
                ))
                .help("a step that needs more can be left out of older versions by its `when`"),
        );
    }
}
