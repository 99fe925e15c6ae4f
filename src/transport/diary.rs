//! What a server says beside the protocol: its stderr, and what it prints where only messages belong. Kept for the
//! message of a failure, within bounds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many bytes of the end of stderr are kept.
const TAIL: usize = 8 * 1024;

/// How many characters of a line that is no message are shown.
const SHOWN: usize = 120;

/// How many lines that are no message are told one by one.
const MOST: usize = 20;

/// What a server said beside the protocol.
#[derive(Debug, Default)]
pub(super) struct Diary {
    stderr: Mutex<Tail>,
    rubbish: Mutex<Rubbish>,
}

#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
    cut: bool,
}

#[derive(Debug, Default)]
struct Rubbish {
    count: usize,
    first: Option<String>,
    /// What was not told yet.
    fresh: Vec<String>,
}

impl Diary {
    /// Keeps a piece of stderr.
    pub(super) fn stderr(&self, bytes: &[u8]) {
        let mut tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        tail.bytes.extend(bytes);
        let over = tail.bytes.len().saturating_sub(TAIL);
        tail.cut |= over > 0;
        tail.bytes.drain(..over);
    }

    /// Keeps what is no message, and why it is none.
    pub(super) fn rubbish(&self, line: &[u8], why: &str) {
        let text = String::from_utf8_lossy(line);
        let text = plain(text.trim_end());
        let mut shown: String = text.chars().take(SHOWN).collect();
        if text.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        let mut rubbish = self.rubbish.lock().unwrap_or_else(PoisonError::into_inner);
        rubbish.count += 1;
        if rubbish.fresh.len() < MOST {
            rubbish.fresh.push(format!("the server printed a line to stdout that {why}: `{shown}`"));
        }
        rubbish.first.get_or_insert(shown);
    }

    /// What is no message and was not told before.
    pub(super) fn fresh_rubbish(&self) -> Vec<String> {
        std::mem::take(&mut self.rubbish.lock().unwrap_or_else(PoisonError::into_inner).fresh)
    }

    /// All of it, for people.
    pub(super) fn told(&self) -> Option<String> {
        let mut told = Vec::new();
        {
            let rubbish = self.rubbish.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(first) = &rubbish.first {
                told.push(match rubbish.count {
                    1 => format!("its stdout held a line that is no message: `{first}`"),
                    count => {
                        format!("its stdout held {count} lines that are no messages, the first: `{first}`")
                    }
                });
            }
        }
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let (one, other) = tail.bytes.as_slices();
        let text = [one, other].concat();
        let text = String::from_utf8_lossy(&text);
        // The first line of a cut tail is the end of one, and where there is no other the cut is shown.
        let text = match text.split_once('\n') {
            Some((_, rest)) if tail.cut => rest.into(),
            None if tail.cut => format!("…{text}").into(),
            _ => text,
        };
        let text = plain(&text);
        if !text.trim().is_empty() {
            let lines: Vec<String> = text.trim_end().lines().map(|line| format!("  {line}")).collect();
            let what = if tail.cut { "the end of its stderr" } else { "its stderr" };
            told.push(format!("{what}:\n{}", lines.join("\n")));
        }
        (!told.is_empty()).then(|| told.join("\n"))
    }
}

/// Without colours and other control sequences, which would reach the terminal of who reads the failure.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            // A sequence ends with its first letter.
            '\u{1b}' => {
                if rest.next() == Some('[') {
                    let _ = rest.find(|c| ('@'..='~').contains(c));
                }
            }
            '\n' | '\t' => plain.push(c),
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_stderr_is_kept_in_whole_lines() {
        let diary = Diary::default();
        assert_eq!(diary.told(), None);
        diary.stderr(b"one\n\x1b[1;31mtwo\x1b[0m\r\n");
        assert_eq!(diary.told().unwrap(), "its stderr:\n  one\n  two");
        (0..2000).for_each(|number| diary.stderr(format!("line {number}\n").as_bytes()));
        let told = diary.told().unwrap();
        assert!(told.starts_with("the end of its stderr:\n  line "), "{told}");
        assert!(told.ends_with("  line 1999") && told.len() < 2 * TAIL, "{told}");
    }

    #[test]
    fn what_is_no_message_is_counted_and_told_once() {
        let diary = Diary::default();
        diary.rubbish(b"Hello\n", "is not JSON");
        diary.rubbish("ä".repeat(500).as_bytes(), "is not JSON");
        let fresh = diary.fresh_rubbish();
        assert_eq!(fresh[0], "the server printed a line to stdout that is not JSON: `Hello`");
        assert!(fresh[1].ends_with("ää…`"), "{}", fresh[1]);
        assert!(diary.fresh_rubbish().is_empty());
        let told = diary.told().unwrap();
        assert_eq!(told, "its stdout held 2 lines that are no messages, the first: `Hello`");
        (0..100).for_each(|_| diary.rubbish(b"x", "is not JSON"));
        assert_eq!(diary.fresh_rubbish().len(), MOST);
    }
}
