//! Tokens that run out, by what the suite says of them: a PAT is opaque, and nobody is told when it ends.

use jiff::civil::Date;

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Expiry, Suite};

/// How many days before it a warning comes: time to have a new token made.
const AHEAD: i32 = 14;

/// A warning for each token that runs out soon, an error for each that has. A token is good on its last day.
#[must_use]
pub fn expiring(suite: &Suite, today: Date) -> Vec<Diagnostic> {
    let Some(document) = &suite.document else { return Vec::new() };
    let expires = suite.servers.iter().flat_map(|server| server.expires.iter().map(move |it| (server, it)));
    let found = expires.filter_map(|(server, Expiry { identity, day })| {
        let left = today.until(day.value).ok()?.get_days();
        let whose = match identity.as_str() {
            "default" => format!("the token of `{}`", server.name.value),
            other => format!("the token of `{other}` on `{}`", server.name.value),
        };
        let site = document.site(&day.at);
        let problem = match left {
            ..0 => Diagnostic::error(Code::Expires, site, format!("{whose} has run out on {}", day.value)),
            0 => Diagnostic::warning(Code::Expires, site, format!("{whose} runs out today")),
            1 => Diagnostic::warning(Code::Expires, site, format!("{whose} runs out tomorrow")),
            2..=AHEAD => Diagnostic::warning(Code::Expires, site, format!("{whose} runs out in {left} days")),
            _ => return None,
        };
        Some(problem.help("generate a new one, put it where the suite takes it from, and write its day here"))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::{SourceFile, yaml};

    fn told(day: &str, today: &str) -> Option<(bool, String)> {
        let text = format!(
            "servers:\n  a:\n    url: https://h/\n    identities: {{b: {{pat: {{env: B}}, expires: {day}}}}}\nscenarios: '*.yaml'\n"
        );
        let file = Arc::new(SourceFile::new("callsheet.yaml", text));
        let document = Arc::new(yaml::parse(&file).unwrap().remove(0));
        let mut problems = Vec::new();
        let suite = crate::model::read_suite(&document, "x".into(), String::new(), &mut problems).unwrap();
        assert_eq!(problems.len(), 0, "{problems:?}");
        let mut found = expiring(&suite, today.parse().unwrap());
        assert!(found.len() < 2);
        found.pop().map(|problem| {
            let site = problem.site().unwrap();
            assert_eq!(site.file.slice(site.span), day);
            (problem.is_error(), problem.message)
        })
    }

    #[test]
    fn fourteen_days_ahead_it_is_told() {
        let warned = |text: &str| Some((false, format!("the token of `b` on `a` runs out {text}")));
        assert_eq!(told("2027-05-01", "2027-04-16"), None);
        assert_eq!(told("2027-05-01", "2027-04-17"), warned("in 14 days"));
        assert_eq!(told("2027-05-01", "2027-04-29"), warned("in 2 days"));
        assert_eq!(told("2027-05-01", "2027-04-30"), warned("tomorrow"));
        assert_eq!(told("2027-05-01", "2027-05-01"), warned("today"));
        let over = (true, "the token of `b` on `a` has run out on 2027-05-01".to_owned());
        assert_eq!(told("2027-05-01", "2027-05-02"), Some(over.clone()));
        assert_eq!(told("2027-05-01", "2031-01-01"), Some(over));
        assert_eq!(told("2028-05-01", "2027-05-01"), None);
    }
}
