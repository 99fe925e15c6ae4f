//! The era without sessions: `server/discover`, and finding out whether a server has it.

use std::sync::Arc;

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::client::{Discovered, Era};
use super::opening::{failed, offers, refusal, versions_in};
use super::receive::Want;
use super::request::Stage;
use super::session::{Deadline, Inner, unsent};
use super::{SendOptions, Version};
use crate::exchange::{Exchange, Outcome, Phase};

/// The newest version: a probe begins with it.
const NEWEST: Version = Version::V2026_07_28;

/// How long the answer to a probe alone is waited for on a shared stream.
const PROBE: Duration = Duration::from_secs(10);

/// How long it is still waited for once the greeting was refused.
const SECOND_THOUGHT: Duration = Duration::from_secs(1);

const INFO: &str = "io.modelcontextprotocol/serverInfo";

const UNSUPPORTED_VERSION: i64 = -32022;
/// Header mismatch and missing capability: only a server of the modern era knows them.
const MODERN_ERRORS: [i64; 2] = [-32020, -32021];

/// What an answer to `server/discover` says about a server.
enum Judgement {
    /// It takes the version.
    Taken(Discovered),
    /// It takes others; these are named.
    Others(Vec<String>),
    /// It does not know the method.
    Older,
    /// It says nothing about versions: a refused token, a gateway's error, no answer.
    Nothing,
}

impl Inner {
    /// Opens in a version of the modern era.
    pub(super) async fn discover(
        self: &Arc<Self>,
        version: Version,
        deadline: Deadline,
    ) -> Result<(Discovered, Exchange), Box<Exchange>> {
        let mut exchange = self.ask_discover(version, deadline).await;
        let mut judged = judge(&exchange, version);
        if let Judgement::Others(versions) = &judged
            && versions.iter().any(|known| known == version.as_str())
        {
            // It refuses the version and offers it: what it offers is asked for once more.
            exchange = self.ask_discover(version, deadline).await;
            judged = judge(&exchange, version);
        }
        let reason = match judged {
            Judgement::Taken(discovered) => return Ok((discovered, exchange)),
            Judgement::Others(versions) => {
                format!("the server does not take `{version}`: {}", offers(&versions))
            }
            Judgement::Older => {
                self.drop_route();
                let offered = self.offered(deadline).await;
                format!(
                    "the server does not take `{version}`, it answered `server/discover` with {}: {}",
                    refusal(&exchange),
                    offers(&offered)
                )
            }
            Judgement::Nothing => refused(&exchange),
        };
        Err(failed(exchange, reason))
    }

    /// Finds the era of the server. The exchange is that of the answer that proved the modern one.
    pub(super) async fn probe(
        self: &Arc<Self>,
        deadline: Deadline,
    ) -> Result<(Era, Option<Exchange>), Box<Exchange>> {
        let (mut version, mut again) = (NEWEST, true);
        loop {
            let exchange = self.ask_discover(version, deadline).await;
            match judge(&exchange, version) {
                Judgement::Taken(discovered) => {
                    let _ = self.client.discovered(&self.config.identity, version).set(discovered);
                    return Ok((Era::Modern(version), Some(exchange)));
                }
                Judgement::Others(versions) => {
                    let known: Vec<Version> = versions.iter().filter_map(|v| Version::parse(v)).collect();
                    let modern = known.iter().filter(|v| v.is_modern()).max();
                    match modern {
                        Some(modern) if again => (version, again) = (*modern, false),
                        None if !known.is_empty() => return Ok((Era::Legacy, None)),
                        _ => {
                            let reason = format!(
                                "the server and this client have no version in common: {}",
                                offers(&versions)
                            );
                            return Err(failed(exchange, reason));
                        }
                    }
                }
                Judgement::Older => return Ok((Era::Legacy, None)),
                Judgement::Nothing if self.is_shared() && exchange.outcome != Outcome::Answered => {
                    if self.cancel().is_cancelled() {
                        return Err(failed(exchange, "interrupted".to_owned()));
                    }
                    // Who does not know the method may hold its peace, or may end.
                    self.connect()?;
                    return Ok((Era::Legacy, None));
                }
                Judgement::Nothing => {
                    let reason = refused(&exchange);
                    return Err(failed(exchange, reason));
                }
            }
        }
    }

    /// Finds the era of a server that need not answer what it does not know: after a while it is greeted, too, and
    /// what it answers first decides. The last part is the opening that came of the greeting.
    pub(super) async fn probe_and_greet(
        self: &Arc<Self>,
        deadline: Deadline,
    ) -> Result<(Era, Option<Exchange>, Option<Exchange>), Box<Exchange>> {
        let mut probe = Box::pin(self.probe(deadline));
        let mut is_probed = false;
        let left = deadline.at.saturating_duration_since(Instant::now());
        let alone = PROBE.min(left / 2);
        if let Ok(found) = timeout(alone, &mut probe).await {
            return found.map(|(era, exchange)| (era, exchange, None));
        }
        let mut greeting = Box::pin(self.initialize(None, deadline));
        let opened = tokio::select! {
            biased;
            found = &mut probe => {
                if let Ok((era @ Era::Modern(_), exchange)) = found {
                    return Ok((era, exchange, None));
                }
                is_probed = true;
                greeting.await
            }
            opened = &mut greeting => opened,
        };
        // A server that is slow and not of this era may refuse the greeting before it answers the probe.
        if opened.is_err()
            && !is_probed
            && let Ok(Ok((era @ Era::Modern(_), exchange))) = timeout(SECOND_THOUGHT, probe).await
        {
            return Ok((era, exchange, None));
        }
        let opened = opened.map_err(|mut exchange| {
            if exchange.outcome == Outcome::TimedOut {
                let cause = exchange.cause.take().unwrap_or_default();
                let (first, more) = cause.split_once('\n').map_or((&*cause, None), |(a, b)| (a, Some(b)));
                let before = format!(
                    "in the first {} of that `server/discover` alone was sent",
                    crate::model::shown_duration(alone)
                );
                let lines = [Some(first), Some(&*before), more];
                exchange.cause = Some(lines.into_iter().flatten().collect::<Vec<_>>().join("\n"));
            }
            exchange
        })?;
        // What was not proven is asked again by the next session.
        Ok((Era::Legacy, None, Some(opened)))
    }

    /// What versions a server names where it is asked without a handshake.
    pub(super) async fn offered_without_handshake(
        self: &Arc<Self>,
        deadline: Deadline,
    ) -> Option<Vec<String>> {
        let exchange = self.ask_discover(NEWEST, deadline).await;
        let result = exchange.answer.result.as_ref().and_then(|result| result.get("supportedVersions"));
        let error = exchange.answer.error.as_ref().and_then(|error| error.get("data")?.get("supported"));
        versions_in(result.or(error))
    }

    async fn ask_discover(self: &Arc<Self>, version: Version, deadline: Deadline) -> Exchange {
        self.patiently(deadline, || Box::pin(self.ask_discover_once(version, deadline))).await
    }

    async fn ask_discover_once(self: &Arc<Self>, version: Version, deadline: Deadline) -> Exchange {
        let message = self.request("server/discover", None);
        let want = Want::Answer { id: message.id.unwrap_or_default(), version, check: true };
        let mut exchange = match self.prepare(Stage::Modern(version), message, &SendOptions::default()) {
            Ok(prepared) => self.send(prepared, want, deadline).await,
            Err(reason) => return unsent(reason, Phase::Open),
        };
        exchange.protocol = exchange.answer.result.is_some().then(|| version.as_str().to_owned());
        exchange
    }
}

fn refused(exchange: &Exchange) -> String {
    let location = exchange
        .http
        .as_ref()
        .filter(|http| (300..400).contains(&http.status))
        .and_then(|http| http.headers.iter().find(|(name, _)| name == "location"))
        .map(|(_, to)| format!(", a redirect to `{to}` that is not followed"))
        .unwrap_or_default();
    format!("the server answered `server/discover` with {}{location}", refusal(exchange))
}

fn judge(exchange: &Exchange, asked: Version) -> Judgement {
    if exchange.outcome != Outcome::Answered {
        return Judgement::Nothing;
    }
    let status = exchange.http.as_ref().map_or(0, |http| http.status);
    if let Some(result) = &exchange.answer.result {
        return match versions_in(result.get("supportedVersions")) {
            Some(versions) if !versions.iter().any(|version| version == asked.as_str()) => {
                Judgement::Others(versions)
            }
            None if !result.get("capabilities").is_some_and(Value::is_object) => Judgement::Older,
            _ => Judgement::Taken(Discovered {
                capabilities: result.get("capabilities").cloned().unwrap_or_default(),
                server_info: result.get("_meta").and_then(|meta| meta.get(INFO)).cloned().unwrap_or_default(),
            }),
        };
    }
    let code = exchange.answer.error.as_ref().map(|error| (error, error.get("code").and_then(Value::as_i64)));
    match (code, status) {
        (Some((error, Some(UNSUPPORTED_VERSION))), _) => {
            let data = error.get("data").and_then(|data| data.get("supported"));
            Judgement::Others(versions_in(data).unwrap_or_default())
        }
        (Some((_, Some(code))), _) if MODERN_ERRORS.contains(&code) => Judgement::Nothing,
        (_, 300..=399 | 401 | 403 | 407 | 408 | 429) => Judgement::Nothing,
        (None, 500..) => Judgement::Nothing,
        _ => Judgement::Older,
    }
}
