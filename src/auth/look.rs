//! What a token looks like: one at all, one that was damaged when it was copied, and a JWT with what it says of itself.
//! Nothing here shows a token, and nothing is a proof: only the server knows which tokens are good.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;

use super::Secret;

/// How long what a JWT says of itself is shown.
const SHOWN: usize = 80;

/// A PAT that is shorter was probably not copied whole.
const SHORT_PAT: usize = 20;

/// The audience of Orchestrator.
const AUDIENCE: &str = "UiPath.Orchestrator";

/// What helps where a token was not copied whole.
const SHOWN_ONCE: &str =
    "a PAT is shown whole only once, when it is generated: without a clean copy of it, generate a new one";

/// Whether a text looks like a token and not like the name of a variable.
#[must_use]
pub fn looks_like_token(text: &str) -> bool {
    let long = text.len() >= 20;
    long && (text.starts_with("rt_") || text.starts_with("eyJ"))
        || text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer "))
}

/// How a token was damaged on its way from the page to here, and what to do. White space at its ends is none.
pub(super) fn damage(token: &str) -> Option<(&'static str, &'static str)> {
    let quote = |c: char| matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '’' | '«' | '»');
    let (starts, ends) = (token.starts_with(quote), token.ends_with(quote));
    Some(match () {
        () if token.is_empty() => {
            ("it is empty", "put the token there, as it was shown when it was generated")
        }
        () if starts && ends && token.chars().count() > 1 => {
            ("it stands in quotes", "take the quotes out: they would be sent as a part of the token")
        }
        () if starts || ends => {
            ("a quote is left at one of its ends", "take the quote out, and look whether the rest is whole")
        }
        () if is_bare_scheme(token) => (
            "it is the word `Bearer` alone",
            "put the token there, alone: callsheet writes `Bearer` before it",
        ),
        () if begins_with_scheme(token) => (
            "it begins with `Bearer`, which is no part of the token",
            "leave only the token itself: callsheet writes `Bearer` before it",
        ),
        () if is_placeholder(token) => {
            ("it is a placeholder, not a token", "put the token itself there; nothing is filled in here")
        }
        () if token.contains(['…', '•']) || token.contains("...") || token.contains("***") => {
            ("a part of it was cut out or masked by what showed it", SHOWN_ONCE)
        }
        () if token.contains(['\n', '\r']) => {
            ("it has more than one line", "put only the token there, in one line")
        }
        () if token.contains(char::is_whitespace) => (
            "there is white space inside of it",
            "put only the token there, without spaces; was it copied together with something else?",
        ),
        () => return None,
    })
}

/// Whether it is what stands before a token, and none follows: `Bearer ` of a variable that was empty.
pub(super) fn is_bare_scheme(token: &str) -> bool {
    matches!(&*token.trim().to_ascii_lowercase(), "bearer" | "bearer:")
}

fn begins_with_scheme(token: &str) -> bool {
    let token = token.to_ascii_lowercase();
    let rest = token.strip_prefix("authorization:").map_or(token.as_str(), str::trim_start);
    rest.len() < token.len()
        || rest
            .strip_prefix("bearer")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':', '\t']))
}

/// What nobody filled in: `<your-PAT>`, `{token}`, `${UIPATH_PAT}`, `%UIPATH_PAT%`, `${{ secrets.UIPATH_PAT }}`.
fn is_placeholder(token: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
    };
    let between = |start: &str, end: &str| {
        token.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(is_name)
    };
    let pairs = [
        ("<", ">"),
        ("{", "}"),
        ("{{", "}}"),
        ("[", "]"),
        ("${", "}"),
        ("${{", "}}"),
        ("$(", ")"),
        ("%", "%"),
        ("$", ""),
    ];
    pairs.iter().any(|(start, end)| between(start, end))
        || token.get(..5).is_some_and(|start| matches!(&*start.to_ascii_lowercase(), "your-" | "your_"))
}

/// What a JSON Web Token says of itself. It is not verified: that is the server's to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jwt {
    /// `exp`: when it runs out.
    pub expires: Option<Timestamp>,
    /// `aud`: whom it is for.
    pub audience: Vec<String>,
    /// The host of `iss`: who made it.
    pub issuer: Option<String>,
    /// Whether it says that it is the token of an external application of UiPath's.
    pub application: bool,
}

impl Jwt {
    /// Reads a token; none where it is no JWT, as a PAT is none.
    #[must_use]
    pub fn read(token: &Secret) -> Option<Self> {
        let token = token.reveal();
        let mut parts = token.split('.');
        let (_, payload, _) =
            (parts.next().filter(|head| head.starts_with("eyJ"))?, parts.next()?, parts.next()?);
        let payload =
            URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok().filter(|_| parts.next().is_none())?;
        let claims = crate::json::parse(&payload).ok()?.value;
        let audience = match claims.get("aud") {
            Some(Value::String(one)) => vec![shown(one)],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(shown).collect(),
            _ => Vec::new(),
        };
        let issuer = claims.get("iss").and_then(Value::as_str).and_then(|text| url::Url::parse(text).ok());
        Some(Self {
            expires: claims.get("exp").and_then(Value::as_i64).and_then(|at| Timestamp::from_second(at).ok()),
            audience,
            issuer: issuer.and_then(|issuer| issuer.host_str().map(shown)),
            application: claims.get("sub_type").is_some_and(|kind| kind == "service.external"),
        })
    }
}

/// Whoever made the token wrote it.
fn shown(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(SHOWN).collect()
}

/// What can be told of a token that was refused, without showing it. `host` is the server's; of UiPath's servers more
/// is known (`is_uipath`).
#[must_use]
pub fn remarks(token: &Secret, now: Timestamp, host: Option<&str>, is_uipath: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    let Some(jwt) = Jwt::read(token) else {
        if is_uipath && token.reveal().len() < SHORT_PAT {
            let length = token.reveal().len();
            remarks.push(format!("the token has only {length} characters: it was probably not copied whole"));
        }
        return remarks;
    };
    match jwt.expires {
        Some(expires) if expires <= now => {
            let login = match is_uipath {
                true => ", as those of `uipath auth` do after an hour: log in again, or use a PAT",
                false => "",
            };
            remarks.push(format!("the token is a JWT, no PAT, and ran out at {expires}{login}"));
        }
        _ => {}
    }
    if !is_uipath {
        return remarks;
    }
    if !jwt.audience.is_empty() && !jwt.audience.iter().any(|audience| audience.contains(AUDIENCE)) {
        let audience = jwt.audience.join("`, `");
        remarks.push(format!("the token is a JWT for `{audience}`, and Orchestrator's are for `{AUDIENCE}`: it is likely one for something else"));
    }
    if let Some((issuer, host)) = jwt.issuer.as_deref().zip(host).filter(|(issuer, host)| issuer != host) {
        remarks.push(format!("the token was made by `{issuer}`, and the server is at `{host}`: it is likely of another instance"));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwt(claims: &Value) -> Secret {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        Secret::new(format!("{}.{}.c2lnbmF0dXJl", part(&json!({"alg": "RS256"})), part(claims)))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn damage_is_recognised() {
        for (token, reason) in [
            ("", "it is empty"),
            ("\"rt_0123456789\"", "it stands in quotes"),
            ("“rt_0123456789”", "it stands in quotes"),
            ("'rt_0123456789'", "it stands in quotes"),
            ("rt_0123456789\"", "a quote is left at one of its ends"),
            ("\"", "a quote is left at one of its ends"),
            ("Bearer rt_0123456789", "it begins with `Bearer`, which is no part of the token"),
            ("bearer: rt_0123456789", "it begins with `Bearer`, which is no part of the token"),
            ("Authorization: Bearer rt_0123456789", "it begins with `Bearer`, which is no part of the token"),
            ("Bearer", "it is the word `Bearer` alone"),
            ("bearer:", "it is the word `Bearer` alone"),
            ("${{ secrets.UIPATH_PAT }}", "it is a placeholder, not a token"),
            ("{{ secrets.pat }}", "it is a placeholder, not a token"),
            ("<your-PAT>", "it is a placeholder, not a token"),
            ("${UIPATH_PAT}", "it is a placeholder, not a token"),
            ("$UIPATH_PAT", "it is a placeholder, not a token"),
            ("%UIPATH_PAT%", "it is a placeholder, not a token"),
            ("your_token_here", "it is a placeholder, not a token"),
            ("rt_0123…CDEF", "a part of it was cut out or masked by what showed it"),
            ("rt_0123...", "a part of it was cut out or masked by what showed it"),
            ("rt_••••••••", "a part of it was cut out or masked by what showed it"),
            ("rt_0123\n456789", "it has more than one line"),
            ("rt_0123 456789", "there is white space inside of it"),
        ] {
            assert_eq!(damage(token).map(|(reason, _)| reason), Some(reason), "{token}");
        }
        for token in
            ["rt_0123456789ABCDEF", "eyJh.eyJi.c", "bearerless", "a$b%c", "x.y..z", "hunter2", "{\"a\":1}"]
        {
            assert_eq!(damage(token), None, "{token}");
        }
    }

    #[test]
    fn a_jwt_is_read_and_a_pat_is_none() {
        let token = jwt(
            &json!({"exp": 1_800_000_000, "aud": ["UiPath.Orchestrator", "x\n"], "iss": "https://cloud.uipath.com/identity_"}),
        );
        let read = Jwt::read(&token).unwrap();
        assert_eq!(read.expires, Some(at(1_800_000_000)));
        assert_eq!(read.audience, ["UiPath.Orchestrator", "x"]);
        assert_eq!(read.issuer.as_deref(), Some("cloud.uipath.com"));
        assert!(remarks(&token, at(1_700_000_000), Some("cloud.uipath.com"), true).is_empty());
        assert!(!read.application);
        let own = |kind: &str| jwt(&json!({"sub_type": kind}));
        assert!(Jwt::read(&own("service.external")).unwrap().application);
        assert!(!Jwt::read(&own("user")).unwrap().application);
        for text in ["rt_0123456789ABCDEF", "eyJx.y.z", "eyJx", "a.b.c", "eyJh.eyJi.c.d", ""] {
            assert_eq!(Jwt::read(&Secret::new(text)), None, "{text}");
        }
    }

    #[test]
    fn a_refused_token_is_explained_as_far_as_it_tells() {
        let token = jwt(
            &json!({"exp": 1_700_000_000, "aud": "Other", "iss": "https://staging.uipath.com/identity_"}),
        );
        assert_eq!(
            remarks(&token, at(1_700_000_000), Some("cloud.uipath.com"), true),
            [
                "the token is a JWT, no PAT, and ran out at 2023-11-14T22:13:20Z, as those of `uipath auth` do after an hour: log in again, or use a PAT",
                "the token is a JWT for `Other`, and Orchestrator's are for `UiPath.Orchestrator`: it is likely one for something else",
                "the token was made by `staging.uipath.com`, and the server is at `cloud.uipath.com`: it is likely of another instance",
            ]
        );
        assert_eq!(remarks(&token, at(1_700_000_000), None, false).len(), 1);
        assert_eq!(remarks(&Secret::new("rt_01234"), at(0), None, true).len(), 1);
        assert!(remarks(&Secret::new("rt_01234"), at(0), None, false).is_empty());
    }
}
