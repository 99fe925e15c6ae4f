//! The token of an external application: its id and its secret are exchanged for one at the identity server of the
//! same host.

use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::{Refusal, Rest, Trouble};
use crate::auth::Secret;

/// How long a token lasts where the answer does not say.
const LASTS: u64 = 3600;

/// How long a token can be said to last: longer would be no time that a clock can hold.
const LONGEST: u64 = 30 * 24 * 3600;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{trouble}")]
pub struct NoToken {
    /// For people.
    pub trouble: Trouble,
    /// What the identity server refused, where it answered so.
    pub refusal: Option<Refusal>,
}

impl From<Trouble> for NoToken {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, refusal: None }
    }
}

/// Asks for a token; with how long it lasts. The keys go to `/identity_/connect/token` of the host that `rest` is of.
///
/// # Errors
/// Where the identity server gives none. The message shows neither of the keys.
pub async fn application_token(
    rest: &Rest,
    host: &Url,
    (id, secret): (&Secret, &Secret),
    scope: &str,
) -> Result<(Secret, Duration), Box<NoToken>> {
    const ASKED: &str = "the external application got no token";
    let elsewhere =
        "look whether the address is that of the organization's host: the identity server is asked there";
    let url = host.join("/identity_/connect/token");
    let lost = |trouble: Trouble| Box::new(NoToken::from(trouble));
    let url = url.map_err(|error| lost(Trouble::new(format!("{ASKED}: {error}"), elsewhere)))?;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id.reveal()),
        ("client_secret", secret.reveal()),
        ("scope", scope),
    ];
    let answer = rest.post_form(&url, &form).await;
    let answer = answer.map_err(|error| lost(Trouble::new(format!("{ASKED}: {error}"), elsewhere)))?;
    if let Some(refusal) = rest.refusal(&answer) {
        let help = match refusal.code.as_deref() {
            Some("invalid_client") => {
                "look at the id and the secret: an application shows its secret only once, when it is added"
            }
            Some("invalid_scope") => {
                "the application does not have one of the scopes, or the keys are those of a machine and not of an external application"
            }
            Some("unauthorized_client") => {
                "the application is not confidential, or has no application scopes: only such an application has a secret of its own"
            }
            _ if answer.status == 429 => "the identity server is asked too often: wait some minutes",
            _ if answer.status == 404 => elsewhere,
            _ => "look at the application under Admin > External applications",
        };
        let trouble = Trouble::new(format!("{ASKED}: the identity server answered {refusal}"), help);
        return Err(Box::new(NoToken { trouble, refusal: Some(refusal) }));
    }
    let member = |name: &str| answer.json.as_ref().and_then(|body| body.get(name));
    let token = member("access_token").and_then(Value::as_str).filter(|token| {
        token.len() > 5 && token.len() <= 16 * 1024 && token.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let token = token.ok_or_else(|| {
        lost(Trouble::new(format!("{ASKED}: the answer of the identity server has none"), elsewhere))
    })?;
    let lasts = member("expires_in").and_then(Value::as_u64).unwrap_or(LASTS).min(LONGEST);
    Ok((Secret::new(token), Duration::from_secs(lasts)))
}
