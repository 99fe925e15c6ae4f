//! Whose token it is and what that lets them do: scopes of the token and roles in the folder, both of which are needed.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;

use super::world::{AUDIENCE, Account, Folder, Grant, Permission, TokenKind, World};

/// Somebody whose token is good.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) label: String,
    pub(super) kind: TokenKind,
    pub(super) subject: String,
    pub(super) organization: String,
    scopes: Vec<String>,
    grants: Vec<Grant>,
}

/// Somebody whose token is not.
#[derive(Clone, Debug)]
pub(super) struct Stranger {
    /// What the log calls the token.
    pub(super) label: String,
    pub(super) reason: String,
}

/// What a scope lets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Access {
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => ".Read",
            Self::Write => ".Write",
        }
    }
}

/// Who sends these headers.
pub(super) fn identify(world: &World, headers: &HeaderMap, now: Timestamp) -> Result<Holder, Stranger> {
    let unknown = |reason: &str| Stranger { label: "unknown".to_owned(), reason: reason.to_owned() };
    let header = headers.get(AUTHORIZATION).ok_or_else(|| unknown("no token"))?;
    let (scheme, value) = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(|| unknown("no bearer token"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown("no bearer token"));
    }
    let value = value.trim();
    let token =
        world.tokens.iter().find(|token| token.value == value).ok_or_else(|| unknown("unknown token"))?;
    let refused = |reason: String| Stranger { label: token.label.clone(), reason };
    let name = &token.label;
    if token.revoked {
        return Err(refused(format!("the token `{name}` was revoked")));
    }
    if let Some(end) = token.expires.filter(|end| *end <= now) {
        return Err(refused(format!("the token `{name}` expired at {end}")));
    }
    if token.audience != AUDIENCE {
        let audience = &token.audience;
        return Err(refused(format!("the token `{name}` is for `{audience}`, not for `{AUDIENCE}`")));
    }
    let (organization, grants) = if token.kind == TokenKind::App {
        let app = world.apps.iter().find(|app| app.id == token.subject);
        let app = app.ok_or_else(|| refused(format!("the application of token `{name}` is gone")))?;
        (&app.organization, &app.grants)
    } else {
        let subject = &token.subject;
        let user = world.users.iter().find(|user| user.name == *subject);
        let user = user.ok_or_else(|| refused(format!("the user `{subject}` is gone")))?;
        if !user.active {
            return Err(refused(format!("the user `{subject}` is deactivated")));
        }
        if token.kind == TokenKind::Pat && user.account != Account::Local {
            return Err(refused(format!("the user `{subject}` is not a local one, so it has no PAT")));
        }
        (&user.organization, &user.grants)
    };
    Ok(Holder {
        label: name.clone(),
        kind: token.kind,
        subject: token.subject.clone(),
        organization: organization.clone(),
        scopes: token.scopes.clone(),
        grants: grants.clone(),
    })
}

impl Holder {
    /// Why the token's scopes do not suffice, if they don't.
    pub(super) fn lacks_scope(&self, scope: &str, access: Access) -> Option<String> {
        let good = |held: &String| match held.strip_prefix(scope) {
            Some(rest) => rest.is_empty() || rest == access.as_str(),
            None => held == "OR.Default" && self.kind != TokenKind::Pat,
        };
        (!self.scopes.iter().any(good))
            .then(|| format!("the token `{}` lacks the scope `{scope}`", self.label))
    }

    /// Why the roles in a folder do not suffice, if they don't.
    pub(super) fn lacks_permission(&self, folder: &Folder, permission: Permission) -> Option<String> {
        // Without `OR.Default` an application is held to its scopes alone, in the whole tenant.
        let tenant_wide = self.kind == TokenKind::App && !self.has_default();
        let mut roles = self.grants.iter().filter(|grant| grant.folder == folder.key);
        let permitted = tenant_wide || roles.any(|grant| grant.role.permits(permission));
        let (who, what, path) = (&self.subject, permission.as_str(), &folder.path);
        (!permitted).then(|| format!("`{who}` lacks `{what}` in the folder `{path}`"))
    }

    /// Whether it has any role in a folder.
    pub(super) fn is_assigned(&self, folder: &Folder) -> bool {
        self.grants.iter().any(|grant| grant.folder == folder.key)
    }

    /// Whether it is an application that can start no job in a folder for want of being assigned to it.
    pub(super) fn is_unassigned_app(&self, folder: &Folder) -> bool {
        self.kind == TokenKind::App && !self.has_default() && !self.is_assigned(folder)
    }

    fn has_default(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "OR.Default")
    }
}
