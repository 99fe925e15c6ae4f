//! What each `use` leads to. Fragments are read, checked and compiled once, one after the other in the order in which
//! scenarios use them, so that the same files always give the same messages; scenarios that use some are compiled
//! after them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Fragment;
use super::compile::compile_fragment;
use crate::check::{Known, flow_in_fragment};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{self, Suite};
use crate::nearest::nearest;
use crate::source::{Document, Site};
use crate::suite::{NamedError, named_file, slug};
use crate::template::listed;

/// How deep fragments may use each other.
pub(super) const MAX_DEPTH: usize = 16;

/// How deep they are followed at all: what lies deeper is not read.
const MAX_FOLLOWED: usize = 64;

/// What each `use` leads to: by the folder of the file that it stands in, and its text.
#[derive(Debug, Default)]
pub struct Links(HashMap<PathBuf, HashMap<String, Result<Linked, Refused>>>);

/// A fragment that some `use` leads to.
#[derive(Clone, Debug)]
pub(super) struct Linked {
    pub(super) fragment: Arc<Fragment>,
    /// How many steps it comes to.
    pub(super) size: usize,
    /// How deep it uses others: 1 for one that uses none.
    pub(super) height: usize,
}

/// Why a `use` leads to no fragment.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    NoFile(NamedError),
    /// The file holds no fragment.
    None {
        file: String,
    },
    /// The file holds several, and the text says none of them.
    Several {
        file: String,
        slugs: Vec<String>,
    },
    /// The file holds others.
    Unknown {
        file: String,
        slug: String,
        slugs: Vec<String>,
    },
    /// Fragments use each other without end, or nearly so.
    TooDeep,
    /// What is wrong with it was told where it stands.
    Broken,
}

impl Links {
    /// What a `use` leads to; `Err(None)` where nobody asked for it before.
    pub(super) fn get(&self, folder: &Path, reference: &str) -> Result<&Linked, Option<&Refused>> {
        let found = self.0.get(folder).and_then(|found| found.get(reference));
        found.ok_or(None)?.as_ref().map_err(Some)
    }

    fn has(&self, folder: &Path, reference: &str) -> bool {
        self.0.get(folder).is_some_and(|found| found.contains_key(reference))
    }

    fn set(&mut self, folder: &Path, reference: &str, found: Result<Linked, Refused>) {
        self.0.entry(folder.to_owned()).or_default().insert(reference.to_owned(), found);
    }
}

impl Refused {
    /// The message at the place of `use`; none where it was told elsewhere.
    pub(super) fn diagnostic(&self, site: Site) -> Option<Diagnostic> {
        let error = |message: String| Diagnostic::error(Code::UnknownFragment, site.clone(), message);
        let list = |slugs: &[String]| listed(slugs.iter().map(String::as_str));
        Some(match self {
            Self::NoFile(why) => why.diagnostic(Code::UnknownFragment, site),
            Self::None { file } => error(format!("`{file}` holds no fragment"))
                .help("a fragment is a document with the key `fragment` in place of `scenario`"),
            Self::Several { file, slugs } => error(format!("`{file}` holds {} fragments", slugs.len()))
                .note(format!("they are {}", list(slugs)))
                .help(format!(
                    "say which: `{file}#{}`",
                    slugs.first().map(String::as_str).unwrap_or_default()
                )),
            Self::Unknown { file, slug, slugs } => {
                let problem = error(format!("`{file}` holds no fragment `{slug}`"));
                match nearest(slug, slugs.iter().map(String::as_str)) {
                    Some(near) => problem.help(format!("did you mean `{file}#{near}`?")),
                    None => problem.help(format!("it holds {}", list(slugs))),
                }
            }
            Self::TooDeep => {
                let message = format!("fragments use each other more than {MAX_DEPTH} deep");
                Diagnostic::error(Code::TooLarge, site, message).help("write the steps of some of them out")
            }
            Self::Broken => return None,
        })
    }
}

/// The fragments of one file.
pub(super) struct Source {
    /// The path of the file, absolute and normal.
    pub(super) path: PathBuf,
    pub(super) fragments: Vec<model::Fragment>,
    /// Whether something of the file could not be read, so that fragments may be missing.
    pub(super) broken: bool,
}

/// A file that may hold fragments.
struct File {
    path: PathBuf,
    entries: Vec<Entry>,
    broken: bool,
    problems: Vec<Diagnostic>,
    /// Whether it is a file of the suite, and not only used.
    found: bool,
}

struct Entry {
    slug: String,
    title: Site,
    state: State,
    used: bool,
}

enum State {
    New(Box<model::Fragment>),
    /// It is being linked: who leads back to it makes a circle.
    Open,
    Broken,
    Done(Linked),
}

/// A fragment by the index of its file, and its index there.
type Key = (usize, usize);

/// A fragment that is being linked, and the `use` that leads to it.
struct Step {
    key: Key,
    via: Option<Site>,
}

/// Finds and compiles fragments.
pub(super) struct Linker<'a> {
    suite: &'a Suite,
    known: &'a Known<'a>,
    /// Reads a file that no pattern found, with its problems.
    read: &'a dyn Fn(&Path) -> (Source, Vec<Diagnostic>),
    files: Vec<File>,
    /// The files by their path with all links followed.
    by_path: HashMap<PathBuf, usize>,
    links: Links,
}

/// What was found of fragments.
pub(super) struct Outcome {
    pub(super) links: Links,
    /// What is wrong in each file, by its path.
    pub(super) problems: Vec<(PathBuf, Vec<Diagnostic>)>,
    /// A warning for each fragment of the suite's files that nothing uses.
    pub(super) unused: Vec<Diagnostic>,
}

impl<'a> Linker<'a> {
    pub(super) fn new(
        suite: &'a Suite,
        known: &'a Known<'a>,
        read: &'a dyn Fn(&Path) -> (Source, Vec<Diagnostic>),
    ) -> Self {
        Self { suite, known, read, files: Vec::new(), by_path: HashMap::new(), links: Links::default() }
    }

    /// Adds a file of the suite.
    pub(super) fn add(&mut self, source: Source) {
        if let Ok(canonical) = source.path.canonicalize() {
            self.insert(canonical, source, Vec::new(), true);
        }
    }

    fn insert(
        &mut self,
        canonical: PathBuf,
        source: Source,
        mut problems: Vec<Diagnostic>,
        found: bool,
    ) -> usize {
        let mut entries: Vec<Entry> = Vec::new();
        for fragment in source.fragments {
            let slug = slug(&fragment.title.value);
            let title = fragment.document.site(&fragment.title.at);
            if let Some(first) = entries.iter().find(|entry| entry.slug == slug) {
                let message = format!("two fragments of this file are called `{slug}`");
                let problem = Diagnostic::error(Code::EqualNames, title.clone(), message);
                problems.push(problem.also(first.title.clone(), "the other one").help("rename one of them"));
            }
            entries.push(Entry { slug, title, state: State::New(Box::new(fragment)), used: false });
        }
        let index = self.files.len();
        self.by_path.insert(canonical, index);
        self.files.push(File { path: source.path, entries, broken: source.broken, problems, found });
        index
    }

    /// Finds what a scenario uses.
    pub(super) fn scenario(&mut self, scenario: &model::Scenario, path: &Path) {
        self.steps(&scenario.document, path.parent().unwrap_or(path), &scenario.steps, &mut Vec::new());
    }

    /// Compiles what nothing used so far, and ends.
    pub(super) fn finish(mut self) -> Outcome {
        for file in 0..self.files.len() {
            for entry in 0..self.files.get(file).map_or(0, |file| file.entries.len()) {
                let _ = self.fragment((file, entry), None, &mut Vec::new());
            }
        }
        let unused = self.files.iter().filter(|file| file.found).flat_map(|file| &file.entries);
        let unused = unused
            .filter(|entry| !entry.used)
            .map(|entry| {
                Diagnostic::warning(Code::UnusedFragment, entry.title.clone(), "nothing uses this fragment")
                    .help("take it out, or `use` it in a scenario")
            })
            .collect();
        let problems = self.files.into_iter().map(|file| (file.path, file.problems)).collect();
        Outcome { links: self.links, problems, unused }
    }

    /// Finds what steps use. `chain` leads to the document that they stand in.
    fn steps<'s>(
        &mut self,
        document: &Document,
        folder: &Path,
        steps: impl IntoIterator<Item = &'s model::Step>,
        chain: &mut Vec<Step>,
    ) {
        for step in steps {
            if let model::Action::Use { fragment, .. } = &step.action
                && !self.links.has(folder, &fragment.value)
            {
                let found = self.follow(folder, &fragment.value, document.site(&fragment.at), chain);
                self.links.set(folder, &fragment.value, found);
            }
            self.steps(
                document,
                folder,
                &mut step.inner() as &mut dyn Iterator<Item = &'s model::Step>,
                chain,
            );
        }
    }

    /// Where one `use` leads to.
    fn follow(
        &mut self,
        folder: &Path,
        reference: &str,
        site: Site,
        chain: &mut Vec<Step>,
    ) -> Result<Linked, Refused> {
        let (name, wanted) = match reference.split_once('#') {
            Some((name, slug)) => (name, Some(slug)),
            None => (reference, None),
        };
        let named = named_file(&self.suite.root, folder, name).map_err(Refused::NoFile)?;
        let index = match self.by_path.get(&named.canonical) {
            Some(index) => *index,
            None => {
                let (source, problems) = (self.read)(&named.path);
                self.insert(named.canonical, source, problems, false)
            }
        };
        let file = self.files.get_mut(index).ok_or(Refused::Broken)?;
        let slugs = || file.entries.iter().map(|entry| entry.slug.clone()).collect::<Vec<_>>();
        let place = match wanted {
            None if file.entries.len() == 1 => Some(0),
            None => None,
            Some(slug) => file.entries.iter().position(|entry| entry.slug == slug),
        };
        let place = match (place, wanted) {
            (Some(place), _) => place,
            // It may be one that could not be read.
            _ if file.broken => return Err(Refused::Broken),
            (None, None) if file.entries.is_empty() => return Err(Refused::None { file: name.to_owned() }),
            (None, None) => return Err(Refused::Several { file: name.to_owned(), slugs: slugs() }),
            (None, Some(slug)) => {
                let (file, slug) = (name.to_owned(), slug.to_owned());
                return Err(Refused::Unknown { file, slug, slugs: slugs() });
            }
        };
        if let Some(entry) = file.entries.get_mut(place) {
            entry.used = true;
        }
        if chain.len() >= MAX_FOLLOWED {
            return Err(Refused::TooDeep);
        }
        self.fragment((index, place), Some(site), chain)
    }

    /// A fragment, with all that it uses.
    fn fragment(&mut self, key: Key, via: Option<Site>, chain: &mut Vec<Step>) -> Result<Linked, Refused> {
        let entry = self.entry(key).ok_or(Refused::Broken)?;
        let fragment = match std::mem::replace(&mut entry.state, State::Open) {
            State::New(fragment) => fragment,
            State::Open => {
                self.circle(key, via, chain);
                return Err(Refused::Broken);
            }
            State::Broken => {
                entry.state = State::Broken;
                return Err(Refused::Broken);
            }
            State::Done(linked) => {
                entry.state = State::Done(linked.clone());
                return Ok(linked);
            }
        };
        let path = self.files.get(key.0).map(|file| file.path.clone()).unwrap_or_default();
        chain.push(Step { key, via });
        self.steps(&fragment.document, path.parent().unwrap_or(&path), &fragment.steps, chain);
        chain.pop();
        let mut problems = Vec::new();
        let compiled = compile_fragment(&fragment, &path, self.suite, &self.links, &mut problems);
        let state = match compiled {
            Some(compiled) => {
                problems.extend(flow_in_fragment(&compiled.fragment, self.known));
                let (size, height) = (compiled.size, compiled.height);
                State::Done(Linked { fragment: Arc::new(compiled.fragment), size, height })
            }
            None => State::Broken,
        };
        if let Some(file) = self.files.get_mut(key.0) {
            file.problems.append(&mut problems);
        }
        let entry = self.entry(key).ok_or(Refused::Broken)?;
        entry.state = state;
        match &entry.state {
            State::Done(linked) => Ok(linked.clone()),
            _ => Err(Refused::Broken),
        }
    }

    fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        self.files.get_mut(key.0)?.entries.get_mut(key.1)
    }

    /// Tells of a circle: `via` leads back to `key`, which is in the chain.
    fn circle(&mut self, key: Key, via: Option<Site>, chain: &[Step]) {
        let start = chain.iter().position(|step| step.key == key).unwrap_or_default();
        let round = chain.get(start..).unwrap_or_default();
        let names: Vec<String> = round
            .iter()
            .map(|step| step.key)
            .chain([key])
            .filter_map(|key| {
                let file = self.files.get(key.0)?;
                let entry = file.entries.get(key.1)?;
                let path = entry.title.file.path();
                Some(match file.entries.len() {
                    1 => format!("`{path}`"),
                    _ => format!("`{path}#{}`", entry.slug),
                })
            })
            .collect();
        let Some(via) = via else { return };
        let message = match round.len() {
            1 => "this fragment uses itself".to_owned(),
            _ => format!("these fragments use each other in a circle: {}", names.join(" → ")),
        };
        let mut problem = Diagnostic::error(Code::FragmentCycle, via, message);
        for (step, name) in round.iter().zip(&names).skip(1) {
            if let Some(via) = &step.via {
                problem = problem.also(via.clone(), format!("uses {name}"));
            }
        }
        problem = problem.help("take the steps that both need into a third one");
        if let Some(file) = chain.last().and_then(|last| self.files.get_mut(last.key.0)) {
            file.problems.push(problem);
        }
    }
}
