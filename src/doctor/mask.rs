//! Takes secrets out of all that was found, before anybody sees it.

use super::{Answered, CallFinding, Cause, Findings, Probe, Reply, TokenState};
use crate::auth::Redactor;
use crate::uipath::{Address, Folder, Refusal, Trouble};

/// Masks every text.
pub(crate) fn findings(redactor: &Redactor, found: &mut Findings) {
    let hide = |text: &mut String| redactor.mask_in_place(text);
    for text in [&mut found.server, &mut found.identity, &mut found.target] {
        hide(text);
    }
    if let Some(it) = &mut found.address {
        address(it, &hide);
    }
    for fault in &mut found.faults {
        hide(&mut fault.message);
        hide(&mut fault.help);
    }
    found.lack.iter_mut().for_each(|it| trouble(it, &hide));
    found.token.place.iter_mut().for_each(&hide);
    found.token.remarks.iter_mut().for_each(&hide);
    match &mut found.token.state {
        TokenState::Missing(it) | TokenState::Damaged(it) => trouble(it, &hide),
        TokenState::Refused(it, said) => {
            trouble(it, &hide);
            said.iter_mut().for_each(|it| refusal(it, &hide));
        }
        TokenState::None | TokenState::Read(_) => {}
    }
    let own = [
        &mut found.version,
        &mut found.bare,
        &mut found.opening,
        &mut found.listing,
        &mut found.folders,
        &mut found.releases,
        &mut found.jobs,
        &mut found.record,
        &mut found.servers,
    ];
    own.into_iter().flatten().for_each(|it| probe(it, &hide));
    for (path, it) in &mut found.elsewhere {
        hide(path);
        probe(it, &hide);
    }
    found.tools.iter_mut().chain(&mut found.integration_service).for_each(&hide);
    found.servers_seen.iter_mut().for_each(&hide);
    for folder in &mut found.folders_seen {
        hide(&mut folder.key);
        hide(&mut folder.path);
    }
    if let Some(record) = &mut found.record_seen {
        record.integration_service.iter_mut().for_each(&hide);
    }
    if let Some(CallFinding { tool, probe: it, tool_error, unknown_arguments, missing_arguments }) =
        &mut found.call
    {
        hide(tool);
        probe(it, &hide);
        tool_error.iter_mut().chain(missing_arguments).for_each(&hide);
        for (name, near) in unknown_arguments {
            hide(name);
            near.iter_mut().for_each(&hide);
        }
    }
    found.not_asked.iter_mut().for_each(|it| hide(&mut it.why));
}

/// Masks what was concluded.
pub(crate) fn causes(redactor: &Redactor, causes: &mut [Cause]) {
    for Cause { message, evidence, next, .. } in causes {
        let texts = std::iter::once(message).chain(evidence).chain(next);
        texts.for_each(|text| redactor.mask_in_place(text));
    }
}

fn address(it: &mut Address, hide: &dyn Fn(&mut String)) {
    let folder = match &mut it.folder {
        Folder::Key(text) | Folder::Path(text) => text,
    };
    for text in [&mut it.base, &mut it.org, &mut it.tenant, folder, &mut it.slug] {
        hide(text);
    }
}

fn trouble(it: &mut Trouble, hide: &dyn Fn(&mut String)) {
    hide(&mut it.message);
    hide(&mut it.help);
}

fn refusal(it: &mut Refusal, hide: &dyn Fn(&mut String)) {
    [&mut it.message, &mut it.code, &mut it.trace_id].into_iter().flatten().for_each(hide);
}

fn probe(it: &mut Probe, hide: &dyn Fn(&mut String)) {
    hide(&mut it.asked);
    match &mut it.reply {
        Reply::Answered(answer) => answered(answer, hide),
        Reply::Broken { reason, .. } => hide(reason),
        Reply::Silent => {}
    }
}

fn answered(it: &mut Answered, hide: &dyn Fn(&mut String)) {
    hide(&mut it.media_type);
    it.refusal.iter_mut().for_each(|it| refusal(it, hide));
    it.error.iter_mut().for_each(|(_, message)| hide(message));
    let texts = [
        &mut it.location,
        &mut it.protocol,
        &mut it.deployment,
        &mut it.release,
        &mut it.server,
        &mut it.trace_id,
    ];
    texts.into_iter().flatten().chain(&mut it.wire).chain(&mut it.oddities).for_each(hide);
}
