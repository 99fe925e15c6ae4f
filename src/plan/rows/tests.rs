use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::diagnostic::{Style, render_all};
use crate::model::{RowSource, Spot};
use crate::source::{SourceFile, yaml};

/// A suite's folder with a scenario file in it.
struct Suite {
    folder: tempfile::TempDir,
    root: PathBuf,
}

impl Suite {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("suite");
        std::fs::create_dir_all(root.join("scenarios")).unwrap();
        for (path, bytes) in files {
            std::fs::write(root.join(path), bytes).unwrap();
        }
        Self { folder, root }
    }

    /// Compiles the rows of a scenario that begins with `scenario: x`.
    fn compile(&self, rows: &str) -> Result<(Rows, Vec<Diagnostic>), String> {
        let file = SourceFile::new("scenarios/a.yaml", format!("scenario: x\n{rows}"));
        let document = Arc::new(yaml::parse(&Arc::new(file)).unwrap().remove(0));
        let at = Pointer::root().key("rows");
        let spot = |key: &str| {
            let at = at.key(key);
            document.get(&at)?.as_str().map(|text| Spot { value: text.to_owned(), at: at.clone() })
        };
        let source = match document.get(&at).unwrap().as_array() {
            Some(rows) => RowSource::Inline((0..rows.len()).map(|index| at.index(index)).collect()),
            None => RowSource::File {
                file: spot("file").unwrap(),
                name: spot("name").unwrap_or(Spot { value: "{{ row.code }}".to_owned(), at: at.key("file") }),
                separator: spot("separator").and_then(|text| text.value.chars().next()),
            },
        };
        let around = Around {
            document: &document,
            path: &self.root.join("scenarios/a.yaml"),
            root: &self.root,
            shown: &|path| path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned(),
        };
        let mut problems = Vec::new();
        let rows = Rows::compile(&model::Rows { at: at.clone(), source }, around, &mut problems);
        let text = render_all(&problems, Style::Plain);
        assert_eq!(rows.is_none(), problems.iter().any(Diagnostic::is_error), "{text}");
        rows.map(|rows| (rows, problems)).ok_or(text)
    }
}

/// The rows of one file of the folder `scenarios`, called by `row.code`.
fn of(name: &str, bytes: &[u8]) -> Result<Rows, String> {
    let suite = Suite::new(&[(&format!("scenarios/{name}"), bytes)]);
    let rows = suite.compile(&format!("rows: {{file: {name}}}\n"))?.0;
    // The values are there as long as the file is, so they are asked for here.
    (0..u32::try_from(rows.names().len()).unwrap()).for_each(|index| {
        rows.value(index).unwrap();
    });
    Ok(rows)
}

fn names(rows: &Rows) -> Vec<&str> {
    rows.names().collect()
}

#[test]
fn rows_of_a_scenario_are_data() {
    let suite = Suite::new(&[]);
    let text = "rows:\n- {name: Small one, amount: 1, note: '{{ x }}'}\n- name: LARGE\n  amount: 2\n  deep: {a: [7]}\n\n# end\nsteps: []\n";
    let (rows, _) = suite.compile(text).unwrap();
    assert_eq!(names(&rows), ["small-one", "large"]);
    assert_eq!(rows.value(0).unwrap(), json!({"name": "Small one", "amount": 1, "note": "{{ x }}"}));
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["name", "amount", "note", "deep"]);
    let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows.lacking(&path("amount")), None);
    assert_eq!(rows.lacking(&path("note")), Some(Lacking { first: 1, count: 1 }));
    assert_eq!(rows.lacking(&path("deep.a.0")), Some(Lacking { first: 0, count: 1 }));
    assert_eq!(rows.lacking(&path("deep.a.1")), Some(Lacking { first: 0, count: 2 }));
    let lines: Vec<Option<u32>> = (1..=9).map(|line| rows.at_line(line)).collect();
    assert_eq!(lines, [None, None, Some(0), Some(1), Some(1), Some(1), None, None, None]);
    assert_eq!(rows.site(1).unwrap().position().line, 4);
}

#[test]
fn rows_of_files_are_read_again() {
    let csv = "\u{feff}code,amount\r\nA 1,\"1,5\"\r\n\r\nB-2,\"two\r\nlines\"\r\n".as_bytes();
    let json = br#"[{"code": "A 1", "amount": 1.5}, {"code": "B-2"}]"#;
    let yaml = b"# rows\n- {code: A 1, amount: 1.5}\n- {code: B-2}\n";
    for (name, bytes, first, second) in [
        (
            "r.csv",
            csv,
            json!({"code": "A 1", "amount": "1,5"}),
            json!({"code": "B-2", "amount": "two\r\nlines"}),
        ),
        ("r.json", json, json!({"code": "A 1", "amount": 1.5}), json!({"code": "B-2"})),
        ("r.yaml", yaml, json!({"code": "A 1", "amount": 1.5}), json!({"code": "B-2"})),
    ] {
        let suite = Suite::new(&[(&format!("scenarios/{name}"), bytes)]);
        let (rows, _) = suite.compile(&format!("rows: {{file: {name}}}\n")).unwrap();
        assert_eq!(names(&rows), ["a-1", "b-2"], "{name}");
        assert_eq!(rows.value(1).unwrap(), second, "{name}");
        assert_eq!(rows.value(0).unwrap(), first, "{name}");
        let lacking = rows.lacking(&["amount".to_owned()]);
        assert_eq!(lacking, (name != "r.csv").then_some(Lacking { first: 1, count: 1 }), "{name}");
        assert_eq!(rows.at_line(1), None);
        let position = rows.site(1).unwrap().position();
        let place = match name {
            "r.csv" => (4, 1),
            "r.json" => (1, 34),
            _ => (3, 3),
        };
        assert_eq!((position.line, position.column), place, "{name}");
    }
}

#[test]
fn a_file_that_changed_is_an_error_of_the_row() {
    for (name, before, after) in [
        ("r.csv", "code,n\na,1\nb,2\n", "code,n\na,1\nb,3\n"),
        ("r.csv", "code,n\na,1\nb,2\n", "code,n\na,1\n"),
        ("r.json", r#"[{"code":"a"},{"code":"b"}]"#, r#"[{"code":"a"}]"#),
        ("r.json", r#"[{"code":"a"},{"code":"b"}]"#, r#"[{"code":"a"},{"code":"c"}]"#),
    ] {
        let path = format!("scenarios/{name}");
        let suite = Suite::new(&[(&path, before.as_bytes())]);
        let (rows, _) = suite.compile(&format!("rows: {{file: {name}}}\n")).unwrap();
        std::fs::write(suite.root.join(&path), after).unwrap();
        assert!(rows.value(0).is_ok(), "{after}");
        let problem = rows.value(1).unwrap_err();
        assert!(problem.message.contains("changed since"), "{}", problem.message);
        assert_eq!(problem.site().unwrap().position().line, 2);
        std::fs::remove_file(suite.root.join(&path)).unwrap();
        assert!(rows.value(0).unwrap_err().message.contains("again: it does not exist"));
    }
}

#[test]
fn what_is_wrong_with_a_file_is_shown_in_it() {
    let mut shown = String::new();
    for (name, bytes) in [
        ("many.csv", "code,n\na,1\nb,1,2,3\n".as_bytes()),
        ("few.csv", b"code,n\na,1\nb\n"),
        ("quote.csv", b"code,n\na,\"1\nb,2\n"),
        ("twice.csv", b"code,n,code\n"),
        ("unnamed.csv", b"code,,n\n"),
        ("semicolon.csv", b"code;n\na;1\n"),
        ("column.csv", b"cod,n\na,1\n"),
        ("latin1.csv", b"code\na\nb\xfcr\n"),
        ("empty.csv", b""),
        ("none.csv", b"code\n"),
        ("equal.csv", b"code\nA b\nc\na-B\n"),
        ("nameless.csv", b"code,n\na,1\n!,2\n"),
        ("object.json", b"{\"code\": 1}\n"),
        ("syntax.json", b"[\n  {\"code\": \"a\"},\n  {\"code\" \"b\"}\n]"),
        ("lacks.json", b"[\n  {\"code\": \"a\"},\n  {\"kode\": \"b\"}\n]"),
        ("list.yaml", b"code: a\n"),
        ("row.yaml", b"- code: a\n- 7\n"),
        ("lacks.yaml", b"- code: a\n- kode: b\n"),
        ("two.yaml", b"- code: a\n---\n- code: b\n"),
    ] {
        let problems = of(name, bytes).map(|_| ()).unwrap_err();
        shown.push_str(&format!("== {name}\n{problems}\n"));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn what_is_wrong_with_the_entry_is_shown_in_the_scenario() {
    let suite = Suite::new(&[("scenarios/rows.csv", b"code\na\n"), ("../outside.csv", b"code\na\n")]);
    std::fs::create_dir(suite.root.join("scenarios/folder.csv")).unwrap();
    let mut shown = String::new();
    for entry in [
        "{file: rows.txt}",
        "{file: row.csv}",
        "{file: ../../outside.csv}",
        "{file: /etc/rows.csv}",
        "{file: folder.csv}",
        "{file: rows.csv, name: fixed}",
        "{file: rows.csv, name: '{{ customer }}'}",
        "{file: rows.csv, name: '{{ row }}'}",
        "{file: rows.csv, name: '{{ row.code }}-{{ upper uuid }}'}",
        "{file: rows.csv, name: '{{ row.code'}",
        "[]",
    ] {
        let problems = suite.compile(&format!("rows: {entry}\n")).map(|_| ()).unwrap_err();
        shown.push_str(&format!("== {entry}\n{problems}\n"));
    }
    insta::assert_snapshot!(shown);
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out() {
    let suite = Suite::new(&[]);
    std::fs::write(suite.folder.path().join("outside.csv"), "code\na\n").unwrap();
    std::os::unix::fs::symlink(suite.folder.path().join("outside.csv"), suite.root.join("scenarios/r.csv"))
        .unwrap();
    assert!(suite.compile("rows: {file: r.csv}\n").map(|_| ()).unwrap_err().contains("outside of the suite"));
}

#[test]
fn what_is_too_large_is_refused() {
    let wide = format!("code\na\n{}\nb\n", "x".repeat(MAX_RECORD));
    assert!(of("wide.csv", wide.as_bytes()).unwrap_err().contains("larger than 1024 KiB"));
    let open = format!("code\na\n\"{}", "x\n".repeat(MAX_RECORD));
    assert!(of("open.csv", open.as_bytes()).unwrap_err().contains("not closed takes in all"));
    let wide = format!("[{{\"code\": \"{}\"}}]", "x".repeat(MAX_RECORD));
    assert!(of("wide.json", wide.as_bytes()).unwrap_err().contains("larger than 1024 KiB"));
    let deep = format!("[{{\"code\": \"a\", \"x\": {}{}}}]", "[".repeat(200), "]".repeat(200));
    assert!(of("deep.json", deep.as_bytes()).unwrap_err().contains("nests deeper"));
    let keys: Vec<String> = (0..=keys::MAX_KEYS).map(|key| format!("\"k{key}\": 1")).collect();
    let keys = format!("[{{\"code\": \"a\", {}}}]", keys.join(", "));
    assert!(of("keys.json", keys.as_bytes()).unwrap_err().contains("more than 1000 keys"));
    let long = format!("code\n{}\n", "x".repeat(300));
    assert!(of("long.csv", long.as_bytes()).unwrap_err().contains("longer than 200"));
}

#[test]
fn only_so_many_problems_are_told() {
    let text = format!("code\n{}", "!\n".repeat(50));
    let problems = of("bad.csv", text.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(problems.matches("error[").count(), 10, "{problems}");
    assert!(problems.contains("40 more rows"), "{problems}");
}
