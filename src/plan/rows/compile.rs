//! From `rows` as written to named rows: the file is found inside the suite's folder, read once, each row named,
//! and no two rows called alike.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::file::Reading;
use super::keys::{Keys, MAX_KEYS};
use super::names::Names;
use super::{Around, MAX_FILE, MAX_ROWS, Rows, Source};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{self, RowSource, Spot};
use crate::nearest::nearest;
use crate::plan::within;
use crate::source::{Document, Pointer, Site};
use crate::suite::{self, Named, slug};
use crate::template::{Facts, Scope, Template, listed};

/// How many problems one list of rows is told.
const MAX_TOLD: usize = 10;
/// How long the name of a row may be, in bytes.
const MAX_NAME: usize = 200;
/// Helpers that give another value each time.
const UNSTEADY: &[&str] = &["uuid", "now", "random_int", "random_string"];

/// Reads and names the rows. Every problem is added; the rows are there unless one of them is an error.
pub(super) fn compile(
    rows: &model::Rows,
    around: Around<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Rows> {
    let mut found = match &rows.source {
        RowSource::Inline(places) => inline(places, around.document, problems),
        RowSource::File { file, name, separator } => {
            let (path, kind) = locate(file, around).map_err(|problem| problems.push(*problem)).ok()?;
            let name = Naming::compile(name, around, problems)?;
            let shown = (around.shown)(&path.path);
            match kind {
                Kind::Yaml => yaml(&path.canonical, shown, &name, problems),
                Kind::Json => Reading::json(&path.canonical, &shown)
                    .and_then(|reading| records(reading, &name, around, file, problems))
                    .map_err(|problem| problems.push(*problem))
                    .ok()?,
                Kind::Csv => Reading::csv(&path.canonical, &shown, separator.unwrap_or(','))
                    .and_then(|reading| records(reading, &name, around, file, problems))
                    .map_err(|problem| problems.push(*problem))
                    .ok()?,
            }
        }
    }?;
    if found.names.len() == 0 {
        let site = around.document.site(&rows.at);
        let problem = Diagnostic::error(Code::Empty, site, "there is no row, so the scenario has no case");
        problems.push(problem.help("write a row, or take `rows` out"));
        return None;
    }
    found.names.shrink();
    let equal = found.names.equal();
    if equal.is_empty() {
        return Some(found);
    }
    let rest = equal.len().saturating_sub(MAX_TOLD);
    for (index, first) in equal.into_iter().take(MAX_TOLD) {
        problems.push(found.equal_names(index, first, &around.document.site(&rows.at)));
    }
    told(problems, rest);
    None
}

/// Says on the last problem how many more there are.
fn told(problems: &mut [Diagnostic], rest: usize) {
    if rest > 0
        && let Some(last) = problems.last_mut()
    {
        last.notes.push(format!("{rest} more rows have a problem like this"));
    }
}

/// The rows that stand in the scenario. What a row has to be was told by the reader.
fn inline(places: &[Pointer], document: &Arc<Document>, problems: &mut Vec<Diagnostic>) -> Option<Rows> {
    let name = |at: &Pointer, row: &Map<String, Value>| {
        let name = match row.get("name")? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some((name, document.site(&at.key("name"))))
    };
    in_document(places.to_vec(), document, true, problems, |at, row, _| name(at, row).map(Ok))
}

/// The rows of a YAML file.
fn yaml(path: &Path, shown: String, naming: &Naming<'_>, problems: &mut Vec<Diagnostic>) -> Option<Rows> {
    let parsed = match suite::read(path, shown) {
        Ok(parsed) => parsed,
        Err(errors) => {
            problems.extend(errors);
            return None;
        }
    };
    problems.extend(parsed.warnings);
    let mut documents = parsed.documents.into_iter().map(Arc::new);
    let document = documents.next()?;
    if let Some(second) = documents.next() {
        let message = "a YAML file of rows is one document, a list of mappings";
        let problem = Diagnostic::error(Code::WrongType, second.site(&Pointer::root()), message);
        problems.push(problem.help("put all rows into one list, and take the `---` out"));
        return None;
    }
    let Some(rows) = document.value().as_array() else {
        let message = "a YAML file of rows is a list of mappings";
        let problem = Diagnostic::error(Code::WrongType, document.site(&Pointer::root()), message);
        problems.push(problem.help("write `- {code: A-1, amount: 3}` for each row"));
        return None;
    };
    let places = (0..rows.len()).map(|index| Pointer::root().index(index)).collect();
    let site = |at: &Pointer| document.site(at);
    in_document(places, &document, false, problems, |at, row, _| {
        Some(naming.name(row, || site(at)).map(|name| (name, naming.site())))
    })
}

fn in_document(
    places: Vec<Pointer>,
    document: &Arc<Document>,
    inline: bool,
    problems: &mut Vec<Diagnostic>,
    name: impl Fn(&Pointer, &Map<String, Value>, &Document) -> Option<Result<(String, Site), Box<Diagnostic>>>,
) -> Option<Rows> {
    let (mut names, mut keys) = (Names::default(), Keys::default());
    let mut failed = 0;
    for at in &places {
        let Some(row) = document.get(at).and_then(Value::as_object) else {
            failed += 1;
            if !inline && failed <= MAX_TOLD {
                let problem = Diagnostic::error(Code::WrongType, document.site(at), "a row is a mapping");
                problems.push(problem.help(
                    "write `{code: A-1, amount: 3}`: templates read its members, as in `{{ row.code }}`",
                ));
            }
            continue;
        };
        let named = match name(at, row, document) {
            None => {
                failed += 1;
                continue;
            }
            Some(named) => named.and_then(|(name, site)| checked(&name, || (site, document.site(at)))),
        };
        match named {
            Ok(name) if keys.add(row) => names.push(&name),
            Ok(_) => {
                problems.push(too_many_keys(document.site(at)));
                return None;
            }
            Err(problem) => {
                failed += 1;
                if failed <= MAX_TOLD {
                    problems.push(*problem);
                }
            }
        }
    }
    told(problems, failed.saturating_sub(MAX_TOLD));
    let last_line = places.last().filter(|_| inline).map_or(0, |at| last_line(document, at));
    let source = Source::Document { document: Arc::clone(document), places, last_line };
    (failed == 0).then_some(Rows { names, keys, source })
}

/// The rows of a CSV or JSON file.
fn records(
    mut reading: Reading<'_>,
    naming: &Naming<'_>,
    around: Around<'_>,
    file: &Spot<String>,
    problems: &mut Vec<Diagnostic>,
) -> Result<Option<Rows>, Box<Diagnostic>> {
    if let Some(header) = reading.header() {
        naming.columns(header)?;
    }
    let (mut names, mut keys) = (Names::default(), Keys::default());
    let mut failed = 0;
    // A record that cannot be read ends the reading: where the next one begins is a guess.
    while let Some((record, row)) = reading.next()? {
        let site = || record.site(reading.shown(), record.head());
        let named = naming.name(&row, site).and_then(|name| checked(&name, || (naming.site(), site())));
        match named {
            Ok(_) if !keys.add(&row) => return Err(Box::new(too_many_keys(site()))),
            Ok(name) => names.push(&name),
            Err(problem) => {
                failed += 1;
                if failed <= MAX_TOLD {
                    problems.push(*problem);
                }
            }
        }
    }
    told(problems, failed.saturating_sub(MAX_TOLD));
    let source = Source::File(reading.finish(around.document.site(&file.at)));
    Ok((failed == 0).then_some(Rows { names, keys, source }))
}

/// The last line (from 1) of a value, all that it holds included.
fn last_line(document: &Document, at: &Pointer) -> usize {
    let own = document.file.position(document.site(at).span.end).line;
    let below = match document.get(at) {
        Some(Value::Object(members)) => members.keys().map(|key| last_line(document, &at.key(key))).max(),
        Some(Value::Array(items)) => {
            (0..items.len()).map(|index| last_line(document, &at.index(index))).max()
        }
        _ => None,
    };
    own.max(below.unwrap_or_default())
}

fn too_many_keys(site: Site) -> Diagnostic {
    let message = format!("the rows have more than {MAX_KEYS} keys together");
    Diagnostic::error(Code::TooLarge, site, message)
        .help("put what varies under one key, as a list or an object")
}

/// The slug of a row's name. The sites are those of the name and of the row.
fn checked(name: &str, sites: impl FnOnce() -> (Site, Site)) -> Result<String, Box<Diagnostic>> {
    let problem = |message: String| {
        let (name, row) = sites();
        let problem = Diagnostic::error(Code::BadName, name.clone(), message);
        let same = name.file.path() == row.file.path() && name.span.start >= row.span.start;
        Box::new(if same { problem } else { problem.also(row, "this row") })
    };
    let slug = slug(name);
    if slug.is_empty() {
        let message = "the name of this row has neither letter nor digit".to_owned();
        return Err(Box::new(problem(message).help("names are part of the case's name: `scenario::row`")));
    }
    if slug.len() > MAX_NAME {
        let message = format!("the name of this row is longer than {MAX_NAME} characters");
        return Err(Box::new(problem(message).help("name it by what tells it from the others")));
    }
    Ok(slug)
}

impl Rows {
    /// Two rows of one name: both are shown.
    fn equal_names(&self, index: usize, first: usize, rows: &Site) -> Diagnostic {
        let site = |index: usize| {
            u32::try_from(index).ok().and_then(|index| self.site(index)).unwrap_or_else(|| rows.clone())
        };
        let message = format!("two rows are called `{}`", self.names.get(index));
        Diagnostic::error(Code::EqualNames, site(index), message)
            .also(site(first), "the other one")
            .note("names are compared as they are shown: in lower case, `-` for all but letters, digits, `_` and `.`")
            .help("name the rows by what is different in each")
    }
}

/// The template that names the rows of a file.
struct Naming<'a> {
    template: Template,
    at: &'a Pointer,
    document: &'a Document,
    facts: Facts,
}

impl<'a> Naming<'a> {
    fn compile(name: &'a Spot<String>, around: Around<'a>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let document: &Document = around.document;
        let mut error = |code, part, message: String, help: Option<String>| {
            let mut problem = Diagnostic::error(code, within(document, &name.at, part), message);
            problem.help.extend(help);
            problems.push(problem);
        };
        let template = match Template::compile(&name.value) {
            Ok(template) => template,
            Err(errors) => {
                for found in errors {
                    error(found.code, found.at, found.message, found.help);
                }
                return None;
            }
        };
        let mut good = true;
        for used in template.uses().iter().filter(|used| used.name != "row" || used.rest.is_empty()) {
            good = false;
            let message = match used.name.as_str() {
                "row" => "`row` is not a value by itself".to_owned(),
                name => format!("`{name}` is not known in the name of a row"),
            };
            let help = "a row is named by what it holds: `{{ row.code }}`".to_owned();
            error(Code::UndefinedName, used.at.clone(), message, Some(help));
        }
        if let Some(helper) = template.helpers().iter().find(|helper| UNSTEADY.contains(&helper.name)) {
            good = false;
            let message = format!("`{}` would give the row another name each time", helper.name);
            let help = "name it by what it holds: `{{ row.code }}`".to_owned();
            error(Code::BadName, 0..name.value.len(), message, Some(help));
        } else if template.is_literal() {
            good = false;
            let message = "every row would have this name".to_owned();
            let help = "write a template over `row`: `{{ row.code }}`".to_owned();
            error(Code::BadName, 0..name.value.len(), message, Some(help));
        }
        let facts = Facts {
            seed: 0,
            now: || jiff::Timestamp::UNIX_EPOCH,
            root: Arc::new(around.root.to_owned()),
            folder: Arc::new(around.path.parent().unwrap_or(around.path).to_owned()),
        };
        good.then_some(Self { template, at: &name.at, document, facts })
    }

    /// Where the template stands.
    fn site(&self) -> Site {
        self.document.site(self.at)
    }

    /// Whether the columns are there that it reads.
    fn columns(&self, header: &[String]) -> Result<(), Box<Diagnostic>> {
        let missing = |used: &&crate::template::Use| {
            !used.optional && used.rest.first().is_some_and(|name| !header.contains(name))
        };
        let Some(used) = self.template.uses().iter().find(missing) else { return Ok(()) };
        let name = used.rest.first().map_or("", String::as_str);
        let site = within(self.document, self.at, used.at.clone());
        let problem =
            Diagnostic::error(Code::UndefinedName, site, format!("the file has no column `{name}`"))
                .note(format!("its columns are {}", listed(header.iter().map(String::as_str))));
        let one = header.first().filter(|_| header.len() == 1);
        let other =
            one.and_then(|text| [';', '\t', '|', ','].into_iter().find(|other| text.contains(*other)));
        Err(Box::new(match (other, nearest(name, header.iter().map(String::as_str))) {
            (Some(other), _) => {
                let other = other.escape_default();
                problem
                    .help(format!("if its fields are separated by `{other}`, write `separator: \"{other}\"`"))
            }
            (None, Some(near)) => problem.help(format!("did you mean `row.{near}`?")),
            (None, None) => problem.help("name the row by one of them"),
        }))
    }

    /// The name of a row.
    fn name(&self, row: &Map<String, Value>, site: impl Fn() -> Site) -> Result<String, Box<Diagnostic>> {
        let mut scope = Scope::new(self.facts.clone());
        scope.set("row", Value::Object(row.clone()));
        self.template.render_text(&scope).map_err(|error| {
            let at = within(self.document, self.at, error.at);
            let mut problem = Diagnostic::error(Code::UndefinedName, at, error.message).also(site(), "in this row");
            problem.help.push(error.help.unwrap_or_else(|| {
                "every row needs a name: add what is missing, or give another in its place with `{{ default row.x \"other\" }}`".to_owned()
            }));
            Box::new(problem)
        })
    }
}

enum Kind {
    Csv,
    Json,
    Yaml,
}

/// Finds the file, which has to be inside the suite's folder.
fn locate(file: &Spot<String>, around: Around<'_>) -> Result<(Named, Kind), Box<Diagnostic>> {
    let site = || around.document.site(&file.at);
    let name = file.value.as_str();
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let kind = match ending.as_deref() {
        Some("csv") => Kind::Csv,
        Some("json") => Kind::Json,
        Some("yaml" | "yml") => Kind::Yaml,
        _ => {
            let message = format!("`{name}` has none of the endings that are read as rows");
            let problem = Diagnostic::error(Code::BadValue, site(), message);
            return Err(Box::new(problem.help("they are `.csv`, `.json`, `.yaml` and `.yml`")));
        }
    };
    let folder = around.path.parent().unwrap_or(around.path);
    let named = suite::named_file(around.root, folder, name)
        .map_err(|error| Box::new(error.diagnostic(Code::Unreadable, site())))?;
    let unreadable = |why: &str| {
        let message = format!("cannot read `{name}`: {why}");
        Box::new(Diagnostic::error(Code::Unreadable, site(), message).help("name a file that can be read"))
    };
    let about = named.canonical.metadata().map_err(|error| unreadable(&suite::reason(&error)))?;
    if !about.is_file() {
        return Err(unreadable("it is no regular file"));
    }
    if about.len() > MAX_FILE {
        let message = format!("`{name}` is larger than {} MiB", MAX_FILE >> 20);
        let help =
            format!("split it, and write a scenario for each part; a scenario has at most {MAX_ROWS} rows");
        return Err(Box::new(Diagnostic::error(Code::TooLarge, site(), message).help(help)));
    }
    Ok((named, kind))
}
