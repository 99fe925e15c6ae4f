//! Everywhere a server can say a token, in every form, and in everything that is written of that.

use std::fmt::Write as _;

use crate::canary::{Form, Search, is_masked, token};
use crate::common::Project;
use crate::hostile;
use crate::left::{Channel, EVERYWHERE, Left, Told};

/// Where the server says it, the step that meets it, and who has to show that something was there.
const PLACES: &[Place] = &[
    ("text", "call: t\n    expect: {text: other}", &Channel::ALL),
    ("json", "call: t\n    expect: {json: {words: [other]}}", &Channel::ALL),
    ("structured", "call: t\n    expect: {structured: {words: [other]}}", &Channel::ALL),
    ("key", "call: t\n    expect: {result: {_meta: {$exact: {}}}}", &Channel::ALL),
    ("tool-error", "call: t", &Channel::ALL),
    ("resource", "read: 'x://y'\n    expect: {text: other}", &Channel::ALL),
    ("blob", "read: 'x://y'\n    expect: {result: {contents: [{blob: other}]}}", &Channel::ALL),
    ("prompt", "prompt: p\n    expect: {text: other}", &Channel::ALL),
    ("tools", "list: tools\n    expect: {items: [{description: other}]}", &Channel::ALL),
    ("cursor", "request: tools/list\n    expect: {result: {nextCursor: other}}", &Channel::ALL),
    ("error", "call: t", &Channel::ALL),
    ("error-data", "call: t", &Channel::ALL),
    ("error-400", "call: t", &Channel::ALL),
    ("header", "call: t\n    expect: {http: {headers: {x-said: other}}}", &Channel::ALL),
    ("cookie", "call: t\n    expect: {http: {headers: {set-cookie: other}}}", &Channel::ALL),
    ("challenge", "call: t", WHOLE),
    ("forbidden", "call: t", &Channel::ALL),
    ("retry", "call: t", WHOLE),
    ("media", "call: t", WHOLE),
    ("html", "call: t", &Channel::ALL),
    ("redirect-302", "call: t", &Channel::ALL),
    ("redirect-307", "call: t", &Channel::ALL),
    ("no-json", "call: t", &Channel::ALL),
    ("id", "call: t", &Channel::ALL),
    ("escaped", "call: t\n    expect: {text: other}", &Channel::ALL),
    ("terminal", "call: t\n    expect: {text: other}", &Channel::ALL),
    ("log", "call: t\n    expect: {notifications: [{params: {data: other}}]}", &Channel::ALL),
    ("progress", "call: t\n    meta: {progressToken: p}\n    expect: {notifications: []}", &Channel::ALL),
    ("event", "call: t\n    expect: {http: {events: []}}", &Channel::ALL),
    ("asked", "call: t", &Channel::ALL),
    ("chunks", "call: t\n    expect: {text: other}", &Channel::ALL),
    ("lines", "call: t\n    expect: {text: other}", &Channel::ALL),
    ("early-end", "call: t", WHOLE),
    (SILENT, "call: t\n    timeout: 4s", &Channel::ALL),
    ("unopened", "call: t", &Channel::ALL),
    ("version", "call: t", &Channel::ALL),
    ("info", "session: open\n    expect: {result: {serverInfo: {name: other}}}", &Channel::ALL),
    ("instructions", "session: open\n    expect: {result: {instructions: other}}", &Channel::ALL),
    ("session", "session: open\n    expect: {http: {headers: {mcp-session-id: other}}}", &Channel::ALL),
];

/// Those that show exchanges whole. The others show what matters to a failure.
const WHOLE: &[Channel] = &[Channel::Trace, Channel::Jsonl];

/// The place whose cases last until their timeout.
const SILENT: &str = "silent";

/// A place, as [`PLACES`] has it.
type Place = (&'static str, &'static str, &'static [Channel]);

/// One server for each place and form, and one scenario.
fn project(url: &str, token: &str, places: &[&Place]) -> Project {
    let mut suite = "scenarios: '*.yaml'\nservers:\n".to_owned();
    let mut project = Project::new().env("PAT", token);
    for (place, step, _) in places {
        for form in Form::ALL {
            let name = format!("{place}-{}", form.name());
            let checks = "{output_schema: ignore, capabilities: ignore}";
            let _ = writeln!(
                suite,
                "  {name}: {{url: '{url}/{place}/{}', auth: {{pat: {{env: PAT}}}}, checks: {checks}}}",
                form.name()
            );
            let scenario = format!(
                "scenario: A\nserver: {name}\nprotocol: 2025-11-25\ntimeout: 20s\nsteps:\n  - {step}\n"
            );
            project = project.file(&format!("{name}.yaml"), &scenario);
        }
    }
    project.file("callsheet.yaml", &suite)
}

#[test]
fn whatever_a_server_says_again_is_masked_wherever_it_is_written() {
    let (url, record) = hostile::start();
    let canary = token("SRV");
    // Those that are silent would have all others wait for their turn.
    let parts: [Vec<&Place>; 2] = PLACES.iter().partition(|(place, ..)| *place == SILENT).into();
    let run = |places: &[&Place]| Left::of(&project(&url, &canary, places), &EVERYWHERE);
    let left: Vec<Left> = std::thread::scope(|scope| {
        let runs: Vec<_> = parts.iter().map(|places| scope.spawn(|| run(places))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    left.iter().for_each(|left| assert_eq!(left.code, Some(101), "{}", left.shown()));
    let search = Search::of(std::slice::from_ref(&canary));
    let told: Vec<Told> = left.iter().map(Told::of).collect();
    let record = record.lock().unwrap();
    let (mut combinations, mut wrong) = (0, Vec::new());
    for (place, _, channels) in PLACES {
        let told = &told[usize::from(*place != SILENT)];
        for form in Form::ALL {
            let case = format!("{place}-{}", form.name());
            // What is not there cannot be missed: the search has to find it where it was sent.
            let sent = record.get(&case).map_or("", String::as_str);
            assert!(sent.contains(crate::MARK), "{case}: the server said nothing");
            assert!(search.find(sent.as_bytes()).is_some(), "{case}: not found in what was sent: {sent}");
            for channel in Channel::ALL {
                let text = told.about(&case, channel);
                if let Some(found) = search.find(text.as_bytes()) {
                    wrong.push(format!("{case}, {channel:?}: {found}"));
                } else if channels.contains(&channel) && !is_masked(text) {
                    wrong.push(format!("{case}, {channel:?}: no `***` where it was planted"));
                }
                combinations += usize::from(channels.contains(&channel));
            }
        }
    }
    for (name, text) in left.iter().flat_map(Left::all) {
        wrong.extend(search.find(text).map(|found| format!("{name}: {found}")));
    }
    assert!(wrong.is_empty(), "{} of {combinations}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(combinations > 1_000, "{combinations}");
}
