//! The documentation runs: every marked example does on the sandbox what its mark says, and the tables say what the
//! code has.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::indexing_slicing, reason = "as above")]

mod common;

use std::collections::BTreeSet;

use callsheet::cli::Exit;
use callsheet::exchange::{FIELDS, Verb};
use callsheet::matcher::{FORMAT_NAMES, OPERATOR_NAMES};
use callsheet::model::{OPERATORS, key_tables};
use callsheet::template::{HELPERS, SCOPE_WORDS};
use common::pages::{Block, RUN, all_blocks, beside, blocks, marked, pages, root, text};
use common::{Project, Ran, Server};
use serde_json::Value;

const SUITE: &str = "default: sandbox
servers: {sandbox: {sandbox: uipath}, lab: {sandbox: {profile: uipath, slug: lab}}}
vars: {currency: EUR}
env: [CUSTOMER]
";

/// One project of all these blocks, with the snapshots that stand behind them.
fn project(blocks: &[Block]) -> Project {
    let suite = format!("{SUITE}scenarios: '*_md_*.yaml'\n");
    let snapshots = snapshots();
    let project = beside().iter().fold(Project::new().file("callsheet.yaml", &suite), |project, block| {
        project.file(block.beside().unwrap_or_default(), &block.text)
    });
    blocks.iter().fold(project, |project, block| {
        let project = project.file(&block.file(), &block.scenario());
        match snapshots.iter().find(|(owner, _)| *owner == block.file()) {
            Some((owner, text)) => project.file(&snapshot_file(owner), text),
            None => project,
        }
    })
}

fn snapshot_file(owner: &str) -> String {
    owner.replace(".yaml", ".snap.yaml")
}

/// Each block of snapshots, and the file of the block that it belongs to.
fn snapshots() -> Vec<(String, String)> {
    let all = all_blocks();
    let pairs = all.windows(2).filter(|pair| pair[1].mark == "yaml snapshots");
    pairs.map(|pair| (pair[0].file(), pair[1].text.clone())).collect()
}

/// The names of cases that ended so, each as the file that it stands in.
fn ended(ran: &Ran, word: &str) -> BTreeSet<String> {
    let lines = ran.stdout.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    let names = lines.filter(|(_, how)| how.split(' ').next() == Some(word)).map(|(name, _)| name.trim());
    names.map(|name| name.split(['@', ':']).next().unwrap_or(name).to_owned() + ".yaml").collect()
}

fn files(blocks: &[Block]) -> BTreeSet<String> {
    blocks.iter().map(Block::file).collect()
}

#[test]
fn no_mark_is_unknown() {
    let others =
        ["yaml scenario invalid", "yaml steps invalid", "yaml snapshots", "yaml suite", "yaml suite invalid"];
    for page in pages().iter().filter(|page| *page != "README.md") {
        for block in blocks(page).into_iter().filter(|block| block.mark.starts_with("yaml")) {
            let mark = block.mark.as_str();
            let known = RUN.contains(&mark) || others.contains(&mark) || block.beside().is_some();
            assert!(known, "{page}:{}: `{mark}`", block.line);
        }
    }
    let paths: Vec<Block> = beside();
    let distinct: BTreeSet<_> = paths.iter().filter_map(Block::beside).collect();
    assert_eq!(distinct.len(), paths.len(), "two blocks are one file");
}

#[test]
fn examples_pass_on_the_sandbox() {
    let blocks = marked(&["yaml scenario", "yaml steps"]);
    let project = project(&blocks);
    let ran = project.run(&["test"]).exits(0).says(" 0 failed; 0 ignored").silent_on("warning");
    assert_eq!(ended(&ran, "ok"), files(&blocks));
    project.run(&["check"]).exits(0).says(" 0 warnings");
}

#[test]
fn examples_are_ignored_where_they_say_so() {
    let blocks = marked(&["yaml scenario ignored", "yaml steps ignored"]);
    let ran = project(&blocks).run(&["test"]).says(" 0 passed; 0 failed;");
    assert_eq!(ended(&ran, "ignored"), files(&blocks));
}

#[test]
fn snapshots_are_what_update_writes() {
    let blocks = marked(&["yaml scenario", "yaml steps"]);
    let project = project(&blocks);
    for (owner, text) in snapshots() {
        let file = snapshot_file(&owner);
        std::fs::remove_file(project.path().join(&file)).unwrap();
        project.run(&["test", "--update", &owner]).exits(0).says(&format!("{file}: "));
        assert_eq!(project.read(&file).split_once("\n\n").unwrap().1, text, "{owner}");
    }
}

#[test]
fn examples_fail_where_they_say_so() {
    let blocks = marked(&["yaml scenario fails", "yaml steps fails"]);
    let ran = project(&blocks).run(&["test"]).exits(101).says(" 0 passed;");
    assert_eq!(ended(&ran, "FAILED"), files(&blocks));
}

#[test]
fn examples_are_refused_where_they_say_so() {
    let blocks = marked(&["yaml scenario invalid", "yaml steps invalid"]);
    let project = project(&blocks);
    project.run(&["test"]).exits(3);
    let ran = project.run(&["check", "--format", "json"]).exits(3);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let told = told["problems"].as_array().unwrap().iter();
    let errors = told.filter(|problem| problem["severity"] == "error");
    let refused: BTreeSet<String> =
        errors.filter_map(|problem| problem["file"].as_str().map(str::to_owned)).collect();
    assert_eq!(refused, files(&blocks), "{}", ran.stdout);
}

#[test]
fn suites_are_taken_or_refused() {
    for block in marked(&["yaml suite", "yaml suite invalid"]) {
        let project = Project::new()
            .file("callsheet.yaml", &block.text)
            .file("scenarios/example.yaml", "scenario: Example\nsteps: [{list: tools}]\n");
        let code = if block.mark.ends_with("invalid") { 3 } else { 0 };
        let ran = project.run(&["check"]);
        assert_eq!(ran.code, Some(code), "{}:{}\n{}", block.page, block.line, ran.all());
    }
}

/// The rows of a table in Markdown, each a list of its cells.
fn rows(lines: &str) -> Vec<Vec<String>> {
    let rows = lines.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.filter(|row| !row.starts_with("---"))
        .map(|row| row.split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The rows below each header whose first cell is this.
fn table(page: &str, first: &str) -> Vec<Vec<String>> {
    let text = text(page);
    let mut found = Vec::new();
    for part in text.split("\n\n") {
        let mut rows = rows(part).into_iter();
        if rows.next().is_some_and(|header| header.first().is_some_and(|cell| cell == first)) {
            found.extend(rows);
        }
    }
    assert!(!found.is_empty(), "{page}: no table of `{first}`");
    found
}

/// What stands in backticks.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The first word of everything in backticks in the first column.
fn documented(page: &str, first: &str) -> BTreeSet<String> {
    let cells = table(page, first).into_iter().flat_map(|row| code(&row[0]));
    cells.filter_map(|code| code.split([' ', ':']).next().map(str::to_owned)).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn tables_of_keys_are_the_readers() {
    let format = text("docs/format.md");
    let pages = text("docs/format.md") + &text("docs/uipath.md") + &text("docs/sandbox.md");
    let known = key_tables();
    let mut seen = 0;
    for part in format.split("\n<!-- keys: ").skip(1) {
        let (name, rest) = part.split_once(" -->").unwrap();
        let (lines, _) = rest.split_once("<!-- end -->").unwrap();
        let keys: BTreeSet<String> = rows(lines).iter().skip(1).flat_map(|row| code(&row[0])).collect();
        let (_, table) = known.iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(keys, set(table.iter().map(|row| row.key)), "the keys of `{name}`");
        seen += 1;
    }
    assert!(seen >= 7, "{seen}");
    // Those without a table are in the text.
    for (name, table) in known {
        for row in table {
            let written = ["`", "{", ", ", "  "].iter().any(|before| {
                [":", "`"].iter().any(|after| pages.contains(&format!("{before}{}{after}", row.key)))
            });
            assert!(written, "`{}` of `{name}` is nowhere in the docs", row.key);
        }
    }
}

#[test]
fn operators_fields_verbs_and_helpers_are_documented() {
    let format = "docs/format.md";
    let operators = documented(format, "operator").into_iter().filter(|word| word.starts_with('$'));
    assert_eq!(operators.collect::<BTreeSet<_>>(), set(OPERATOR_NAMES.iter().copied()));
    assert_eq!(set(OPERATORS.iter().map(|operator| operator.name)), set(OPERATOR_NAMES.iter().copied()));
    assert_eq!(documented(format, "field"), set(FIELDS.iter().map(|field| field.name)));

    let verbs = table(format, "verb").into_iter().flat_map(|row| code(&row[0]).into_iter().take(1));
    let verbs: BTreeSet<String> = verbs.filter_map(|verb| Some(verb.split_once(':')?.0.to_owned())).collect();
    assert_eq!(verbs, set(Verb::ALL.iter().map(|verb| verb.as_str())));

    assert_eq!(documented(format, "helper"), set(HELPERS.iter().map(|helper| helper.name)));
    let signatures: Vec<String> = table(format, "helper").into_iter().flat_map(|row| code(&row[0])).collect();
    for helper in HELPERS.iter().filter(|helper| !helper.parameters.contains('[')) {
        let signature = format!("{} {}", helper.name, helper.parameters);
        assert!(signatures.iter().any(|written| written == signature.trim_end()), "`{signature}`");
    }

    let row = table(format, "operator").into_iter().find(|row| row[0] == "`$format`").unwrap();
    assert_eq!(code(&row[1]).into_iter().collect::<BTreeSet<_>>(), set(FORMAT_NAMES.iter().copied()));
}

#[test]
fn the_table_of_fields_says_who_fills_them() {
    for row in table("docs/format.md", "field") {
        let field = FIELDS.iter().find(|field| code(&row[0]).contains(&field.name.to_owned())).unwrap();
        let named: Vec<String> = code(&row[1])
            .iter()
            .flat_map(|verbs| verbs.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        // What a `request` fills depends on its method, and is said below the table.
        for verb in Verb::ALL.iter().filter(|verb| **verb != Verb::Request) {
            let said = named.iter().any(|name| name == verb.as_str()) != row[1].starts_with("all but");
            assert_eq!(said, field.filled_by(*verb, None), "`{}` and `{}`", field.name, verb.as_str());
        }
    }
}

#[test]
fn names_in_scope_are_documented() {
    let documented = table("docs/format.md", "name").into_iter().flat_map(|row| code(&row[0]));
    let documented: BTreeSet<String> =
        documented.filter_map(|name| name.split('.').next().map(str::to_owned)).collect();
    assert_eq!(documented, set(SCOPE_WORDS.iter().copied()));
}

/// The block of README that is a file: its first line says which.
fn readme_file(name: &str) -> String {
    let head = format!("# {name}\n");
    blocks("README.md").into_iter().find(|block| block.text.starts_with(&head)).unwrap().text
}

/// README's scenario, put where it says.
fn newcomer() -> Project {
    let project = Project::new();
    project.run(&["init"]).exits(0).says("callsheet test");
    project.run(&["test"]).exits(0).says("1 passed");
    project.file("scenarios/first.yaml", &readme_file("first.yaml"))
}

#[test]
fn readmes_scenario_passes_as_it_stands() {
    let project = newcomer();
    for part in ["yaml-language-server: $schema=", "defer:", "eventually:", "save:"] {
        assert!(readme_file("first.yaml").contains(part), "{part}");
    }
    project.run(&["test", "scenarios/first.yaml"]).exits(0).says("1 passed").silent_on("warning");
    project.run(&["check"]).exits(0).says(" 0 warnings");
    project.run(&["show", "first"]).exits(0).says("deleteInvoice");
}

#[test]
fn readmes_failure_is_a_real_one() {
    let broken = readme_file("first.yaml").replace("out_Status: Created", "out_Status: Paid");
    let ran = newcomer().file("scenarios/first.yaml", &broken).run(&["test"]).exits(101);
    let sample = blocks("README.md").into_iter().find(|block| block.text.starts_with("---- first")).unwrap();
    // How long it took is another thing each time.
    let stable = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| match line.split_once(", after ") {
            Some((before, _)) => before.to_owned(),
            None => line.to_owned(),
        });
        lines.collect()
    };
    let (sample, printed) = (stable(&sample.text), stable(&ran.stdout));
    let start = printed.iter().position(|line| *line == sample[0]).unwrap();
    assert_eq!(printed[start..].iter().take(sample.len()).cloned().collect::<Vec<_>>(), sample);
}

#[test]
fn readmes_suite_and_commands_are_taken() {
    let blocks = blocks("README.md");
    let commands: Vec<&str> =
        blocks.iter().filter(|block| block.mark == "sh").flat_map(|block| block.text.lines()).collect();
    let project = Project::new().file("first.yaml", &readme_file("first.yaml"));
    let with_url = commands.iter().find(|line| line.contains(" --url ")).unwrap();
    let words: Vec<&str> = with_url.split(' ').skip(1).collect();
    project.run(&[&words[..], &["--list"]].concat()).exits(0).says("first: test");

    // The same on an address where somebody is.
    let server = Server::start();
    let url = server.url();
    let at = words.iter().position(|word| *word == "--url").unwrap() + 1;
    let alone = Project::new()
        .file("first.yaml", &readme_file("first.yaml"))
        .env(words.last().unwrap(), callsheet::sandbox::OWNER_TOKEN);
    let words: Vec<&str> =
        words.iter().enumerate().map(|(index, word)| if index == at { url.as_str() } else { word }).collect();
    alone.run(&words).exits(0).says("1 passed");

    let project = newcomer().file("callsheet.yaml", &readme_file("callsheet.yaml"));
    project.run(&["check"]).exits(0);
    project.run(&["schema", "--write", "schemas"]).exits(0);
    for name in ["scenario.schema.json", "suite.schema.json"] {
        assert!(project.path().join("schemas").join(name).is_file(), "{name} is not written");
    }
    for command in commands {
        let known = [
            "callsheet schema --write schemas",
            "callsheet test",
            "cargo run --release -- test",
            "cargo test",
            "export ",
        ];
        assert!(known.iter().any(|known| command.starts_with(known)), "nothing runs `{command}`");
    }
}

#[test]
fn the_flags_that_are_named_exist() {
    let help = ["test", "check", "schema", "sandbox", "doctor"]
        .map(|command| Project::new().run(&[command, "--help"]).stdout)
        .concat();
    let hidden = ["--nocapture", "--show-output"];
    // libtest's, cargo's and nextest's.
    let of_others = [
        "--shuffle-seed",
        "--bench",
        "--test",
        "--report-time",
        "--ensure-time",
        "--exclude-should-panic",
        "--success-output",
        "--release",
        "--path",
        "--lib",
    ];
    for page in pages() {
        let text = text(&page);
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
            let is_flag = word.len() > 3 && word.starts_with("--") && !word.starts_with("---");
            if is_flag && !hidden.contains(&word) && !of_others.contains(&word) {
                let known = help.split([' ', '\n', ',']).any(|flag| flag == word);
                assert!(known, "{page} names `{word}`, which no command has");
            }
        }
    }
}

#[test]
fn exit_codes_are_those_that_there_are() {
    let all = [Exit::Good, Exit::Failed, Exit::Usage, Exit::Invalid, Exit::Nothing, Exit::Interrupted];
    for page in ["README.md", "docs/ci.md"] {
        let column = if page == "README.md" { "exit code" } else { "code" };
        let rows = table(page, column);
        assert_eq!(rows.len(), all.len(), "{page}");
        for exit in all {
            let meaning = match exit {
                Exit::Good => &["good", "held"][..],
                Exit::Failed => &["a test failed, as with cargo"],
                Exit::Usage => &["the command line, the environment"],
                Exit::Invalid => &["the suite or a scenario is invalid; nothing was sent"],
                Exit::Nothing => &["nothing was selected, or every selected case was ignored"],
                Exit::Interrupted => &["interrupted"],
            };
            let number = (exit as u8).to_string();
            let row = rows.iter().find(|row| row[0] == number).unwrap();
            assert!(meaning.iter().any(|part| row[1].contains(part)), "{page}: {row:?}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = text(&page);
        let folder = root().join(&page);
        for target in text.split("](").skip(1).filter_map(|part| part.split_once(')')) {
            let (target, anchor) = target.0.split_once('#').unwrap_or((target.0, ""));
            if target.starts_with("http") {
                continue;
            }
            let path = if target.is_empty() { folder.clone() } else { folder.with_file_name(target) };
            assert!(path.exists(), "{page} links to `{target}`");
            if !anchor.is_empty() {
                let slug = |line: &str| {
                    let kept = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect::<String>()
                };
                let linked = std::fs::read_to_string(&path).unwrap();
                let there = linked.lines().any(|line| line.starts_with('#') && slug(line) == anchor);
                assert!(there, "{page} links to `{target}#{anchor}`");
            }
        }
    }
}
