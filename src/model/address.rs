//! Addresses: what may be one, and to whom a token may be sent.

use url::{Host, Url};

use crate::uipath::placeholder;

/// Parameters of a query that are tokens by their name.
const SECRET_PARAMETERS: &[&str] = &[
    "access_token",
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "authorization",
    "key",
    "pat",
    "password",
    "secret",
    "sig",
    "signature",
    "token",
];

/// How an address begins.
const NO_SCHEME: &str = "begin it with `https://`, or with `http://` for a server on this machine";

/// Where a token belongs.
pub(super) const TOKEN_ELSEWHERE: &str =
    "take it out, and say where the token is: `auth: {pat: {env: NAME}}`";

/// What allows plain http.
pub(super) const ALLOW_PLAIN: &str =
    "write `https://`, or `insecure: true` beside the address if anyone on the way may read it";

/// Why an address cannot be used, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AddressError {
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// Reads an address. The messages never repeat what might be a secret.
pub(crate) fn address(text: &str, insecure: bool) -> Result<Url, AddressError> {
    let refuse = |message: String, help| Err(AddressError { message, help });
    if text.contains(['{', '<', '…']) {
        let left = placeholder(text).map(|left| format!(" `{left}`")).unwrap_or_default();
        return refuse(
            format!("the address still holds the placeholder{left}"),
            "write the address itself, as the server's page shows it",
        );
    }
    if text.starts_with(['"', '\'', '`', '“', '‘']) {
        return refuse("the address stands in quotes".to_owned(), "take the quotes out");
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            return refuse("the address has no scheme".to_owned(), NO_SCHEME);
        }
        Err(error) => {
            return refuse(format!("this is no address: {error}"), "write it as `https://host/path`");
        }
    };
    if !matches!(url.scheme(), "http" | "https") {
        // The rules of addresses take `localhost:3000` for a scheme and a path.
        if !text.contains("://") {
            return refuse("the address has no scheme".to_owned(), NO_SCHEME);
        }
        return refuse(format!("an address with the scheme `{}` cannot be used", url.scheme()), NO_SCHEME);
    }
    match secret_of(&url) {
        Some(Place::UserInfo) => {
            return refuse("an address cannot carry a user name or a password".to_owned(), TOKEN_ELSEWHERE);
        }
        Some(Place::Query) => {
            return refuse("an address cannot carry a token in its query".to_owned(), TOKEN_ELSEWHERE);
        }
        None => {}
    }
    if url.fragment().is_some() {
        return refuse("an address has no `#` part: it is never sent".to_owned(), "take it out");
    }
    if url.scheme() == "http" && !insecure && !is_loopback(&url) {
        return refuse("a token would be sent over plain http to another machine".to_owned(), ALLOW_PLAIN);
    }
    Ok(url)
}

/// Whether an address carries a secret.
pub(crate) fn holds_secret(url: &Url) -> bool {
    secret_of(url).is_some()
}

/// Where an address carries a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    UserInfo,
    Query,
}

/// Where an address carries a secret, if it does.
pub(super) fn secret_of(url: &Url) -> Option<Place> {
    if !url.username().is_empty() || url.password().is_some() {
        return Some(Place::UserInfo);
    }
    let secret = |name: &str| SECRET_PARAMETERS.contains(&name.to_ascii_lowercase().as_str());
    url.query_pairs().any(|(name, _)| secret(&name)).then_some(Place::Query)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        address(text, false).unwrap_err().message
    }

    #[test]
    fn https_and_loopback_are_taken() {
        for text in [
            "https://mcp.example.com/mcp?profile=a",
            "http://127.0.0.1:3001/mcp",
            "http://127.9.9.9/",
            "http://[::1]:80/mcp",
            "http://LOCALHOST:80/mcp",
        ] {
            assert!(address(text, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn plain_http_to_another_machine_needs_to_be_said() {
        for text in
            ["http://example.com/mcp", "http://10.0.0.1/", "http://localhost.example.com/", "http://[::2]/"]
        {
            assert_eq!(refused(text), "a token would be sent over plain http to another machine", "{text}");
            assert!(address(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn secrets_are_refused_and_not_repeated() {
        for text in [
            "https://me:hunter2@h/",
            "https://hunter2@h/",
            "https://h/?access_token=hunter2",
            "https://h/?Key=hunter2",
        ] {
            let error = address(text, true).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
            assert!(error.message.contains("an address cannot carry"), "{error:?}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        assert_eq!(refused("mcp.example.com/mcp"), "the address has no scheme");
        assert_eq!(refused("\"https://mcp.example.com/mcp\""), "the address stands in quotes");
        assert_eq!(refused("ftp://h/"), "an address with the scheme `ftp` cannot be used");
        assert_eq!(refused("https://h/#a"), "an address has no `#` part: it is never sent");
        assert_eq!(refused("https://h/{org}/mcp"), "the address still holds the placeholder `{org}`");
        assert_eq!(refused("https://"), "this is no address: empty host");
    }
}
