//! What the table says of constructed findings: each row beside its neighbours, in each shape that its state may have,
//! and laws that hold for any findings.

mod calls;
mod laws;
mod rights;
mod simple;

use std::time::Duration;

use super::super::findings::*;
use super::{Cause, Certainty, Row, Weight, causes};
use crate::uipath::{Address, Folder, Refusal};

const KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";
const OTHER: &str = "7a1d3b5f-9b2c-4d4e-8f60-123456789abc";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// A UiPath server that is well, asked with a PAT that may do everything.
fn well() -> Findings {
    Findings {
        at: "2026-11-23T12:00:00Z".parse().unwrap(),
        server: "orders".into(),
        identity: "default".into(),
        is_uipath: true,
        address: Some(Address {
            base: "https://cloud.uipath.com".into(),
            org: "acme".into(),
            tenant: "Default".into(),
            folder: Folder::Key(KEY.into()),
            slug: "orders".into(),
        }),
        token: TokenFinding {
            place: Some("the environment variable `UIPATH_PAT`".into()),
            state: TokenState::Read(TokenLook::Pat),
            expires: Some("2027-06-01".parse().unwrap()),
            unused: Vec::new(),
            remarks: Vec::new(),
        },
        version: at("GET /orchestrator_/api/status/version", 200),
        bare: at("POST server/discover without a token", 401),
        opening: opened("2025-11-25"),
        listing: at("POST tools/list", 200),
        tools: ["createInvoice", "echo", "runSlowProcess", "sendSlackMessage"].map(str::to_owned).to_vec(),
        folders: at("GET GetFoldersForCurrentUser", 200),
        folders_seen: vec![FolderSeen { key: KEY.into(), path: "Shared".into() }],
        releases: at("GET /odata/Releases?$top=1", 200),
        jobs: at("GET /odata/Jobs?$top=1", 200),
        record: at("GET agenthub_/api/servers/orders", 200),
        record_seen: Some(RecordSeen {
            kind: Some(0),
            status: Some(1),
            is_active: Some(true),
            ..RecordSeen::default()
        }),
        ..Findings::default()
    }
}

/// A server of somebody else's that is well.
fn general() -> Findings {
    Findings {
        at: well().at,
        server: "local".into(),
        identity: "default".into(),
        token: TokenFinding { state: TokenState::Read(TokenLook::Opaque), ..well().token },
        opening: opened("2025-11-25"),
        listing: at("POST tools/list", 200),
        tools: vec!["echo".into()],
        ..Findings::default()
    }
}

fn probe(asked: &str, reply: Reply) -> Option<Probe> {
    Some(Probe { asked: asked.into(), reply, took: Duration::from_millis(80) })
}

/// An answer with a status; a bad one without a body.
fn at(asked: &str, status: u16) -> Option<Probe> {
    refused(asked, status, None, None)
}

fn refused(asked: &str, status: u16, code: Option<&str>, message: Option<&str>) -> Option<Probe> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let refusal = (status >= 300).then(|| Refusal {
        status,
        message: owned(message),
        code: owned(code),
        trace_id: message.map(|_| TRACE.to_owned()),
    });
    let media_type = "application/json".to_owned();
    let answered = Answered { status: Some(status), media_type, refusal, ..Answered::default() };
    probe(asked, Reply::Answered(Box::new(answered)))
}

fn opened(version: &str) -> Option<Probe> {
    let answered = Answered {
        status: Some(200),
        media_type: "text/event-stream".into(),
        protocol: Some(version.into()),
        ..Answered::default()
    };
    probe("POST initialize", Reply::Answered(Box::new(answered)))
}

fn error(asked: &str, code: i64, message: &str) -> Option<Probe> {
    let error = Some((code, message.to_owned()));
    let answered =
        Answered { status: Some(200), media_type: "application/json".into(), error, ..Answered::default() };
    probe(asked, Reply::Answered(Box::new(answered)))
}

fn call(tool: &str, tool_error: Option<&str>, probe: Option<Probe>) -> Option<CallFinding> {
    Some(CallFinding {
        tool: tool.into(),
        probe: probe.unwrap(),
        tool_error: tool_error.map(str::to_owned),
        unknown_arguments: Vec::new(),
        missing_arguments: Vec::new(),
    })
}

fn opening(status: u16) -> Option<Probe> {
    at("POST initialize", status)
}

/// The numbers of the rows, in the order of the causes.
fn rows(findings: &Findings) -> Vec<u8> {
    causes(findings).iter().map(|cause| cause.row.number()).collect()
}

fn first(findings: &Findings) -> Cause {
    causes(findings).into_iter().next().unwrap()
}

/// The rows that are likely the cause, or surely.
fn likely(findings: &Findings) -> Vec<u8> {
    let likely = |cause: &Cause| cause.weight == Weight::Problem && cause.certainty > Certainty::Possible;
    causes(findings).iter().filter(|cause| likely(cause)).map(|cause| cause.row.number()).collect()
}

#[test]
fn where_all_is_well_nothing_is_said() {
    assert_eq!(rows(&well()), [] as [u8; 0]);
    assert_eq!(rows(&general()), [] as [u8; 0]);
}

#[test]
fn every_row_has_one_rule() {
    let mut rows: Vec<u8> = super::RULES.iter().map(|rule| rule.row.number()).collect();
    rows.sort_unstable();
    assert_eq!(rows, (1..=34).collect::<Vec<u8>>());
}
