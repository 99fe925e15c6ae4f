//! A server that is a program: its secret in its environment, and on its stderr, its stdout and in its messages.

use crate::canary::{Search, is_masked, token};
use crate::common::Project;
use crate::left::{Channel, EVERYWHERE, Left, Told};

/// Reads the opening, answers it, and reads on.
const OPEN: &str = r#"read line
id=$(printf %s "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}\n' "$id"
read line
read line
id=$(printf %s "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
"#;

/// What it does then. `$ONE` and `$TWO` are the halves of the token.
const ENDS: &[(&str, &str, &[Channel])] = &[
    ("stderr", "printf '[[%s]]' \"$TOKEN\" >&2; exit 1", &Channel::ALL),
    (
        "stderr-chunks",
        "printf '[[%s' \"$ONE\" >&2; sleep 0.2; printf '%s]]' \"$TWO\" >&2; exit 1",
        &Channel::ALL,
    ),
    ("stderr-lines", "printf '[[%s\\n' \"$ONE\" >&2; printf '%s]]\\n' \"$TWO\" >&2; exit 1", &Channel::ALL),
    ("stderr-colours", "printf '[[%s\\033[1m%s]]' \"$ONE\" \"$TWO\" >&2; exit 1", &Channel::ALL),
    // Of a line that is too long its end is kept: the cut is in the token.
    ("stderr-tail", "printf '[[%s]]%08180d' \"$TOKEN\" 0 >&2; exit 1", &Channel::ALL),
    ("stdout", "printf '[[%s]]\\n' \"$TOKEN\"; exit 1", &Channel::ALL),
    ("stdout-cut", "printf '%0100d[[%s]]\\n' 0 \"$TOKEN\"; exit 1", &Channel::ALL),
    ("environment", "env >&2; echo \"[[$TOKEN\" >&2; exit 1", &Channel::ALL),
    (
        "answer",
        "printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"[[%s]]\"}],\"isError\":true}}\\n' \"$id\" \"$TOKEN\"; sleep 1",
        &Channel::ALL,
    ),
    (
        "error",
        "printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32000,\"message\":\"[[%s]]\",\"data\":\"[[%s]]\"}}\\n' \"$id\" \"$TOKEN\" \"$TOKEN\"; sleep 1",
        &Channel::ALL,
    ),
];

#[test]
fn a_program_that_tells_its_secret() {
    // No quotes: the shell writes it into JSON as it is.
    let canary = |of: &str| token(of).replace(['"', '\'', '\\', '%'], "-");
    let (first, second) = (canary("PRG"), canary("FIL"));
    let mut suite = "scenarios: '*.yaml'\nservers:\n".to_owned();
    let mut project = Project::new().env("TOKEN_HERE", &first).file("secrets/token.txt", &second);
    for (source, place) in [("variable", "env: TOKEN_HERE"), ("file", "file: secrets/token.txt")] {
        for (end, script, _) in ENDS {
            let name = format!("{source}-{end}");
            let halves =
                "ONE=$(printf %s \"$TOKEN\" | cut -c1-25); TWO=$(printf %s \"$TOKEN\" | cut -c26-)\n";
            project = project.file(&format!("programs/{end}.sh"), &format!("{halves}{OPEN}{script}\n"));
            suite.push_str(&format!(
                "  {name}: {{command: [sh, programs/{end}.sh], env: {{TOKEN: {{{place}}}}}}}\n"
            ));
            let scenario =
                format!("scenario: A\nserver: {name}\nprotocol: 2025-11-25\nsteps: [{{call: t}}]\n");
            project = project.file(&format!("{name}.yaml"), &scenario);
        }
    }
    let left = Left::of(&project.file("callsheet.yaml", &suite), &EVERYWHERE);
    assert_eq!(left.code, Some(101), "{}", left.shown());
    let search = Search::of(&[first, second]);
    let told = Told::of(&left);
    let mut wrong = Vec::new();
    for source in ["variable", "file"] {
        for (end, _, channels) in ENDS {
            let case = format!("{source}-{end}");
            for channel in *channels {
                let text = told.about(&case, *channel);
                // Of a tail that was cut only the end of the token is there.
                let shows = if *end == "stderr-tail" { text.contains("…***]]") } else { is_masked(text) };
                if !shows {
                    wrong.push(format!("{case}, {channel:?}: no `***`: {text}"));
                }
            }
        }
    }
    for (name, text) in left.all() {
        wrong.extend(search.find(text).map(|found| format!("{name}: {found}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
