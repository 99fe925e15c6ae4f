//! What was found and concluded, as JSON: the names that `callsheet doctor --format json` and the event of a run promise
//! to keep.

use serde_json::{Map, Value, json};

use super::{
    Answered, Break, Cause, Certainty, Diagnosis, Findings, Probe, Reply, Step, TokenLook, TokenState, Weight,
};
use crate::uipath::{Folder, Refusal, Trouble};

/// One object.
#[must_use]
pub fn object(diagnosis: &Diagnosis) -> Value {
    let Diagnosis { found, causes } = diagnosis;
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| {
        let is_empty = value.as_array().is_some_and(Vec::is_empty) || value.is_null();
        if !is_empty {
            object.insert(name.to_owned(), value);
        }
    };
    put("server", found.server.as_str().into());
    put("identity", found.identity.as_str().into());
    put("target", found.target.as_str().into());
    put("uipath", found.is_uipath.into());
    put("good", diagnosis.is_good().into());
    put(
        "address",
        found.address.as_ref().map_or(Value::Null, |address| {
            let (key, folder) = match &address.folder {
                Folder::Key(key) => ("folder_key", key),
                Folder::Path(path) => ("folder_path", path),
            };
            json!({
                "base": address.base, "organization": address.org, "tenant": address.tenant, key: folder,
                "slug": address.slug,
            })
        }),
    );
    let faults = found.faults.iter().map(|fault| {
        json!({
            "part": fault.part.key().unwrap_or("address"), "fatal": fault.fatal, "message": fault.message,
            "help": fault.help,
        })
    });
    put("faults", faults.collect());
    put("lack", found.lack.as_ref().map_or(Value::Null, trouble));
    put("token", token(found));
    let differences = found.differences.iter();
    put("differences", differences.map(|it| json!({"variable": it.variable, "file": it.file})).collect());
    put("network", found.network.iter().map(|name| Value::from(name.as_str())).collect());
    put("probes", probes(found));
    let texts = |texts: &[String]| texts.iter().map(|text| Value::from(text.as_str())).collect::<Value>();
    put("tools", texts(&found.tools));
    put("integration_service", texts(&found.integration_service));
    let folders = found.folders_seen.iter().map(|folder| json!({"key": folder.key, "path": folder.path}));
    put("folders", folders.collect());
    put(
        "record",
        found.record_seen.as_ref().map_or(Value::Null, |record| {
            json!({
                "type": record.kind, "status": record.status, "active": record.is_active,
                "integration_service": record.integration_service,
            })
        }),
    );
    put("servers", texts(&found.servers_seen));
    put("call", found.call.as_ref().map_or(Value::Null, |call| {
        let unknown = call.unknown_arguments.iter();
        json!({
            "tool": call.tool,
            "tool_error": call.tool_error,
            "unknown_arguments": unknown.map(|(name, near)| json!({"name": name, "nearest": near})).collect::<Value>(),
            "missing_arguments": call.missing_arguments,
        })
    }));
    let not = found.not_asked.iter().map(|it| json!({"probe": it.step.code(), "why": it.why}));
    put("not_asked", not.collect());
    let causes: Value = causes.iter().map(cause).collect();
    object.insert("causes".to_owned(), causes);
    Value::Object(object)
}

fn trouble(it: &Trouble) -> Value {
    json!({"message": it.message, "help": it.help})
}

fn token(found: &Findings) -> Value {
    let token = &found.token;
    let (state, detail) = match &token.state {
        TokenState::None => ("none", Value::Null),
        TokenState::Missing(it) => ("missing", trouble(it)),
        TokenState::Damaged(it) => ("damaged", trouble(it)),
        TokenState::Refused(it, _) => ("refused", trouble(it)),
        TokenState::Read(_) => ("read", Value::Null),
    };
    let mut object = Map::new();
    object.insert("state".to_owned(), state.into());
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            object.insert(name.to_owned(), value);
        }
    };
    put("from", token.place.clone().map(Value::from));
    if let TokenState::Read(look) = &token.state {
        let (word, ends) = match look {
            TokenLook::Pat => ("pat", None),
            TokenLook::Jwt(jwt) => ("jwt", jwt.expires),
            TokenLook::App => ("app", None),
            TokenLook::Opaque => ("opaque", None),
        };
        put("look", Some(word.into()));
        put("ends_at", ends.map(|at| at.to_string().into()));
    }
    put("trouble", Some(detail));
    if let TokenState::Refused(_, Some(it)) = &token.state {
        put("refusal", Some(refusal(it)));
    }
    put("expires", token.expires.map(|day| day.to_string().into()));
    put("unused", (!token.unused.is_empty()).then(|| token.unused.clone().into()));
    put("remarks", (!token.remarks.is_empty()).then(|| token.remarks.clone().into()));
    Value::Object(object)
}

fn probes(found: &Findings) -> Value {
    let own = Step::ALL.iter().filter(|step| **step != Step::Elsewhere);
    let own = own.filter_map(|step| Some((*step, None, found.probe(*step)?)));
    let elsewhere = found.elsewhere.iter().map(|(path, it)| (Step::Elsewhere, Some(path.as_str()), it));
    own.chain(elsewhere).map(|(step, folder, it)| probe(step, folder, it)).collect()
}

fn probe(step: Step, folder: Option<&str>, probe: &Probe) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    put("probe", Some(step.code().into()));
    put("folder", folder.map(Value::from));
    put("asked", Some(probe.asked.as_str().into()));
    put("good", Some(probe.is_good().into()));
    let outcome = match &probe.reply {
        Reply::Answered(_) => "answered",
        Reply::Silent => "silent",
        Reply::Broken { .. } => "broken",
    };
    put("outcome", Some(outcome.into()));
    put("took", Some(probe.took.as_secs_f64().into()));
    match &probe.reply {
        Reply::Answered(it) => answered(it, &mut put),
        Reply::Broken { how, reason } => {
            let how = match how {
                Break::Name => "name",
                Break::Refused => "refused",
                Break::Tls => "tls",
                Break::Proxy => "proxy",
                Break::Start => "start",
                Break::Other => "other",
            };
            put("how", Some(how.into()));
            put("reason", Some(reason.as_str().into()));
        }
        Reply::Silent => {}
    }
    Value::Object(object)
}

fn answered(it: &Answered, put: &mut dyn FnMut(&str, Option<Value>)) {
    let text = |text: &Option<String>| text.clone().map(Value::from);
    let list = |items: Vec<Value>| (!items.is_empty()).then_some(Value::Array(items));
    let texts = |items: &[String]| list(items.iter().map(|item| item.as_str().into()).collect());
    put("status", it.status.map(Value::from));
    put("media_type", (!it.media_type.is_empty()).then(|| it.media_type.as_str().into()));
    put("location", text(&it.location));
    put("refusal", it.refusal.as_ref().map(refusal));
    put("error", it.error.as_ref().map(|(code, message)| json!({"code": code, "message": message})));
    put("retry_after", it.retry_after.map(|wait| wait.as_secs_f64().into()));
    put("protocol", text(&it.protocol));
    put("server", text(&it.server));
    put("deployment", text(&it.deployment));
    put("release", text(&it.release));
    put("wire", texts(&it.wire));
    put("oddities", texts(&it.oddities));
    put("repairs", list(it.repairs.iter().map(|word| Value::from(*word)).collect()));
    put("trace_id", text(&it.trace_id));
}

fn refusal(it: &Refusal) -> Value {
    json!({"message": it.message, "code": it.code, "trace_id": it.trace_id})
}

fn cause(it: &Cause) -> Value {
    json!({
        "row": it.row.code(),
        "number": it.row.number(),
        "weight": match it.weight {
            Weight::Problem => "problem",
            Weight::Warning => "warning",
            Weight::Note => "note",
        },
        "certainty": match it.certainty {
            Certainty::Certain => "certain",
            Certainty::Likely => "likely",
            Certainty::Possible => "possible",
        },
        "message": it.message,
        "evidence": it.evidence,
        "next": it.next,
    })
}
