//! The eras with a handshake: `initialize`, its checks, `notifications/initialized`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::opening::{failed, offers, refusal, versions_in};
use super::receive::Want;
use super::request::{Message, Stage, capabilities};
use super::session::{Deadline, Inner, Life, unsent};
use super::{SendOptions, SessionFacts, Version, wire};
use crate::exchange::{Check, Exchange, Outcome, Phase, Violation};

/// The newest version with a handshake.
const NEWEST: Version = Version::V2025_11_25;

impl Inner {
    /// Opens with a handshake. Without a wanted version the newest is asked for, and the server may choose.
    pub(super) async fn initialize(
        self: &Arc<Self>,
        wanted: Option<Version>,
        deadline: Deadline,
    ) -> Result<Exchange, Box<Exchange>> {
        let mut exchange = self.ask_initialize(wanted.unwrap_or(NEWEST), deadline).await;
        if self.route().is_some() && is_silent(&exchange) {
            // It may be taken for the id of a session that there is not.
            self.drop_route();
            exchange = self.ask_initialize(wanted.unwrap_or(NEWEST), deadline).await;
        }
        let facts = match judge(&mut exchange) {
            Ok(facts) => facts,
            Err(mut reason) => {
                if wanted.is_some() && is_silent(&exchange) {
                    let offered = self.offered_without_handshake(deadline).await;
                    reason.extend(offered.map(|versions| format!(": {}", offers(&versions))));
                }
                return Err(failed(exchange, reason));
            }
        };
        let version = facts.version;
        let reason = match wanted {
            Some(wanted) if wanted != version => {
                format!("the server does not take `{wanted}`: it offers `{version}`")
            }
            _ if version.is_modern() => {
                format!("the server chose `{version}`, which has no handshake")
            }
            _ => {
                exchange.protocol = Some(version.as_str().to_owned());
                return self.after_handshake(exchange, facts, deadline).await;
            }
        };
        self.abandon(facts);
        Err(failed(exchange, reason))
    }

    /// What versions a server names where it is asked to open with a handshake.
    pub(super) async fn offered(self: &Arc<Self>, deadline: Deadline) -> Vec<String> {
        let mut exchange = self.ask_initialize(NEWEST, deadline).await;
        match judge(&mut exchange) {
            Ok(facts) => {
                let version = facts.version.to_string();
                self.abandon(facts);
                vec![version]
            }
            Err(_) => supported(&exchange).unwrap_or_default(),
        }
    }

    async fn ask_initialize(self: &Arc<Self>, version: Version, deadline: Deadline) -> Exchange {
        self.patiently(deadline, || Box::pin(self.ask_initialize_once(version, deadline))).await
    }

    async fn ask_initialize_once(self: &Arc<Self>, version: Version, deadline: Deadline) -> Exchange {
        let params = json!({
            "protocolVersion": version.as_str(),
            "capabilities": capabilities(&self.config),
            "clientInfo": self.config.info,
        });
        let message = self.request("initialize", Some(params));
        let want = Want::Answer { id: message.id.unwrap_or_default(), version, check: false };
        match self.prepare(Stage::Handshake, message, &SendOptions::default()) {
            Ok(prepared) => self.send(prepared, want, deadline).await,
            Err(reason) => unsent(reason, Phase::Open),
        }
    }

    async fn after_handshake(
        self: &Arc<Self>,
        mut exchange: Exchange,
        facts: SessionFacts,
        deadline: Deadline,
    ) -> Result<Exchange, Box<Exchange>> {
        let stage = Stage::Legacy(facts.version, facts.id.as_deref());
        let method = "notifications/initialized";
        let tell = || {
            Box::pin(async {
                let message = Message { id: None, method: method.to_owned(), params: None };
                match self.prepare(stage, message, &SendOptions::default()) {
                    Ok(prepared) => self.send(prepared, Want::Receipt, deadline).await,
                    Err(reason) => unsent(reason, Phase::Open),
                }
            })
        };
        let receipt = self.patiently(deadline, tell).await;
        if receipt.outcome != Outcome::Answered {
            let cause = receipt.cause.unwrap_or_default();
            exchange.outcome = receipt.outcome;
            self.abandon(facts);
            return Err(failed(exchange, format!("`{method}` was not taken: {cause}")));
        }
        if let Some(status) = receipt.http.map(|http| http.status)
            && !(200..300).contains(&status)
        {
            exchange.wire.push(Violation {
                check: Check::Wire,
                message: format!("`{method}` was answered with HTTP {status}, not with 202"),
                pointer: String::new(),
                section: format!("{} basic/transports", facts.version),
            });
        }
        if let Some(level) = &self.config.log
            && facts.capabilities.get("logging").is_some()
        {
            let message = self.request("logging/setLevel", Some(json!({"level": level})));
            let id = message.id.unwrap_or_default();
            let want = Want::Answer { id, version: facts.version, check: true };
            if let Ok(prepared) = self.prepare(stage, message, &SendOptions::default()) {
                let set = self.send(prepared, want, deadline).await;
                if set.answer.result.is_none() {
                    self.note(format!("`logging/setLevel` was refused with {}", refusal(&set)));
                }
            }
        }
        self.attend(facts.version);
        self.set_life(Life::Open(Arc::new(facts)));
        Ok(exchange)
    }
}

/// What the answer to `initialize` says.
///
/// # Errors
/// Why there is no session, for people.
fn judge(exchange: &mut Exchange) -> Result<SessionFacts, String> {
    if exchange.outcome != Outcome::Answered {
        return Err(exchange.cause.clone().unwrap_or_default());
    }
    let Some(result) = &exchange.answer.result else {
        let offered = supported(exchange).map(|versions| format!(": {}", offers(&versions)));
        return Err(format!(
            "the server answered `initialize` with {}{}",
            refusal(exchange),
            offered.unwrap_or_default()
        ));
    };
    let text = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    let Some(version) = Version::parse(text) else {
        let cause = if text.is_empty() {
            "the result names no `protocolVersion`".to_owned()
        } else if tells_no_start(result) {
            format!("the server behind the gateway did not start: it answers with the version `{text}`")
        } else {
            format!("the server chose the protocol version `{text}`, which does not exist")
        };
        let violation = Violation {
            check: Check::Wire,
            message: cause.clone(),
            pointer: "/result/protocolVersion".to_owned(),
            section: format!("{NEWEST} basic/lifecycle"),
        };
        // What else is wrong with such an answer, as its id, comes of it.
        exchange.wire.insert(0, violation);
        return Err(cause);
    };
    // The modern era has no such result; that it was chosen is the caller's affair.
    let question = wire::Question { version: version.min(NEWEST), method: "initialize", tasks: false };
    exchange.wire.extend(wire::result(question, result));
    let headers = exchange.http.as_ref().map(|http| http.headers.as_slice()).unwrap_or_default();
    let id = headers.iter().find(|(name, _)| name == "mcp-session-id").map(|(_, value)| value.clone());
    if id.as_deref().is_some_and(|id| id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic())) {
        exchange.wire.push(Violation {
            check: Check::Wire,
            message: "the session id is not of visible ASCII characters".to_owned(),
            pointer: String::new(),
            section: format!("{version} basic/transports"),
        });
    }
    Ok(SessionFacts {
        id,
        version,
        capabilities: result.get("capabilities").cloned().unwrap_or_default(),
        server_info: result.get("serverInfo").cloned().unwrap_or_default(),
    })
}

/// Whether a result of `initialize` says that the server behind a gateway of UiPath's did not start, though it looks
/// like a good one.
#[must_use]
pub fn tells_no_start(result: &Value) -> bool {
    let version = result.get("protocolVersion").and_then(Value::as_str);
    version.is_some_and(crate::uipath::did_not_start)
}

/// Whether a server refused the handshake itself and did not say which versions it has.
fn is_silent(exchange: &Exchange) -> bool {
    let status = exchange.http.as_ref().map_or(0, |http| http.status);
    let refused = exchange.answer.error.is_some() || matches!(status, 400 | 404..=406);
    exchange.outcome == Outcome::Answered
        && exchange.answer.result.is_none()
        && refused
        && supported(exchange).is_none()
}

pub(super) fn supported(exchange: &Exchange) -> Option<Vec<String>> {
    versions_in(exchange.answer.error.as_ref()?.get("data")?.get("supported"))
}
