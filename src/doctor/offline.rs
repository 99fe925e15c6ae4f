//! What can be told before anything is sent: the address, the token, the variables.

use jiff::Timestamp;
use url::{Host, Url};

use super::{Difference, Findings, TokenFinding, TokenLook, TokenState};
use crate::auth::{self, Credential, Environment, Jwt, Secret};
use crate::model::Target;
use crate::servers::{Entry, Lack, Servers, Why};
use crate::uipath::{self, Mistake, Trouble};

/// What libraries read of the way through the network.
const ROADS: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// What they read where there is a road.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// What says whom TLS trusts.
const TRUST: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// A lack, as it is found.
pub(super) fn trouble(lack: Lack) -> Trouble {
    let help = lack.help.unwrap_or_else(|| "look at the server in the suite".to_owned());
    let mistake = match lack.why {
        Why::Address(mistake) => mistake,
        _ => Mistake::Other,
    };
    Trouble { message: lack.message, help, mistake }
}

/// Judges the address as it stands in the suite or in the environment.
pub(super) fn address(servers: &Servers, entry: &Entry, found: &mut Findings) {
    match &entry.model.target {
        Target::Url(url) => {
            found.target = url.to_string();
            if found.is_uipath {
                read(url, found);
            }
        }
        Target::Uipath(written) => {
            let whole = uipath::server_url(servers.environment()).filter(|_| written.slug.is_none());
            if let Some(url) = whole.and_then(|(_, text)| Url::parse(text).ok()) {
                read(&url, found);
            }
            match servers.filled(entry, written) {
                Ok((address, _)) => {
                    if written.slug.is_some() {
                        found.faults.extend(address.faults());
                    }
                    found.target = match address.url() {
                        Some(url) => url.to_string(),
                        None => address.base.clone(),
                    };
                    found.address = Some(address);
                    found.lack = None;
                }
                Err(lack) => found.lack = Some(trouble(lack)),
            }
        }
        Target::Command(command) => found.target = command.argv.join(" "),
        Target::Sandbox { slug, .. } => found.target = format!("the embedded sandbox, server {slug}"),
    }
}

fn read(url: &Url, found: &mut Findings) {
    let reading = uipath::read(url);
    let fatal = reading.faults.iter().find(|fault| fault.fatal);
    if let Some(fault) = fatal {
        found.lack = Some(fault.clone().into());
    }
    found.address = reading.address;
    for fault in reading.faults {
        if !found.faults.contains(&fault) {
            found.faults.push(fault);
        }
    }
}

/// The variables that the environment and `.env` set differently, and those that decide about the network.
pub(super) fn variables(environment: &Environment, url: Option<&Url>, found: &mut Findings) {
    let difference =
        |(name, file): (&str, &str)| Difference { variable: name.to_owned(), file: file.to_owned() };
    found.differences = environment.differing().map(difference).collect();
    let Some(url) = url.filter(|url| !is_here(url)) else { return };
    let set = |name: &&str| environment.of_process(name).is_some_and(|value| !value.trim().is_empty());
    let is_plain = url.scheme() == "http";
    let leads = |name: &&&str| {
        let name = name.to_ascii_uppercase();
        name == "ALL_PROXY" || name == if is_plain { "HTTP_PROXY" } else { "HTTPS_PROXY" }
    };
    let mut network: Vec<&str> = ROADS.iter().filter(leads).copied().filter(|name| set(name)).collect();
    if !network.is_empty() {
        network.extend(EXCEPTIONS.iter().filter(|name| set(name)));
    }
    if !is_plain {
        network.extend(TRUST.iter().filter(|name| set(name)));
    }
    found.network = network.into_iter().map(str::to_owned).collect();
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => true,
    }
}

/// What helps where a token is not there, and nobody said what does.
fn way_out(credential: &Credential) -> Option<&'static str> {
    Some(match credential {
        Credential::File(_) => "put the token there, alone; or correct the path in the suite",
        Credential::Command(_) => {
            "run it by hand: it has to print the token alone within 30 s, and to end with 0"
        }
        _ => return None,
    })
}

/// Reads the token of an identity, unless it has none.
pub(super) async fn token(
    servers: &Servers,
    entry: &Entry,
    found: &mut Findings,
    now: Timestamp,
) -> Option<Secret> {
    let identity = found.identity.clone();
    let credential = entry.model.credential(&identity)?;
    let day = entry.model.expires.iter().find(|expiry| expiry.identity == identity);
    let mut token = TokenFinding {
        place: Some(credential.describe_in(servers.environment())),
        expires: day.map(|expiry| expiry.day.value),
        unused: credential.unused(servers.environment()).into_iter().map(str::to_owned).collect(),
        ..TokenFinding::default()
    };
    let read = match (credential, &found.lack) {
        // It would be fetched from an address that there is none of.
        (Credential::App(_), Some(lack)) => Err(Lack {
            message: "its token was not asked for: there is no address to ask".to_owned(),
            help: Some(lack.help.clone()),
            why: Why::NoToken,
        }),
        _ => Box::pin(servers.token(entry, &identity)).await,
    };
    let secret = match read {
        Ok(secret) => secret?,
        Err(mut lack) => {
            let why = lack.why.clone();
            lack.help = lack.help.or_else(|| way_out(credential).map(str::to_owned));
            let trouble = trouble(lack);
            token.state = match why {
                Why::Damaged => TokenState::Damaged(trouble),
                Why::Refused(said) => TokenState::Refused(trouble, said.map(|said| *said)),
                Why::NoToken | Why::Address(_) | Why::Other => TokenState::Missing(trouble),
            };
            found.token = token;
            return None;
        }
    };
    let look = match (credential, Jwt::read(&secret)) {
        (Credential::App(_), _) => TokenLook::App,
        (_, Some(jwt)) => TokenLook::Jwt(jwt),
        _ if secret.reveal().starts_with("rt_") => TokenLook::Pat,
        _ => TokenLook::Opaque,
    };
    token.state = TokenState::Read(look);
    let url = Url::parse(found.address.as_ref().map_or(&*found.target, |address| &*address.base)).ok();
    let host = url.as_ref().and_then(Url::host_str);
    token.remarks = auth::remarks(&secret, now, host, found.is_uipath);
    found.token = token;
    Some(secret)
}
