//! `callsheet doctor`: why can I not connect, or list, or call?

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::args::{DoctorArgs, DoctorFormat};
use super::exit::{Exit, Stop};
use super::hidden::{Origin, hide, hide_words};
use super::panic;
use super::screen::print;
use super::settings::style;
use super::signals::Signals;
use super::surroundings::{Surroundings, now};
use super::test::refuse;
use crate::auth::{Credential, Redactor};
use crate::diagnostic::{Diagnostic, Style};
use crate::doctor::{Diagnosis, Findings, Question, Step, examine, object, page};
use crate::model::{self, Server, Suite, Target};
use crate::nearest::nearest;
use crate::plan::{Load, load_suite};
use crate::run::learn_suite;
use crate::servers::Servers;
use crate::source::Pointer;
use crate::suite;
use crate::uipath::{self, Fault, TOKEN_VARIABLES, Trouble};

/// How long all of it may take beside the opening and the call.
const REST: Duration = Duration::from_secs(180);

/// A server to ask, and what is known to be wrong with it.
struct Patient {
    suite: Suite,
    server: String,
    faults: Vec<Fault>,
    lack: Option<Trouble>,
}

/// Asks, and says what it found.
pub(super) fn doctor(args: &DoctorArgs, around: &Surroundings) -> Result<Exit, Stop> {
    let redactor = Redactor::new();
    panic::install(redactor.clone());
    let origin = Origin::File(args.env_file.as_deref());
    let asked = find_and_ask(args, around, &redactor);
    asked.map_err(|stop| hide_words(stop.masked(&redactor), origin, around))
}

fn find_and_ask(args: &DoctorArgs, around: &Surroundings, redactor: &Redactor) -> Result<Exit, Stop> {
    let stderr_style = style(args.color, around.stderr_is_terminal, around);
    let call = call(args)?;
    let patient = match patient(args, around) {
        Ok(patient) => patient?,
        Err(problems) => {
            let load = load(args, around);
            let origin = Origin::File(args.env_file.as_deref());
            let problems = hide(problems, &load, origin, around, redactor);
            return Ok(refuse(&problems, stderr_style));
        }
    };
    let Patient { suite, server, faults, lack } = patient;
    let environment = around.with_env_file(args.env_file.as_deref(), &suite.root)?;
    let mut problems = learn_suite(&suite, &environment, redactor);
    problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
    if !problems.is_empty() {
        return Ok(refuse(&problems, stderr_style));
    }
    let identity = identity(args, &suite, &server)?;
    let limit = suite
        .server(&server)
        .map_or(Duration::ZERO, |server| server.timeouts.start() + server.timeouts.step() * 2);
    let servers = Servers::new(&suite, environment, redactor.clone(), Arc::new(|_, _, _| {}));
    let question = Question {
        servers: &servers,
        server: &server,
        identity: &identity,
        faults,
        lack,
        call,
        now: now(),
        limit: limit + REST,
        patience: Duration::MAX,
        cancel: CancellationToken::new(),
    };
    let drawn = style(args.color, around.stdout_is_terminal, around);
    let is_text = args.format == DoctorFormat::Text;
    if is_text {
        print(&page::head(&server, &identity, drawn))?;
    }
    let Some(found) = ask(&question, is_text.then_some(drawn))? else { return Ok(Exit::Interrupted) };
    let mut diagnosis = Diagnosis::of(found);
    diagnosis.mask(redactor);
    if is_text {
        let others = others(args, &suite, &server);
        let text = page::not_asked(&diagnosis.found, drawn)
            + &page::causes(&diagnosis.causes, drawn)
            + &page::verdict(&diagnosis, drawn)
            + &others;
        print(&text)?;
    } else {
        print(&format!("{:#}\n", object(&diagnosis)))?;
    }
    Ok(if diagnosis.is_good() { Exit::Good } else { Exit::Failed })
}

/// Asks, and prints each step when it is over. None where a signal came first.
fn ask(question: &Question<'_>, style: Option<Style>) -> Result<Option<Findings>, Stop> {
    let cannot = |error| Stop::usage(format!("no threads could be started: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    let mut printed = Ok(());
    let mut watch = |step: Step, found: &Findings| {
        if let (Some(style), Ok(())) = (style, &printed) {
            printed = print(&page::step(step, found, style));
        }
    };
    let found = runtime.block_on(async {
        let mut signals = Signals::new().map_err(cannot)?;
        let found = tokio::select! {
            found = Box::pin(examine(question, &mut watch)) => Some(found),
            () = signals.next() => None,
        };
        Ok::<_, Stop>(found)
    })?;
    // What is still in the background is of no interest any more.
    runtime.shutdown_background();
    printed?;
    if found.is_none() {
        crate::transport::end_every_process();
    }
    Ok(found)
}

/// The tool that is invited, and its arguments.
fn call(args: &DoctorArgs) -> Result<Option<(String, Value)>, Stop> {
    let Some(tool) = &args.call else { return Ok(None) };
    let Some(text) = &args.arguments else { return Ok(Some((tool.clone(), json!({})))) };
    match crate::json::parse(text.as_bytes()) {
        Ok(parsed) if parsed.value.is_object() => Ok(Some((tool.clone(), parsed.value))),
        Ok(_) => Err(Stop::usage("`--arguments` is a JSON object, such as `{\"in_Customer\": \"C-1\"}`")),
        Err(error) => Err(Stop::usage(format!("`--arguments` is no JSON: {error}"))),
    }
}

/// The identity that is asked as.
fn identity(args: &DoctorArgs, suite: &Suite, server: &str) -> Result<String, Stop> {
    let Some(name) = &args.identity else { return Ok("default".to_owned()) };
    let Some(server) = suite.server(server).filter(|server| !server.has_identity(name)) else {
        return Ok(name.clone());
    };
    let names: Vec<&str> = server.identity_names().collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", names.join(", ")),
    };
    Err(Stop::usage(format!("the server `{}` has no identity `{name}`; {hint}", server.name.value)))
}

/// The other servers of the suite, where nobody named one.
fn others(args: &DoctorArgs, suite: &Suite, server: &str) -> String {
    let names = suite.servers.iter().map(|server| server.name.value.as_str());
    let others: Vec<String> =
        names.filter(|name| *name != server).map(|name| format!("`--server {name}`")).collect();
    match others.is_empty() || args.server.is_some() || args.url.is_some() {
        true => String::new(),
        false => format!("  others of the suite are asked with {}\n", others.join(", ")),
    }
}

/// The suite that is meant.
fn load(args: &DoctorArgs, around: &Surroundings) -> Load {
    Load {
        working_directory: around.folder.clone(),
        start: around.folder.clone(),
        server: args.server.clone(),
        ..Load::default()
    }
}

type Found = Result<Result<Patient, Stop>, Vec<Diagnostic>>;

/// Whom to ask: the address of the command line, a server of the suite, or what the environment names.
fn patient(args: &DoctorArgs, around: &Surroundings) -> Found {
    let file = suite::find(&around.folder);
    let root = file.as_ref().and_then(|file| file.parent()).unwrap_or(&around.folder).to_owned();
    if let Some(url) = &args.url {
        return Ok(of_url(url, args.pat_env.clone().map(Credential::Env), root));
    }
    if file.is_none() {
        return Ok(of_environment(args, around, root));
    }
    let (suite, problems) = load_suite(&load(args, around));
    let Some(suite) = suite.filter(|_| !problems.iter().any(Diagnostic::is_error)) else {
        return Err(problems);
    };
    let Some(server) = suite.server_for(None).map(|server| server.name.value.clone()) else {
        let names: Vec<String> =
            suite.servers.iter().map(|server| format!("`--server {}`", server.name.value)).collect();
        return Ok(Err(Stop::usage(match names.is_empty() {
            true => {
                "the suite has no server: add one under `servers`, or name one with `--url URL`".to_owned()
            }
            false => {
                format!("the suite has several servers and no `default`: name one of {}", names.join(", "))
            }
        })));
    };
    Ok(Ok(Patient { suite, server, faults: Vec::new(), lack: None }))
}

fn of_one(server: Server, root: PathBuf) -> Suite {
    Suite { root, servers: vec![server], ..Suite::default() }
}

fn named(name: &str, target: Target, auth: Option<Credential>) -> Server {
    let name = model::Spot { value: name.to_owned(), at: Pointer::root() };
    Server { auth, ..Server::new(name, target) }
}

/// The server of `--url`. One of UiPath's is read with what is wrong about it.
fn of_url(text: &str, pat: Option<Credential>, root: PathBuf) -> Result<Patient, Stop> {
    let parsed = Url::parse(text.trim()).ok().filter(|url| url.host_str().is_some());
    let own = parsed.filter(uipath::looks_like).filter(|url| !model::holds_secret(url));
    if let Some(url) = own {
        let reading = uipath::read(&url);
        if let Some(fault) = reading.faults.iter().find(|fault| fault.fatal) {
            let lack = Some(fault.clone().into());
            let server = named("url", Target::Url(url), pat.or(Some(Credential::FirstOf(TOKEN_VARIABLES))));
            let suite = of_one(server, root);
            return Ok(Patient { suite, server: "url".to_owned(), faults: reading.faults, lack });
        }
        let mended = reading.url().unwrap_or(url);
        model::address(mended.as_str(), false)
            .map_err(|error| Stop::usage(format!("`--url`: {}; {}", error.message, error.help)))?;
        let auth = pat.or(Some(Credential::FirstOf(TOKEN_VARIABLES)));
        let suite = of_one(named("url", Target::Url(mended), auth), root);
        return Ok(Patient { suite, server: "url".to_owned(), faults: reading.faults, lack: None });
    }
    let url = model::address(text.trim(), false)
        .map_err(|error| Stop::usage(format!("`--url`: {}; {}", error.message, error.help)))?;
    let suite = of_one(named("url", Target::Url(url), pat), root);
    Ok(Patient { suite, server: "url".to_owned(), faults: Vec::new(), lack: None })
}

/// The server that the variables of UiPath's own tools name: all that a newcomer has.
fn of_environment(args: &DoctorArgs, around: &Surroundings, root: PathBuf) -> Result<Patient, Stop> {
    if let Some(name) = &args.server {
        return Err(Stop::usage(format!(
            "there is no `callsheet.yaml` here or in a folder above that could have a server `{name}`"
        )));
    }
    let environment = around.with_env_file(args.env_file.as_deref(), &root)?;
    let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.trim().is_empty());
    if uipath::server_url(&environment).is_none() {
        let more = match is_set(uipath::URL) {
            true => format!("`{}` names no server: its slug is missing. ", uipath::URL),
            false => String::new(),
        };
        return Err(Stop::usage(format!(
            "there is no server to ask. {more}Set `{}` to the address of the server, as its details on the page MCP \
             Servers show it; or name it: `--url URL`; or write a suite: `callsheet init`",
            uipath::SERVER_URL
        )));
    }
    let target = Target::Uipath(uipath::Written::default());
    let server = named("uipath", target, Some(Credential::FirstOf(TOKEN_VARIABLES)));
    Ok(Patient { suite: of_one(server, root), server: "uipath".to_owned(), faults: Vec::new(), lack: None })
}
