//! The doctor, asked about a server that says its token again.

use std::fmt::Write as _;

use crate::canary::{Form, Search, token};
use crate::common::Project;
use crate::hostile;
use crate::left::Left;

/// Where the server says it, and whether the doctor has a reason to tell something of that.
const PLACES: &[(&str, bool)] = &[
    ("text", false),
    ("tool-error", true),
    ("error", true),
    ("error-data", false),
    ("error-400", true),
    ("challenge", false),
    ("forbidden", false),
    ("retry", false),
    ("media", false),
    ("html", false),
    ("redirect-302", false),
    ("redirect-307", false),
    ("no-json", false),
    ("id", false),
    ("early-end", false),
    ("unopened", false),
    ("version", true),
    ("info", false),
    ("tools", false),
];

#[test]
fn the_doctor_tells_no_token() {
    let (url, record) = hostile::start();
    let canary = token("DOC");
    let mut suite = "default: text-raw\nservers:\n".to_owned();
    for (place, _) in PLACES {
        for form in [Form::Raw, Form::Mixed] {
            let form = form.name();
            let _ = writeln!(
                suite,
                "  {place}-{form}: {{url: '{url}/{place}/{form}', auth: {{pat: {{env: PAT}}}}, timeouts: {{connect: 20s, start: 20s, step: 20s}}}}"
            );
        }
    }
    let project = Project::new().file("callsheet.yaml", &suite).env("PAT", &canary);
    let search = Search::of(std::slice::from_ref(&canary));
    let wrong = std::sync::Mutex::new(Vec::new());
    let (told, project, searched) = (&wrong, &project, &search);
    // Most of the time is waiting for the process.
    std::thread::scope(|scope| {
        for part in PLACES.chunks(PLACES.len() / 4 + 1) {
            scope.spawn(move || {
                for (place, tells) in part {
                    for (form, format) in [(Form::Raw, "text"), (Form::Mixed, "json")] {
                        let server = format!("{place}-{}", form.name());
                        let arguments = ["doctor", "--server", &server, "--call", "t", "--format", format];
                        let left = Left::of(project, &arguments);
                        let say = |what: String| told.lock().unwrap().push(format!("{server}: {what}"));
                        for (name, text) in left.all() {
                            searched.find(text).into_iter().for_each(|found| say(format!("{name}: {found}")));
                        }
                        if *tells && !left.stdout().contains("***") {
                            say(format!("no `***`: {}", left.shown()));
                        }
                        if left.stdout.is_empty() {
                            say(left.shown());
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let record = record.lock().unwrap();
    for (place, _) in PLACES {
        let sent = &record[&format!("{place}-raw")];
        assert!(search.find(sent.as_bytes()).is_some(), "{place}");
    }
}
