//! The way to the server and its form: rows 20, 21, 22, 29, 32, 33; and what nothing explains.

use super::super::findings::{Break, Findings, Probe, Reply, TokenState};
use super::Certainty::{Certain, Likely, Possible};
use super::facts::{kind, met, shown};
use super::{Cause, Row, Weight};

pub(super) fn machine_credentials(f: &Findings) -> Option<Cause> {
    let TokenState::Refused(_, Some(refusal)) = &f.token.state else { return None };
    let said = [&refusal.code, &refusal.message].into_iter().flatten();
    let scope = said.into_iter().any(|text| text.contains("invalid_scope"));
    let message = "the identity server answers `invalid_scope`: either these are a machine's (robot's) credentials and not an external application's, or the application lacks one of the scopes";
    let cause = Cause::problem(Row::MachineCredentials, Likely, message).told([refusal.to_string()]);
    let cause = cause.next([
        "use the App ID and App Secret of an application from Admin > External applications, with application scopes OR.Execution and OR.Jobs".to_owned(),
        "or compare `scope` in the suite with the scopes that the application has".to_owned(),
    ]);
    scope.then_some(cause)
}

pub(super) fn not_acceptable(f: &Findings) -> Option<Cause> {
    let asked = f.requests().find(|probe| {
        let error = probe.answered().and_then(|answered| answered.error.as_ref());
        probe.is(&[406]) || error.is_some_and(|(_, message)| message.contains("must accept"))
    })?;
    let message = "the server wants `Accept: application/json, text/event-stream`, and did not get it";
    Some(Cause::problem(Row::NotAcceptable, Certain, message).told([met(asked)]).next([
        "take `Accept` out of the server's `headers` in the suite: callsheet sends the right one",
        "if it is not there: a proxy on the way changes it",
    ]))
}

pub(super) fn post_only(f: &Findings) -> Option<Cause> {
    let answered = f.bare.iter().chain(f.requests()).find(|probe| probe.is(&[405]))?;
    let message = if f.is_uipath {
        "405 is normal where somebody asks with GET: the endpoint takes POST only. To the POST that was sent it is not"
    } else {
        "405 is normal where somebody asks with GET: many MCP servers take POST only. To the POST that was sent it is not"
    };
    Some(
        Cause::note(Row::PostOnly, Certain, message)
            .told([met(answered)])
            .next(["look at what stands between: a redirect or a proxy may have made a GET of it"]),
    )
}

pub(super) fn rate_limit(f: &Findings) -> Option<Cause> {
    let on_the_way = f.requests().find(|probe| probe.is(&[429]));
    let limited = on_the_way.or_else(|| f.questions().find(|probe| probe.is(&[429])))?;
    let wait = limited.answered().and_then(|answered| answered.retry_after);
    let wait = wait.map(|wait| format!("; it asks to wait {}", shown(wait))).unwrap_or_default();
    let message = format!("too many requests: the server answers 429{wait}");
    let weight = if on_the_way.is_some() { Weight::Problem } else { Weight::Warning };
    let cause = Cause::new(Row::RateLimit, weight, Certain, message).told([met(limited)]);
    let slower = "run fewer cases at once: `--test-threads 1`, or `limits: {concurrency: 1, rate: 1/s}` of the server in the suite";
    let shared = "others with the same tenant count, too: Orchestrator takes about 100 requests a minute for jobs and queue items";
    Some(cause.next([slower]).next(f.is_uipath.then_some(shared)))
}

pub(super) fn not_mcp(f: &Findings) -> Option<Cause> {
    let probe = f.opening.iter().chain(&f.listing).find(|probe| !probe.is_good())?;
    let answered = probe.answered()?;
    let redirect = matches!(probe.status(), Some(300..=399));
    let works = probe.opened() && f.opening.as_ref().is_some_and(|it| std::ptr::eq(it, probe))
        || !f.listing_failed() && !f.opening_failed();
    if works {
        let violation = answered.wire.first()?;
        let message = format!("the server works, and breaks the protocol: {violation}");
        let cause = Cause::warning(Row::NotMcp, Certain, message).told(answered.wire.iter().skip(1).cloned());
        return Some(
            cause.next([
                "tell whoever makes the server; `checks: {wire: warn}` lets scenarios pass until then",
            ]),
        );
    }
    let address = match f.is_uipath {
        true => {
            "compare the address with that in the server's details on the page MCP Servers: the host, and `/agenthub_/mcp/`"
        }
        false => "compare the address with that in the server's manual: many servers answer at `/mcp` only",
    };
    let login =
        "if it is a page to log in: a proxy or a portal stands between, and wants its own login first";
    let (message, next) = if redirect {
        let to = answered.location.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
        let message = format!("the server sends elsewhere{to}, and the token is not sent after it");
        (message, vec![address, "if the new address is the right one, write it into the suite", login])
    } else if probe.is_page() && matches!(probe.status(), Some(400..)) {
        // Who refuses may do so with a page: it is said beside what the refusal may mean.
        let status = probe.status().unwrap_or_default();
        let message = format!(
            "the {status} may be of a proxy or of another host, and not of the server: it is a page in HTML"
        );
        let cause = Cause::problem(Row::NotMcp, Possible, message).told([met(probe)]).met([&f.version]);
        return Some(cause.next([address, login]));
    } else if probe.is_page() {
        (
            "a page in HTML came and not an answer of MCP: a wrong host or path, or a proxy on the way"
                .to_owned(),
            vec![address, login],
        )
    } else if probe.is(&[405]) {
        ("the address takes no POST: it is likely not that of the MCP endpoint".to_owned(), vec![address])
    } else if !f.is_uipath && !f.opened() && probe.is(&[404]) && answered.error.is_none() {
        ("there is nothing at this address: the answer is 404".to_owned(), vec![address])
    } else if matches!(probe.status(), None | Some(200..=299))
        && answered.error.is_none()
        && answered.protocol.is_none()
    {
        let what = answered.wire.first().map(|violation| format!(": {violation}")).unwrap_or_default();
        (format!("what came is no answer of MCP{what}"), vec![address])
    } else {
        return None;
    };
    Some(Cause::problem(Row::NotMcp, Certain, message).told([met(probe)]).met([&f.version]).next(next))
}

pub(super) fn network(f: &Findings) -> Option<Cause> {
    let broken = |probe: &&Probe| matches!(probe.reply, Reply::Broken { .. });
    let silent = |probe: &&Probe| matches!(probe.reply, Reply::Silent);
    let first = || f.opening.iter().chain(&f.listing);
    let before = || f.bare.iter().chain(&f.version).filter(|_| f.opening.is_none());
    let probe = first().find(broken).or_else(|| before().find(broken)).or_else(|| {
        // A server that starts is silent, too: only where nothing else of the host answers it is the network.
        let alone =
            !f.is_uipath || f.is_kind(&[kind::CODED, kind::COMMAND, kind::SELF_HOSTED]) == Some(false);
        let dead = f.version.as_ref().is_some_and(|it| it.answered().is_none());
        // A host that is silent from the start is asked nothing further.
        first().find(silent).filter(|_| alone || dead).or_else(|| before().find(silent).filter(|_| dead))
    })?;
    let host = f.host().map_or_else(|| "the host".to_owned(), |host| format!("`{host}`"));
    let by = f.network.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let vars = |what: &str| (!by.is_empty()).then(|| format!("{what}: {by}"));
    let Reply::Broken { how, reason } = &probe.reply else {
        let message = format!("{host} does not answer: there was nothing in {}", shown(probe.took));
        let version =
            [&f.version].into_iter().filter(|it| !it.as_ref().is_some_and(|it| std::ptr::eq(it, probe)));
        let cause = Cause::problem(Row::Network, Certain, message).told([met(probe)]).met(version);
        return Some(cause.told(vars("in use on the way")).next([
            "try the same address from another network: a firewall that drops silently looks like this",
            "give a slow server time: `timeouts: {start: 120s}` in the suite",
        ]));
    };
    let here =
        f.host().is_some_and(|host| host.starts_with("127.") || host == "localhost" || host == "[::1]");
    let by_proxy = match f.network.iter().any(|name| name.to_ascii_uppercase().ends_with("_PROXY")) {
        true => "look whether the proxy is the right one, and whether the host belongs into `NO_PROXY`",
        false => "behind a proxy: set `HTTPS_PROXY`",
    };
    let (message, next) = match how {
        Break::Name => (
            format!("the name of {host} is not known here"),
            ["look at its spelling, and whether a VPN has to be on", by_proxy],
        ),
        Break::Refused if here => (
            format!("nobody listens at {host}: the server is likely not running"),
            ["start the server first", "look at the port of the address"],
        ),
        Break::Refused => (
            format!("nobody listens at {host}, or a firewall refuses"),
            ["look whether the server runs, and at the port of the address", by_proxy],
        ),
        Break::Tls if reason.contains("does not speak TLS") => (
            format!("what answers at {host} does not speak TLS"),
            [
                "look at the port of the address",
                "a server without TLS has an address with `http://`: from elsewhere it is asked only where the suite says `insecure: true`",
            ],
        ),
        Break::Tls => (
            format!(
                "no trusted TLS connection to {host}: its certificate is not accepted here, or something on the way speaks no TLS"
            ),
            [
                "name the certificate of your company's proxy: `tls: {ca: company.pem}` of the server in the suite, or `SSL_CERT_FILE`",
                "look at the date of this machine, and whether the address begins with the right `https://`",
            ],
        ),
        Break::Proxy => (
            "the proxy refuses to connect".to_owned(),
            [
                "look at `HTTPS_PROXY`: its host, port, user and password",
                "a host that is reached directly belongs into `NO_PROXY`",
            ],
        ),
        Break::Start => (
            "the command of the server could not be started, or ended at once".to_owned(),
            [
                "run it by hand in the same folder, with the same variables",
                "look whether its program is installed and in `PATH`",
            ],
        ),
        Break::Other => (
            format!("the connection to {host} broke off"),
            [
                "run it again; if it stays, look at what stands between: a proxy, a firewall, a gateway",
                // What speaks TLS hangs up on who does not.
                match f.is_plain() {
                    true => {
                        "look at the server's own log; if it speaks TLS, its address begins with `https://`"
                    }
                    false => "look at the server's own log",
                },
            ],
        ),
    };
    let cause = Cause::problem(Row::Network, Certain, message).told([met(probe)]);
    let way = (*how != Break::Start).then(|| vars("variables that decide the way, and are set")).flatten();
    Some(
        cause
            .met([&f.version].into_iter().filter(|it| it.as_ref().is_some_and(|it| it.answered().is_some())))
            .told(way)
            .next(next),
    )
}

/// Something failed, and no row fits.
pub(super) fn unexplained(f: &Findings) -> Option<Cause> {
    let more = "run `callsheet test --trace` to see what was sent and what came";
    let support = f.is_uipath.then_some("with a traceId UiPath's support can look it up");
    if f.opening_failed() || f.listing_failed() {
        let probe = if f.opening_failed() { &f.opening } else { &f.listing };
        let what =
            if f.opening_failed() { "no session could be opened" } else { "the tools could not be listed" };
        let row = if f.is_uipath && probe.as_ref().is_some_and(|it| it.is(&[401, 403])) {
            Row::NoView
        } else {
            Row::NotMcp
        };
        let message = match probe.as_ref().and_then(Probe::status) {
            Some(status @ 500..) => {
                format!("{what}: the server or its gateway is not well, it answers {status}")
            }
            Some(status @ 300..) => format!("{what}: the answer is {status}, and nothing tells why"),
            _ => format!("{what}, and nothing that is known explains it"),
        };
        let cause = Cause::problem(row, Possible, message);
        return Some(cause.met([probe]).next([more]).next(support));
    }
    let call = f.failed_call()?;
    let message =
        format!("`{}` itself failed: the process, or what it was given, is likely the reason", call.tool);
    let cause = Cause::problem(Row::BadArguments, Possible, message);
    let cause = match &call.tool_error {
        Some(text) => cause.told([format!("`{}` answered with a tool error: {text}", call.tool)]),
        None => cause.told([met(&call.probe)]),
    };
    let jobs = f.is_uipath.then_some("look at its job in Orchestrator > Jobs: its log has the reason");
    Some(cause.next(jobs).next([more]))
}
