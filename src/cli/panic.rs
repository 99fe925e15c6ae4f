//! A panic is a bug of ours; even then no secret is shown.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;

use super::screen::say;
use crate::auth::Redactor;

/// Replaces the panic hook by one that masks what it prints.
pub(super) fn install(redactor: Redactor) {
    std::panic::set_hook(Box::new(move |info| say(&text(&info, &Backtrace::capture(), &redactor))));
}

fn text(info: &dyn Display, trace: &Backtrace, redactor: &Redactor) -> String {
    let mut text = format!("callsheet panicked, which is a bug of callsheet: {info}\n");
    if trace.status() == BacktraceStatus::Captured {
        text.push_str(&format!("{trace}\n"));
    } else {
        text.push_str("RUST_BACKTRACE=1 shows where it came from\n");
    }
    redactor.mask_in_place(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Secret;

    #[test]
    fn no_secret_is_shown() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("rt_SECRET"));
        let shown =
            text(&"at src/x.rs:1:1:\nbad header `Bearer rt_SECRET`", &Backtrace::disabled(), &redactor);
        assert_eq!(
            shown,
            "callsheet panicked, which is a bug of callsheet: at src/x.rs:1:1:\nbad header `Bearer ***`\n\
             RUST_BACKTRACE=1 shows where it came from\n"
        );
    }
    #[test]
    fn no_form_of_a_secret_is_shown() {
        let canary = r#"rt_CANARYFIRST0/+"\<&>'%~=CANARYSECOND9"#;
        let redactor = Redactor::new();
        redactor.add(&Secret::new(canary));
        let json = serde_json::Value::from(canary).to_string();
        let url: String = url::form_urlencoded::byte_serialize(canary.as_bytes()).collect();
        let cut = format!("{}…", canary.chars().take(20).collect::<String>());
        let error = Err::<(), _>(canary).map_err(|error| format!("{:?}", Some(error)));
        let debug = error.unwrap_err();
        for said in
            [canary.to_owned(), json.clone(), serde_json::Value::from(json).to_string(), url, cut, debug]
        {
            let info = format!("at src/x.rs:1:1:\ncalled on an `Err` value: [[{said}]]");
            let shown = text(&info, &Backtrace::disabled(), &redactor);
            assert!(shown.contains("***") && !shown.contains("CANARY"), "{said}: {shown}");
        }
    }
}
