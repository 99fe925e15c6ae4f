//! Which of the sandbox's things a path means.

use super::world::{Folder, Organization, Server, Tenant, World};

/// What a path means, before it is known whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// An MCP server.
    Mcp { organization: &'a str, tenant: &'a str, folder: &'a str, slug: &'a str },
    /// One without a folder.
    NoFolder,
    /// The prefix of before June 2025.
    OldPrefix,
    /// Orchestrator's and AgentHub's REST interface: what comes after the tenant.
    Rest { organization: &'a str, tenant: &'a str, rest: &'a str },
    /// The version of the deployment.
    Version,
    /// Where applications get their tokens.
    Token,
    /// Nothing.
    Nowhere,
}

/// What a path means.
pub(super) fn route(path: &str) -> Route<'_> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.ends_with("/orchestrator_/api/status/version") {
        return Route::Version;
    }
    if path.ends_with("/identity_/connect/token") {
        return Route::Token;
    }
    let mut parts = path.splitn(4, '/').skip(1);
    let (Some(organization), Some(tenant), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Route::Nowhere;
    };
    if rest.starts_with("orchestrator_/") || rest == "agenthub_/api/servers" {
        return Route::Rest { organization, tenant, rest };
    }
    let segments: Vec<_> = rest.split('/').collect();
    match segments.as_slice() {
        ["agenthub_", "mcp", folder, slug] => Route::Mcp { organization, tenant, folder, slug },
        ["agenthub_", "mcp", _] => Route::NoFolder,
        ["agenthub_", "api", "servers", _] => Route::Rest { organization, tenant, rest },
        ["mcp_", "mcp", ..] => Route::OldPrefix,
        _ => Route::Nowhere,
    }
}

/// The tenant of an address, or why there is none.
pub(super) fn tenant<'a>(
    world: &'a World,
    organization: &str,
    tenant: &str,
) -> Result<(&'a Organization, &'a Tenant), String> {
    let found = world
        .organizations
        .iter()
        .find(|it| it.name == organization || it.id.eq_ignore_ascii_case(organization))
        .ok_or_else(|| {
            missing("organization", organization, world.organizations.iter().map(|it| it.name.as_str()))
        })?;
    let tenants = &found.tenants;
    let in_it = tenants.iter().find(|it| it.name == tenant);
    let in_it = in_it.ok_or_else(|| missing("tenant", tenant, tenants.iter().map(|it| it.name.as_str())))?;
    Ok((found, in_it))
}

/// A server in a tenant, or why there is none.
pub(super) fn server<'a>(
    tenant: &'a Tenant,
    folder: &str,
    slug: &str,
) -> Result<(&'a Folder, &'a Server), String> {
    let folders = &tenant.folders;
    let found = folders.iter().find(|it| it.key.eq_ignore_ascii_case(folder));
    let found = found.ok_or_else(|| missing("folder", folder, folders.iter().map(|it| it.key.as_str())))?;
    let servers = &found.servers;
    let server = servers.iter().find(|it| it.slug == slug);
    let server = server.ok_or_else(|| missing("server", slug, servers.iter().map(|it| it.slug.as_str())))?;
    if !server.active {
        return Err(format!("the server `{slug}` is not active"));
    }
    Ok((found, server))
}

fn missing<'a>(what: &str, given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
    let there = match (known.pop(), known.is_empty()) {
        (None, _) => "none".to_owned(),
        (Some(only), true) => format!("is {only}"),
        (Some(last), false) => format!("are {} and {last}", known.join(", ")),
    };
    format!("no {what} is named `{given}`; there {there}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_one_thing() {
        let mcp = Route::Mcp { organization: "o", tenant: "t", folder: "f", slug: "s" };
        for (path, expected) in [
            ("/o/t/agenthub_/mcp/f/s", mcp),
            ("/o/t/agenthub_/mcp/f/s/", mcp),
            ("/o/t/agenthub_/mcp/s", Route::NoFolder),
            ("/o/t/mcp_/mcp/s", Route::OldPrefix),
            ("/o/t/mcp_/mcp/f/s/sse", Route::OldPrefix),
            ("/orchestrator_/api/status/version", Route::Version),
            ("/o/t/orchestrator_/api/status/version", Route::Version),
            ("/identity_/connect/token", Route::Token),
            (
                "/o/t/agenthub_/api/servers",
                Route::Rest { organization: "o", tenant: "t", rest: "agenthub_/api/servers" },
            ),
            (
                "/o/t/orchestrator_/odata/Jobs",
                Route::Rest { organization: "o", tenant: "t", rest: "orchestrator_/odata/Jobs" },
            ),
            ("/o/t/agenthub_/mcp/f/s/x", Route::Nowhere),
            ("/o/t", Route::Nowhere),
            ("/", Route::Nowhere),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }
}
