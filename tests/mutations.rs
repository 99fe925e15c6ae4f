//! A green tick has to mean something: every scalar under every `expect` of the showcase is changed, one at a
//! time, and each time the run fails with the caret on that value.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use callsheet::source::{Document, Pointer, SourceFile, yaml};
use common::{Mark, Project, marked};
use serde_json::Value;

/// One change of one file.
struct Mutation {
    /// The file below `scenarios/`.
    file: PathBuf,
    text: String,
    /// What is run.
    run: PathBuf,
    line: usize,
    column: usize,
    was: String,
    now: String,
}

#[test]
fn every_expected_scalar_counts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut mutations = Vec::new();
    // The set of the official suite's scenarios means another server; its mutants are those of tests/peers.
    let apart = root.join("scenarios/conformance");
    for file in files(&root.join("scenarios")).into_iter().filter(|file| !file.starts_with(&apart)) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root).unwrap().to_owned();
        let source = Arc::new(SourceFile::new(name.to_string_lossy(), text));
        for document in yaml::parse(&source).unwrap() {
            mutations.extend(mutations_of(&name, &document));
        }
    }
    assert!(mutations.len() > 100, "only {} scalars under `expect`", mutations.len());
    let next = AtomicUsize::new(0);
    let survivors = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let project = copy(root);
                while let Some(mutation) = mutations.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = dies(&project, root, mutation) {
                        survivors.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let survivors = survivors.into_inner().unwrap();
    assert!(
        survivors.is_empty(),
        "{} of {} survive:\n\n{}",
        survivors.len(),
        mutations.len(),
        survivors.join("\n\n")
    );
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(root: &Path) -> Project {
    let mut project =
        Project::new().file("callsheet.yaml", &std::fs::read_to_string(root.join("callsheet.yaml")).unwrap());
    let mut folders = vec![root.join("scenarios")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                project = project.file(&name, &std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    project
}

/// Runs the changed file; an explanation where it does not fail at the changed value.
fn dies(project: &Project, root: &Path, mutation: &Mutation) -> Result<(), String> {
    let path = project.path().join(&mutation.file);
    std::fs::write(&path, &mutation.text).unwrap();
    let name = mutation.file.to_string_lossy().into_owned();
    // Everything is run, that a scenario is ignored hides nothing.
    let ran = project.run(&["test", "--include-ignored", &mutation.run.to_string_lossy()]);
    std::fs::copy(root.join(&mutation.file), &path).unwrap();
    let place = format!("{name}:{}:{}", mutation.line, mutation.column);
    let what = format!("{place}: `{}` became `{}`", mutation.was, mutation.now);
    if ran.code != Some(101) {
        return Err(format!("{what}: exit {:?}\n{}", ran.code, ran.all()));
    }
    // An operator that takes a list, such as `$near`, is marked as a whole.
    let covers = |mark: &Mark| {
        mark.line == mutation.line && (mark.columns.0..mark.columns.1).contains(&mutation.column)
    };
    if !ran.stdout.contains(&place) && !marked(&ran.stdout).iter().any(covers) {
        return Err(format!("{what}: the caret is elsewhere\n{}", ran.stdout));
    }
    Ok(())
}

fn mutations_of(file: &Path, document: &Document) -> Vec<Mutation> {
    let mut found = Vec::new();
    let mut expected = Vec::new();
    // What is skipped fails anyhow.
    if document.value().get("skip").is_none() {
        expectations(document, &Pointer::root().key("steps"), &mut expected);
    }
    let is_fragment = document.value().get("fragment").is_some();
    for at in expected {
        let Some(value) = document.get(&at) else { continue };
        scalars(value, &at, None, &mut |at, operator, value| {
            let now = other(operator, value);
            let site = document.site(at);
            let position = site.position();
            let mut text = document.file.text().to_owned();
            text.replace_range(site.span.start..site.span.end, &now);
            found.push(Mutation {
                file: file.to_owned(),
                text,
                // What uses a fragment stands in other files.
                run: if is_fragment { PathBuf::from("scenarios/") } else { file.to_owned() },
                line: position.line,
                column: position.column,
                was: document.file.slice(site.span).to_owned(),
                now,
            });
        });
    }
    found
}

/// The place of each `expect` of a step, of a list of steps, and of the steps in them.
fn expectations(document: &Document, at: &Pointer, found: &mut Vec<Pointer>) {
    match document.get(at) {
        Some(Value::Array(steps)) => {
            (0..steps.len()).for_each(|index| expectations(document, &at.index(index), found));
        }
        // What a known bug keeps from holding does not hold in another way either.
        Some(Value::Object(step)) if !step.contains_key("known_bug") => {
            found.push(at.key("expect"));
            ["defer", "parallel"].iter().for_each(|key| expectations(document, &at.key(key), found));
        }
        _ => {}
    }
}

/// Calls with every scalar, its place and the operator or key that is nearest above it.
fn scalars<'a>(
    value: &'a Value,
    at: &Pointer,
    operator: Option<&'a str>,
    with: &mut dyn FnMut(&Pointer, Option<&str>, &Value),
) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                scalars(member, &at.key(name), Some(name), with);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let near = operator == Some("$near") && index == 1;
                scalars(item, &at.index(index), if near { Some("tolerance") } else { operator }, with);
            }
        }
        scalar => with(at, operator, scalar),
    }
}

/// Another value that the operator takes and that does not hold.
fn other(operator: Option<&str>, value: &Value) -> String {
    match (operator, value) {
        (Some("$type" | "type"), Value::String(name)) => {
            if name == "boolean" { "string" } else { "boolean" }.to_owned()
        }
        (Some("$format"), Value::String(name)) => if name == "ipv4" { "uuid" } else { "ipv4" }.to_owned(),
        (Some("$sorted"), Value::String(name)) => if name == "asc" { "desc" } else { "asc" }.to_owned(),
        (Some("$gt" | "$gte"), Value::String(_)) => "99h".to_owned(),
        (Some("$lt" | "$lte"), Value::String(_)) => "1ms".to_owned(),
        (Some("$gt" | "$gte"), Value::Number(_)) => "987654321".to_owned(),
        (Some("$lt" | "$lte"), Value::Number(_)) => "-987654321".to_owned(),
        (Some("tolerance"), _) => "0".to_owned(),
        (Some("$length"), Value::String(_)) => "98".to_owned(),
        (Some("mask"), _) => "$.mutated".to_owned(),
        (_, Value::Bool(flag)) => (!flag).to_string(),
        (_, Value::Number(number)) => {
            number.as_i64().map_or("0.123".to_owned(), |number| (number + 7).to_string())
        }
        (_, Value::Null) => "7".to_owned(),
        (_, _) => "mutated-by-the-test".to_owned(),
    }
}
