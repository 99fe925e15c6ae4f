//! How the connection to a server of a suite is made: `tls` and `socket`.

use std::path::{Path, PathBuf};

use super::cursor::Cursor;
use super::suite::{Target, Tls};
use crate::diagnostic::{Code, Diagnostic};

/// Reads `tls`. Its files are read when the first connection is made.
pub(super) fn tls(cursor: &Cursor<'_>, target: &Target, root: &Path, problems: &mut Vec<Diagnostic>) -> Tls {
    let Some(tls) = cursor.get("tls").filter(|tls| tls.value().is_object()) else { return Tls::default() };
    if let Some(problem) = misplaced(&tls, "tls", target) {
        problems.push(problem);
    } else if let Target::Url(url) = target
        && url.scheme() != "https"
    {
        let problem = Diagnostic::error(
            Code::Conflict,
            tls.key_site(),
            "`tls` does not go with an address of plain http",
        );
        problems.push(problem.help("write `https://` in the address, or leave `tls` out"));
    }
    if let Some(key) = tls.get("key").filter(|_| tls.get("cert").is_none()) {
        let problem =
            Diagnostic::error(Code::MissingKey, key.key_site(), "a key says nothing without its certificate");
        problems.push(problem.help("add `cert: FILE`"));
    }
    let file = |key: &str| file(&tls, key, root);
    Tls { ca: file("ca"), cert: file("cert"), key: file("key") }
}

/// Reads `socket`.
pub(super) fn socket(
    cursor: &Cursor<'_>,
    target: &Target,
    root: &Path,
    problems: &mut Vec<Diagnostic>,
) -> Option<PathBuf> {
    let socket = cursor.get("socket")?;
    problems.extend(misplaced(&socket, "socket", target));
    file(cursor, "socket", root)
}

fn file(cursor: &Cursor<'_>, key: &str, root: &Path) -> Option<PathBuf> {
    let path = cursor.text(key).filter(|path| !path.trim().is_empty() && !path.contains("{{"))?;
    Some(root.join(path))
}

/// The embedded server is reached in its own way.
fn misplaced(cursor: &Cursor<'_>, key: &str, target: &Target) -> Option<Diagnostic> {
    let embedded = matches!(target, Target::Sandbox { slug, .. } if !slug.is_empty());
    let message = format!("`{key}` does not go with `sandbox`");
    embedded.then(|| {
        Diagnostic::error(Code::Conflict, cursor.key_site(), message).help("leave it out, or name a `url`")
    })
}
