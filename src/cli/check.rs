//! `callsheet check`: every problem of all files, without a server.

use serde_json::json;

use super::args::{CheckArgs, CheckFormat};
use super::exit::{Exit, Stop};
use super::hidden::{Origin, hide, hide_words};
use super::panic;
use super::screen::print;
use super::settings::{check_load, style};
use super::surroundings::Surroundings;
use super::test::{count, in_files};
use crate::auth::Redactor;
use crate::diagnostic::{Diagnostic, render_all, render_github, render_json};
use crate::plan::{Loaded, load};

/// Checks, prints, and says by the exit code whether there are errors.
pub(super) fn check(args: &CheckArgs, around: &Surroundings) -> Result<Exit, Stop> {
    let redactor = Redactor::new();
    panic::install(redactor.clone());
    let what = check_load(&args.paths, &args.suite, around)
        .map_err(|stop| hide_words(stop, Origin::Process, around))?;
    let (problems, read) = match load(&what) {
        Ok(Loaded { plan, warnings, files, .. }) => (warnings, Some((files, plan.cases.len()))),
        Err(problems) => (problems, None),
    };
    let problems = hide(problems, &what, Origin::Process, around, &redactor);
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = problems.len() - errors;
    let text = match args.format {
        CheckFormat::Text => {
            let style = style(args.color, around.stdout_is_terminal, around);
            let drawn = render_all(&problems, style);
            let gap = if drawn.is_empty() { "" } else { "\n" };
            format!("{drawn}{gap}{}\n", summary(&problems, read))
        }
        CheckFormat::Github => lines(&problems) + &summary(&problems, read) + "\n",
        CheckFormat::Json => {
            let mut object = json!({
                "errors": errors,
                "warnings": warnings,
                "problems": problems.iter().map(render_json).collect::<Vec<_>>(),
            });
            if let (Some((files, cases)), Some(object)) = (read, object.as_object_mut()) {
                object.insert("files".to_owned(), files.into());
                object.insert("cases".to_owned(), cases.into());
            }
            format!("{object:#}\n")
        }
    };
    print(&text)?;
    Ok(if errors == 0 { Exit::Good } else { Exit::Invalid })
}

fn lines(problems: &[Diagnostic]) -> String {
    problems.iter().map(|problem| render_github(problem) + "\n").collect()
}

fn summary(problems: &[Diagnostic], read: Option<(usize, usize)>) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let found = format!("{}, {}", count(errors, "error"), count(problems.len() - errors, "warning"));
    match read {
        Some((files, cases)) => {
            format!("checked {}, {}: {found}", count(files, "file"), count(cases, "case"))
        }
        None => format!("checked: {found}{}", in_files(problems.iter())),
    }
}
