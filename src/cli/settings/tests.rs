use clap::Parser as _;
use serde_json::json;

use super::super::args::{Args, Command};
use super::*;

fn around() -> Surroundings {
    Surroundings { folder: PathBuf::from("/"), ..Surroundings::default() }
}

fn resolve_in(line: &str, around: &Surroundings) -> Result<Settings, String> {
    let words = ["callsheet", "test"].into_iter().chain(line.split_whitespace());
    let args = Args::try_parse_from(words).map_err(|error| error.to_string())?;
    let Some(Command::Test(args)) = args.command else { panic!("no test: {line}") };
    Settings::resolve(*args, around, Caller::Command, 7).map_err(|stop| stop.to_string())
}

fn resolve(line: &str) -> Result<Settings, String> {
    resolve_in(line, &around())
}

#[test]
fn words_are_filters_or_paths() {
    for (word, expected) in [
        ("invoices", false),
        ("invoices::create", false),
        ("a.yaml", true),
        ("a.yml", true),
        ("a.yaml:12", true),
        ("a.yaml:12:5", true),
        ("a.yaml:x", false),
        ("x:12", false),
        ("scenarios/", true),
        ("./a", true),
        ("a.json", false),
    ] {
        assert_eq!(is_path(word), expected, "{word}");
    }
    assert_eq!(split_line("a.yaml:12:5"), ("a.yaml", Some(12)));
    assert_eq!(split_line("a.yaml:12"), ("a.yaml", Some(12)));
    assert_eq!(split_line("a.yaml"), ("a.yaml", None));
    assert_eq!(split_line("d:1/a.yaml"), ("d:1/a.yaml", None));
}

#[test]
fn filters_flags_and_defaults() {
    let settings = resolve("one two --skip three --exact --tag smoke --shard 2/3").unwrap();
    assert_eq!(settings.selection.filters, ["one", "two"]);
    assert_eq!(settings.selection.skips, ["three"]);
    assert_eq!(settings.selection.tags, ["smoke"]);
    assert!(settings.selection.exact);
    assert_eq!((settings.selection.shard, settings.selection.shuffle), (Some((2, 3)), None));
    assert_eq!((settings.threads.get(), settings.format, settings.seed), (32, Format::Pretty, 7));
    let settings = resolve("--shuffle --seed 5 -q --test-threads 1 --nocapture --show-output -Z x").unwrap();
    assert_eq!(settings.selection.shuffle, Some(5));
    assert_eq!((settings.threads.get(), settings.format), (1, Format::Terse));
    assert!(resolve("--no-capture --format json").is_ok());
    assert_eq!(resolve("--ignored").unwrap().selection.ignored, IgnoredCases::Only);
    assert_eq!(resolve("--include-ignored").unwrap().selection.ignored, IgnoredCases::Include);
}

#[test]
fn paths_are_resolved_from_the_working_directory() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir(root.join("s")).unwrap();
    std::fs::write(root.join("s/a.yaml"), "").unwrap();
    let around = Surroundings { folder: root.join("s"), ..Surroundings::default() };
    let settings = resolve_in("./a.yaml:3 x ../s", &around).unwrap();
    assert_eq!(
        settings.selection.paths,
        [
            PathFilter { path: root.join("s/a.yaml"), line: Some(3) },
            PathFilter { path: root.join("s"), line: None }
        ]
    );
    assert_eq!(settings.selection.filters, ["x"]);
    assert_eq!(settings.load.start, root.join("s"));
    assert_eq!(settings.load.files, [root.join("s/a.yaml")]);
    assert_eq!(settings.rerun, "callsheet test ./a.yaml --exact");
    let error = resolve_in("b.yaml", &around).unwrap_err();
    assert_eq!(error, "there is no file or folder `b.yaml`");
}

#[test]
fn what_cannot_be_is_said() {
    for (line, message) in [
        ("--test-threads 0", "argument for --test-threads must not be 0"),
        ("--shard 0/3", "`--shard 0/3` is no part: write `K/N`, with K from 1 to N, such as `2/4`"),
        ("--shard 4/3", "`--shard 4/3` is no part: write `K/N`, with K from 1 to N, such as `2/4`"),
        (
            "--protocol 2025-11-26",
            "`--protocol 2025-11-26` is none of 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28; \
             did you mean `2025-11-25`?",
        ),
        ("--var n", "`--var n` has no value: write `--var n=VALUE`"),
        ("--var n=1e400", "`--var n=…`: no number holds it exactly; write `--var 'n=\"…\"'` for text"),
    ] {
        assert_eq!(resolve(line).unwrap_err(), message, "{line}");
    }
    for line in ["--server a --url http://x", "--pat-env A", "-q --format json", "--report html=x", "--updat"]
    {
        assert!(resolve(line).is_err(), "{line}");
    }
}

#[test]
fn values_of_variables_are_json_or_text() {
    let settings = resolve(r#"--var a=5 --var b=x=y --var c="5" --var d=[true] --var e="#).unwrap();
    let expected =
        [("a", json!(5)), ("b", json!("x=y")), ("c", json!("5")), ("d", json!([true])), ("e", json!(""))];
    assert_eq!(settings.vars, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn threads_come_from_the_environment_where_no_flag_says_them() {
    let with = |value: &str| Surroundings {
        variables: vec![("RUST_TEST_THREADS".to_owned(), value.to_owned())],
        ..around()
    };
    assert_eq!(resolve_in("", &with("3")).unwrap().threads.get(), 3);
    assert_eq!(resolve_in("--test-threads 64", &with("3")).unwrap().threads.get(), 64);
    for bad in ["0", "x"] {
        let message = format!("RUST_TEST_THREADS is `{bad}`, should be a positive integer");
        assert_eq!(resolve_in("", &with(bad)).unwrap_err(), message);
    }
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let terminal = Surroundings { stdout_is_terminal: true, stderr_is_terminal: true, ..around() };
    let no_colour =
        Surroundings { variables: vec![("NO_COLOR".to_owned(), "1".to_owned())], ..terminal.clone() };
    for (line, around, expected) in [
        ("", &around(), Style::Plain),
        ("--color always", &around(), Style::Colour),
        ("", &terminal, Style::Colour),
        ("--color never", &terminal, Style::Plain),
        ("", &no_colour, Style::Plain),
        ("--color always", &no_colour, Style::Colour),
        ("--logfile x", &terminal, Style::Plain),
    ] {
        assert_eq!(resolve_in(line, around).unwrap().style, expected, "{line}");
    }
    for (line, live) in [("", true), ("--list", false), ("-q", false), ("--test-threads 1", false)] {
        assert_eq!(resolve_in(line, &terminal).unwrap().live, live, "{line}");
    }
    assert!(!resolve("").unwrap().live);
}

#[test]
fn a_rerun_meets_the_same_server() {
    let line = "x --skip y --url http://127.0.0.1/ --pat-env A --var n=it's --protocol 2025-11-25 --ignored";
    assert_eq!(
        resolve(line).unwrap().rerun,
        r"callsheet test --url http://127.0.0.1/ --pat-env A --protocol 2025-11-25 --var 'n=it'\''s' --include-ignored --exact"
    );
}

#[test]
fn a_harness_looks_from_its_package_and_is_run_by_cargo() {
    let around = Surroundings {
        variables: vec![
            ("CARGO_MANIFEST_DIR".to_owned(), "/p".to_owned()),
            ("CARGO_PKG_NAME".to_owned(), "orders".to_owned()),
        ],
        program: "/p/target/debug/deps/scenarios-0123456789abcdef".to_owned(),
        ..around()
    };
    let settings = Settings::resolve(TestArgs::default(), &around, Caller::Harness, 7).unwrap();
    assert_eq!(settings.load.start, PathBuf::from("/p"));
    assert_eq!(settings.rerun, "cargo test -p orders --test scenarios -- --exact");
}
