//! Where external applications get their tokens, and what these look like.

use std::time::Duration;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::refuse::Refusal;
use super::tap::json_answer;
use super::world::{AUDIENCE, Token, TokenKind, World};

/// How long a token of an application lives.
const LIFE: Duration = Duration::from_secs(3600);
/// How many tokens of applications are known; the oldest go first.
const MAX_TOKENS: usize = 1000;

/// A token of three parts, as those are that say when they end. No key signed it.
#[must_use]
pub fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signature = URL_SAFE_NO_PAD.encode("the sandbox signs nothing");
    format!("{}.{}.{signature}", part(&json!({"alg": "RS256", "typ": "at+jwt"})), part(claims))
}

/// The answer to one who asks for a token, and the token.
pub(super) fn give(
    world: &World,
    host: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(Response<Body>, Token), Refusal> {
    let form: Vec<_> = url::form_urlencoded::parse(body).collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    let refused = |error: &str, reason: String| {
        Refusal::new(json_answer(StatusCode::BAD_REQUEST, &json!({"error": error})), reason)
    };
    let grant = field("grant_type");
    if grant != "client_credentials" {
        return Err(refused("unsupported_grant_type", format!("`{grant}` is no grant type known here")));
    }
    let id = field("client_id");
    let app = world.apps.iter().find(|app| app.id == id && app.secret == field("client_secret"));
    let app =
        app.ok_or_else(|| refused("invalid_client", format!("no application `{id}` has that secret")))?;
    if app.machine {
        return Err(refused("invalid_scope", format!("`{id}` is a machine, not an application")));
    }
    let asked: Vec<String> = field("scope").split_whitespace().map(str::to_owned).collect();
    if let Some(scope) = asked.iter().find(|scope| !app.scopes.contains(scope)) {
        return Err(refused("invalid_scope", format!("`{id}` has no scope `{scope}`")));
    }
    let scopes = if asked.is_empty() { app.scopes.clone() } else { asked };
    let expires = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
    let claims = json!({
        "iss": format!("http://{host}/identity_"), "aud": AUDIENCE, "sub": id, "client_id": id,
        "sub_type": "service.external", "scope": scopes, "iat": now.as_second(), "exp": expires.as_second(),
        "jti": uuid::Uuid::new_v4().simple().to_string(),
    });
    let token = Token {
        label: id.to_owned(),
        value: jwt(&claims),
        kind: TokenKind::App,
        subject: id.to_owned(),
        scopes,
        audience: AUDIENCE.to_owned(),
        expires: Some(expires),
        revoked: false,
    };
    let body = json!({
        "access_token": token.value, "expires_in": LIFE.as_secs(), "token_type": "Bearer",
        "scope": token.scopes.join(" "),
    });
    Ok((json_answer(StatusCode::OK, &body), token))
}

/// Keeps a token that was given.
pub(super) fn keep(world: &mut World, token: Token) {
    let of_apps = world.tokens.iter().filter(|it| it.kind == TokenKind::App).count();
    if of_apps >= MAX_TOKENS
        && let Some(oldest) = world.tokens.iter().position(|it| it.kind == TokenKind::App)
    {
        world.tokens.remove(oldest);
    }
    world.tokens.push(token);
}
