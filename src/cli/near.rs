//! Names that are near to one that does not exist.

/// The names that are nearest to what was written, at most three, best first. A name counts by itself and by
/// its last part.
pub(super) fn near<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let written = written.to_lowercase();
    let ratio = |name: &str| similar::TextDiff::from_chars(name, written.as_str()).ratio();
    let mut found: Vec<(f32, &str)> = names
        .map(|name| {
            let parts = name.split("::").map(ratio).fold(ratio(name), f32::max);
            (parts, name)
        })
        .filter(|(ratio, _)| *ratio >= 0.6)
        .collect();
    found.sort_by(|(one, a), (other, b)| other.total_cmp(one).then(a.cmp(b)));
    found.into_iter().take(3).map(|(_, name)| name).collect()
}

/// `; did you mean ...?`, or nothing.
pub(super) fn did_you_mean(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => format!("; did you mean {last}?"),
        Some((last, before)) => format!("; did you mean {} or {last}?", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found() {
        let names = ["invoices::create", "invoices::delete", "smoke"];
        assert_eq!(near("invoces::create", names.into_iter()), ["invoices::create", "invoices::delete"]);
        assert_eq!(near("Smok", names.into_iter()), ["smoke"]);
        assert_eq!(near("xyz", names.into_iter()), Vec::<&str>::new());
        assert_eq!(did_you_mean(&["a", "b", "c"]), "; did you mean `a`, `b` or `c`?");
        assert_eq!(did_you_mean(&["a"]), "; did you mean `a`?");
        assert_eq!(did_you_mean(&[]), "");
    }
}
