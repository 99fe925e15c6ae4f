//! The servers and identities that steps choose: names, or templates of the case's row.

use super::{Compiler, within};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::model;
use crate::nearest::nearest;
use crate::plan::{Choice, Rows, Step, Wanderer};
use crate::source::Pointer;
use crate::template::{Template, listed};

/// Of how many rows it is looked at which server they choose; those of a file are read for it. What the others
/// choose is seen when they run.
const MAX_ROWS: usize = 10_000;

/// How many problems the rows of one scenario are told.
const MAX_TOLD: usize = 10;

impl Compiler<'_> {
    /// What `server` or `as` says, which is `key`.
    pub(super) fn choice(&mut self, spot: &model::Spot<String>, key: &str) -> Option<Choice> {
        if !spot.value.contains("{{") {
            return Some(Choice::Name(spot.value.clone()));
        }
        if self.in_fragment {
            let message = format!("in a fragment `{key}` is a name: it has no rows to choose by");
            let problem = Diagnostic::error(Code::TemplateHere, self.document.site(&spot.at), message);
            self.problems.push(problem.help(format!(
                "leave it out: the steps follow the scenario that uses them, and `use` may have `{key}`"
            )));
            return None;
        }
        let template = self.template(&spot.at)?;
        let mut whole = true;
        for used in template.uses().iter().filter(|used| used.name != "row") {
            whole = false;
            let site = within(self.document, &spot.at, used.at.clone());
            let message = format!("`{key}` is chosen before anything else is known, and reads `row` only");
            let problem = Diagnostic::error(Code::UndefinedName, site, message);
            self.problems
                .push(problem.help(format!("let the rows say it: `{key}: \"{{{{ row.{key} }}}}\"`")));
        }
        whole.then(|| Choice::Template(template, spot.at.clone()))
    }

    /// The identities on a server that the command line names: those on servers that the files name were
    /// checked with them.
    pub(super) fn identities(&mut self, scenario: &model::Scenario, server: Option<&model::Server>) {
        let Some(server) = server else { return };
        let mut named: Vec<&model::Spot<String>> = Vec::new();
        every(&scenario.steps, (None, scenario.identity.as_ref()), &mut |step, (server, identity)| {
            // The steps of a fragment meet what the step says that uses it.
            let meets = step.verb.value.meets_a_server() || step.verb.value == Verb::Use;
            named.extend(identity.filter(|_| server.is_none() && meets));
        });
        named.sort_by(|one, other| one.at.cmp(&other.at));
        named.dedup_by_key(|name| &name.at);
        for name in named.into_iter().filter(|name| !name.value.contains("{{")) {
            if !server.has_identity(&name.value) {
                let problem = self.no_identity(server, &name.value, &name.at);
                self.problems.push(problem.help(
                    "the command line names this server: choose one that has the identity, or leave this scenario out",
                ));
            }
        }
    }

    fn no_identity(&self, server: &model::Server, identity: &str, at: &Pointer) -> Diagnostic {
        let message = format!("server `{}` has no identity `{identity}`", server.name.value);
        let problem = Diagnostic::error(Code::UnknownName, self.document.site(at), message);
        problem.note(format!("it has {}", listed(server.identity_names())))
    }

    /// The identities that the steps of fragments meet with what the steps that use them say, or with what
    /// stands above these. What a fragment decides alone was told where it stands.
    pub(super) fn identities_in_fragments(
        &mut self,
        steps: &[Step],
        server: Option<&Choice>,
        identity: Option<&Choice>,
        suite: &model::Suite,
    ) {
        let mut told = Vec::new();
        let document = self.document;
        Wanderer::new(document, server, identity).wander(steps, &mut |visit| {
            let Some(used_at) = visit.used_at else { return };
            let (Some(server), Some(identity)) = (visit.server, visit.identity) else { return };
            // What one document says of both was checked where it was read.
            if server.outermost == identity.outermost || !visit.step.verb.value.meets_a_server() {
                return;
            }
            let (Choice::Name(server), Choice::Name(identity)) = (server.choice, identity.choice) else {
                return;
            };
            let Some(server) = suite.server(server).filter(|server| !server.has_identity(identity)) else {
                return;
            };
            let message = format!(
                "server `{}` has no identity `{identity}`, which the fragment meets it with",
                server.name.value
            );
            if told.contains(&(used_at.clone(), message.clone())) {
                return;
            }
            told.push((used_at.clone(), message.clone()));
            self.problems.push(
                Diagnostic::error(Code::UnknownName, document.key_site(used_at), message)
                    .also(visit.document.key_site(&visit.step.verb.at), "this step")
                    .note(format!("it has {}", listed(server.identity_names())))
                    .help("say another `server` or `as` in this step"),
            );
        });
    }
}

/// What the rows of a scenario choose: each has to name what the suite has. `server` is that of the command line.
pub(in crate::plan) fn chosen_by_rows(
    scenario: &model::Scenario,
    rows: &Rows,
    server: Option<&str>,
    suite: &model::Suite,
    problems: &mut Vec<Diagnostic>,
) {
    let own = scenario.server.as_ref().filter(|_| server.is_none());
    let mut pairs = vec![(own, scenario.identity.as_ref())];
    every(&scenario.steps, (own, scenario.identity.as_ref()), &mut |step, given| {
        if step.server.is_some() || step.identity.is_some() {
            pairs.push(given);
        }
    });
    let templated = |spot: Option<&model::Spot<String>>| spot.is_some_and(|spot| spot.value.contains("{{"));
    pairs.retain(|(server, identity)| templated(*server) || templated(*identity));
    let choice = |spot: &model::Spot<String>| {
        Some(Choice::Template(Template::compile(&spot.value).ok()?, spot.at.clone()))
    };
    let pairs: Vec<_> =
        pairs.into_iter().map(|(server, identity)| (server.map(choice), identity.and_then(choice))).collect();
    let count = if pairs.is_empty() { 0 } else { rows.names().len().min(MAX_ROWS) };
    let (mut told, mut more) = (Vec::new(), 0_usize);
    for index in (0..count).filter_map(|index| u32::try_from(index).ok()) {
        let Ok(row) = rows.value(index) else { continue };
        for (given, identity) in &pairs {
            // What cannot be rendered was told by the flow of names.
            let name = |choice: &Choice| choice.name(Some(&row)).ok();
            let named = match given {
                Some(choice) => match choice.as_ref().and_then(name) {
                    Some(name) => Some(name),
                    None => continue,
                },
                None => server.map(str::to_owned),
            };
            let found = suite.server_for(named.as_deref());
            let (message, wrong, known): (String, String, Vec<&str>) =
                match (found, identity.as_ref().and_then(name)) {
                    (None, _) => {
                        let wrong = named.unwrap_or_default();
                        let message = format!("the suite has no server `{wrong}`, which this row chooses");
                        (message, wrong, suite.servers.iter().map(|s| s.name.value.as_str()).collect())
                    }
                    (Some(server), Some(wrong)) if !server.has_identity(&wrong) => {
                        let server_name = &server.name.value;
                        let message = format!(
                            "server `{server_name}` has no identity `{wrong}`, which this row chooses"
                        );
                        (message, wrong, server.identity_names().collect())
                    }
                    _ => continue,
                };
            if told.contains(&(index, message.clone())) {
                continue;
            }
            if told.len() == MAX_TOLD {
                more += 1;
                continue;
            }
            let site = rows.site(index).unwrap_or_else(|| scenario.document.site(&scenario.title.at));
            let problem = Diagnostic::error(Code::UnknownName, site, &message);
            problems.push(match nearest(&wrong, known.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("it has {}", listed(known))),
            });
            told.push((index, message));
        }
    }
    if let Some(last) = problems.last_mut().filter(|_| more > 0) {
        last.notes.push(format!("{more} more rows have a problem like this"));
    }
}

/// The server and the identity that a document gives a step.
type Given<'a> = (Option<&'a model::Spot<String>>, Option<&'a model::Spot<String>>);

/// Every step as it is written, those that stand in others too, with what it or the steps around it say.
fn every<'a>(
    steps: impl IntoIterator<Item = &'a model::Step>,
    (server, identity): Given<'a>,
    visit: &mut dyn FnMut(&'a model::Step, Given<'a>),
) {
    for step in steps {
        let given = (step.server.as_ref().or(server), step.identity.as_ref().or(identity));
        visit(step, given);
        every(&mut step.inner() as &mut dyn Iterator<Item = &'a model::Step>, given, visit);
    }
}
