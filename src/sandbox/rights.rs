//! What the holder of a token may do with the tools of a server: scopes and permissions, both of which are needed.

use serde_json::{Value, json};

use super::holder::{Access, Holder};
use super::refuse::{FOLDER_NEEDED, Refusal, by_status, orchestrator, unauthorized};
use super::tools;
use super::world::{Folder, Permission, Server};
use crate::knobs::{self, Knobs};

/// Why a request that is let in comes to nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Denied {
    pub(super) how: How,
    /// For the log.
    pub(super) reason: String,
}

/// How that is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum How {
    /// A list without anything in it.
    Empty,
    /// An error of JSON-RPC.
    Error(String),
    /// A tool error.
    Told(Value),
    /// Not at all: the job waits for a machine.
    Silence,
}

/// What keeps somebody from what a message asks for, if anything does.
///
/// # Errors
/// Where a knob has it refused with a status.
pub(super) fn rights(
    knobs: &Knobs,
    holder: &Holder,
    (folder, server): (&Folder, &Server),
    message: &Value,
) -> Result<Option<Denied>, Refusal> {
    match message.get("method").and_then(Value::as_str) {
        Some("tools/list") => list(knobs, holder, folder),
        Some("tools/call") if server.kind.starts_jobs() => {
            let name = message.pointer("/params/name").and_then(Value::as_str).unwrap_or_default();
            // An activity starts no job.
            let starts = tools::find(server.catalog, name).is_none_or(|tool| !tool.is_activity());
            if starts { call(knobs, holder, folder) } else { Ok(None) }
        }
        _ => Ok(None),
    }
}

fn list(knobs: &Knobs, holder: &Holder, folder: &Folder) -> Result<Option<Denied>, Refusal> {
    let scope = holder.lacks_scope("OR.Execution", Access::Read);
    let permission = holder.lacks_permission(folder, Permission::ProcessesView);
    let reason = match (scope, permission) {
        (None, None) => return Ok(None),
        (None, Some(reason)) if knobs.is(&knobs::NO_PROCESSES_VIEW, "empty") => {
            return Ok(Some(Denied { how: How::Empty, reason }));
        }
        (Some(reason), _) | (None, Some(reason)) => reason,
    };
    if let Some(refusal) = by_status(knobs, &knobs::NO_EXECUTION, &reason) {
        return Err(refusal);
    }
    let text = "The tools could not be listed: ListReleases failed with 403 (Forbidden)".to_owned();
    Ok(Some(Denied { how: How::Error(text), reason }))
}

fn call(knobs: &Knobs, holder: &Holder, folder: &Folder) -> Result<Option<Denied>, Refusal> {
    let reason = holder
        .lacks_scope("OR.Jobs", Access::Write)
        .or_else(|| holder.lacks_permission(folder, Permission::ProcessesView))
        .or_else(|| holder.lacks_permission(folder, Permission::JobsCreate));
    if let Some(reason) = reason {
        return match by_status(knobs, &knobs::NO_JOBS, &reason) {
            Some(refusal) => Err(refusal),
            None => Ok(Some(Denied { how: How::Told(unauthorized()), reason })),
        };
    }
    if holder.is_unassigned_app(folder) {
        let (code, message) = FOLDER_NEEDED;
        let reason =
            format!("the application `{}` is not assigned to the folder `{}`", holder.subject, folder.path);
        return Ok(Some(Denied { how: How::Told(orchestrator(code, message)), reason }));
    }
    if folder.machine {
        return Ok(None);
    }
    let how = match knobs.get(&knobs::NO_MACHINE) {
        "pending" => How::Silence,
        _ => {
            let text = "Could not find a machine with Unattended or NonProduction runtimes";
            How::Told(json!({"status": 409, "error": orchestrator(2818, text)}))
        }
    };
    Ok(Some(Denied { how, reason: format!("no machine runs jobs of the folder `{}`", folder.path) }))
}
