//! Texts of UiPath's that say what went wrong, wherever they stand: in the body of a refusal, in an error of JSON-RPC, in
//! a tool error. Pure. What nobody has published is not guessed at here: a text that is not known is none of these.

use serde_json::Value;

/// What UiPath's relay answers as a version where the server behind it did not start. All three were seen.
const NOT_STARTED: [&str; 3] = ["initialize-failure", "initiliaze-failure", "invalid-version"];

/// How deep in a body a code may stand: `{"status": 409, "error": {"errorCode": 2818}}`.
const DEEPEST: usize = 3;

/// What a text says went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// 10500: the address has no folder key.
    NoFolderKey,
    /// 1100: the folder is not there, or not the user's.
    FolderUnknown,
    /// 1101: a job is to be started by one who is not assigned to the folder.
    FolderNeeded,
    /// 2818, or "No host is available": no machine runs the job.
    NoMachine,
    /// `CNS1046` and its like: the Integration Service, which does not take the token.
    Connection,
    /// `ListReleases`: the question that lists the tools failed.
    Listing,
    /// A serverless job was stopped at its limit.
    Stopped,
    /// "You are not authorized!"
    NotAuthorized,
    /// "Error processing message": the relay between gateway and server failed.
    Relay,
}

/// Whether the version of an `initialize` result is the word that stands for a server that did not start.
#[must_use]
pub fn did_not_start(version: &str) -> bool {
    NOT_STARTED.contains(&version)
}

/// The first code of the Integration Service in a text: `CNS1046`.
#[must_use]
pub fn connection_code(text: &str) -> Option<&str> {
    text.match_indices("CNS").find_map(|(at, _)| {
        let code = text.get(at..at + 7)?;
        let digits = code.bytes().skip(3).all(|byte| byte.is_ascii_digit());
        let begins = !text.get(..at)?.ends_with(|c: char| c.is_alphanumeric());
        let ends = !text.get(at + 7..)?.starts_with(|c: char| c.is_alphanumeric());
        (digits && begins && ends).then_some(code)
    })
}

impl Failure {
    /// By the code of a refusal.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Some(match code.trim_start_matches('#') {
            "10500" => Self::NoFolderKey,
            "1100" => Self::FolderUnknown,
            "1101" => Self::FolderNeeded,
            "2818" => Self::NoMachine,
            code if connection_code(code) == Some(code) => Self::Connection,
            _ => return None,
        })
    }

    /// By a text, be it a sentence or JSON that holds one. A number counts only where it stands as a code: an argument
    /// may be 1101, too.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let body =
            text.trim_start().starts_with('{').then(|| crate::json::parse(text.as_bytes()).ok()).flatten();
        body.and_then(|body| code_in(&body.value, DEEPEST)).or_else(|| in_words(text))
    }
}

/// The first code that is known, at any depth that codes are seen at.
fn code_in(value: &Value, depth: usize) -> Option<Failure> {
    let members = value.as_object().filter(|_| depth > 0)?;
    let codes = ["errorCode", "code", "Code"].into_iter().filter_map(|name| members.get(name));
    let mut texts = codes.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
    texts
        .find_map(|code| Failure::of_code(&code))
        .or_else(|| members.values().find_map(|value| code_in(value, depth - 1)))
}

fn in_words(text: &str) -> Option<Failure> {
    const WORDS: &[(&str, Failure)] = &[
        ("folder key is required", Failure::NoFolderKey),
        ("a folder is required for this action", Failure::FolderNeeded),
        ("folder does not exist or the user does not have access", Failure::FolderUnknown),
        ("#2818", Failure::NoMachine),
        ("could not find a machine", Failure::NoMachine),
        ("no host is available", Failure::NoMachine),
        ("external application authentication is not supported", Failure::Connection),
        ("listreleases", Failure::Listing),
        ("job was stopped after", Failure::Stopped),
        ("you are not authorized", Failure::NotAuthorized),
        ("error processing message", Failure::Relay),
    ];
    if connection_code(text).is_some() {
        return Some(Failure::Connection);
    }
    let text = text.to_lowercase();
    WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, failure)| *failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_uipath_says_is_known_in_each_of_its_forms() {
        for (text, failure) in [
            (r#"{"message":"A folder is required for this action","errorCode":1101}"#, Failure::FolderNeeded),
            (r#"{"problem":{"title":"x","errorCode":"1101"}}"#, Failure::FolderNeeded),
            ("HTTP 400: A folder is required for this action.", Failure::FolderNeeded),
            (r#"{"message":"","errorCode":1100}"#, Failure::FolderUnknown),
            (r#"{"message":"Folder key is required","errorCode":10500}"#, Failure::NoFolderKey),
            (r#"{"status":409,"error":{"message":"m","errorCode":2818}}"#, Failure::NoMachine),
            ("409 #2818", Failure::NoMachine),
            (
                r#"{"Code":"Job.Pending","Detail":"No host is available on the machine template."}"#,
                Failure::NoMachine,
            ),
            (r#"{"code":"CNS1046","message":"m"}"#, Failure::Connection),
            ("Failed: CNS1008, the connection is not authorized", Failure::Connection),
            (r#"{"message":"You are not authorized!","errorCode":0}"#, Failure::NotAuthorized),
            ("ListReleases failed with 403 (Forbidden)", Failure::Listing),
            ("Error processing message: gone", Failure::Relay),
        ] {
            assert_eq!(Failure::of(text), Some(failure), "{text}");
        }
    }

    #[test]
    fn a_number_is_no_code_and_a_word_is_no_connection() {
        for text in [
            "",
            "{",
            r#"{"in_Amount":1101,"text":"2818"}"#,
            "the invoice 1101 was not found",
            "CNS",
            "CNS10",
            "XCNS1046",
            "CNS10461",
            "CNSÄÖÜ",
            r#"{"a":{"b":{"c":{"errorCode":1101}}}}"#,
            "a connection was lost",
        ] {
            assert_eq!(Failure::of(text), None, "{text}");
        }
        assert_eq!(Failure::of_code("0"), None);
    }

    #[test]
    fn the_word_of_a_server_that_did_not_start_is_known_in_each_spelling() {
        let spellings = crate::knobs::INITIALIZE_FAILURE.takes;
        let crate::knobs::Takes::OneOf(spellings) = spellings else { panic!() };
        assert!(spellings.iter().all(|spelling| did_not_start(spelling)));
        assert!(!did_not_start("2025-11-25"));
    }
}
