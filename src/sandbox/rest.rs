//! The REST side of Orchestrator and AgentHub, as far as a diagnosis asks it: folders, processes, jobs, servers.

use std::borrow::Cow;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::gate::Asked;
use super::holder::{Access, Holder};
use super::refuse::{
    FOLDER_NEEDED, Refusal, by_status, forbidden, no_folder_key, not_found, refuse, unauthenticated,
};
use super::shop::Shop;
use super::tap::json_answer;
use super::world::{Folder, Organization, Permission, Server, Tenant, TokenKind};
use super::{address, tools};
use crate::knobs::{self, Knobs};

/// Folders, servers and jobs in one answer.
const MAX_TAKEN: usize = 1000;
const JOBS: &str = "orchestrator_/odata/Jobs";
const RELEASES: &str = "orchestrator_/odata/Releases";
const SERVERS: &str = "agenthub_/api/servers";
const OPERATION: &str = "UiPath.Server.Configuration.OData.";

/// One who asks, and where.
struct Visit<'a> {
    knobs: &'a Knobs,
    holder: &'a Holder,
    organization: &'a Organization,
    tenant: &'a Tenant,
    parts: &'a Parts,
}

/// What tells the deployment; it wants no token.
pub(super) fn version(knobs: &Knobs) -> Response<Body> {
    let body = json!({"version": "25.10.0", "deployment": knobs.get(&knobs::DEPLOYMENT)});
    json_answer(StatusCode::OK, &body)
}

/// The answer to a request below a tenant.
pub(super) fn answer(
    shop: &Shop,
    Asked { parts, world, holder }: Asked<'_>,
    (organization, tenant): (&str, &str),
    rest: &str,
) -> Result<Response<Body>, Refusal> {
    let knobs = &world.knobs;
    let holder = holder.map_err(|stranger| unauthenticated(knobs, stranger.reason))?;
    let (organization, tenant) =
        address::tenant(world, organization, tenant).map_err(|reason| unauthenticated(knobs, reason))?;
    if holder.organization != organization.name {
        let (label, own) = (&holder.label, &holder.organization);
        return Err(unauthenticated(knobs, format!("the token `{label}` is of the organization `{own}`")));
    }
    let visit = Visit { knobs, holder: &holder, organization, tenant, parts };
    let get = parts.method == Method::GET;
    if let Some(slug) = rest.strip_prefix(SERVERS).filter(|_| get) {
        return visit.servers(slug.strip_prefix('/'));
    }
    match rest {
        "orchestrator_/api/FoldersNavigation/GetFoldersForCurrentUser" if get => visit.own_folders(),
        "orchestrator_/odata/Folders" if get => visit.folders(),
        RELEASES if get => visit.releases(),
        JOBS if get => visit.jobs(shop),
        _ if get && operation(rest, RELEASES) == Some("ListReleases") => visit.releases(),
        _ if parts.method == Method::POST => match operation(rest, JOBS) {
            Some("StartJobs") => visit.start_job(Some(shop)),
            Some("ValidateDynamicJob") => visit.start_job(None),
            _ => Err(visit.nothing(rest)),
        },
        _ => Err(visit.nothing(rest)),
    }
}

fn operation<'a>(rest: &'a str, set: &str) -> Option<&'a str> {
    rest.strip_prefix(set)?.strip_prefix('/')?.strip_prefix(OPERATION)
}

impl<'a> Visit<'a> {
    fn own_folders(&self) -> Result<Response<Body>, Refusal> {
        let kind = self.holder.kind;
        let refused =
            kind == TokenKind::App || kind == TokenKind::Pat && self.knobs.is(&knobs::FOLDERS_FOR_PAT, "403");
        if refused {
            return Err(forbidden(self.knobs, "GetFoldersForCurrentUser is for users who logged in"));
        }
        let wanted = self.query("searchText").unwrap_or_default().to_lowercase();
        let own = self.tenant.folders.iter().filter(|folder| self.holder.is_assigned(folder));
        let found: Vec<_> = own.filter(|folder| folder.path.to_lowercase().contains(&wanted)).collect();
        let (skip, take) = self.page("skip", "take");
        let items: Vec<_> =
            found.iter().skip(skip).take(take).map(|folder| describe_folder(folder)).collect();
        Ok(json_answer(StatusCode::OK, &json!({"Count": found.len(), "PageItems": items})))
    }

    fn folders(&self) -> Result<Response<Body>, Refusal> {
        self.scope("OR.Folders", Access::Read)?;
        Ok(self.odata(self.tenant.folders.iter().map(describe_folder).collect()))
    }

    fn releases(&self) -> Result<Response<Body>, Refusal> {
        self.scope("OR.Execution", Access::Read)?;
        let folder = self.folder()?;
        self.permission(folder, Permission::ProcessesView)?;
        let servers = folder.servers.iter().filter(|server| server.kind.starts_jobs());
        let tools = servers.flat_map(|server| tools::of(server.catalog));
        let releases = tools.enumerate().map(|(number, tool)| {
            json!({"Id": number + 1, "Key": guid(folder, number), "Name": tool.tool.name, "ProcessType": "Process"})
        });
        Ok(self.odata(releases.collect()))
    }

    fn jobs(&self, shop: &Shop) -> Result<Response<Body>, Refusal> {
        self.scope("OR.Jobs", Access::Read)?;
        let folder = self.folder()?;
        self.permission(folder, Permission::JobsView)?;
        Ok(self.odata(shop.jobs.ids().into_iter().map(|id| json!({"Key": id})).collect()))
    }

    /// Starts one, or without a shop only says whether it could be started.
    fn start_job(&self, shop: Option<&Shop>) -> Result<Response<Body>, Refusal> {
        self.scope("OR.Jobs", Access::Write)?;
        let folder = self.folder()?;
        self.permission(folder, Permission::JobsCreate)?;
        if self.holder.is_unassigned_app(folder) {
            let reason = format!("the application `{}` is not assigned to the folder", self.holder.subject);
            return Err(refuse(self.knobs, StatusCode::BAD_REQUEST, FOLDER_NEEDED, reason));
        }
        let Some(shop) = shop else {
            return Ok(json_answer(StatusCode::OK, &json!({"IsValid": true, "Errors": []})));
        };
        let id = shop.jobs.start(0, 3, super::jobs::End::Successful);
        Ok(json_answer(StatusCode::CREATED, &json!({"value": [{"Key": id, "State": "Pending"}]})))
    }

    fn servers(&self, slug: Option<&str>) -> Result<Response<Body>, Refusal> {
        let Some(folder) = self.named_folder().transpose()? else {
            return Err(no_folder_key(self.knobs));
        };
        self.permission(folder, Permission::McpServersView)?;
        let Some(slug) = slug else {
            let all: Vec<_> = folder.servers.iter().map(|server| self.describe(folder, server)).collect();
            return Ok(json_answer(StatusCode::OK, &all.into()));
        };
        let found = folder.servers.iter().find(|server| server.slug == slug);
        let found = found.ok_or_else(|| not_found(self.knobs, format!("no server is named `{slug}`")))?;
        Ok(json_answer(StatusCode::OK, &self.describe(folder, found)))
    }

    fn describe(&self, folder: &Folder, server: &Server) -> Value {
        let host = self.parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (organization, tenant) = (&self.organization.name, &self.tenant.name);
        let (key, slug) = (&folder.key, &server.slug);
        json!({
            "id": guid(folder, folder.servers.iter().position(|it| it.slug == *slug).unwrap_or_default()),
            "name": slug,
            "slug": slug,
            "description": "",
            "version": "1.0.0",
            "isActive": server.active,
            "type": server.kind.number(),
            "status": u8::from(server.connected),
            "folderKey": key,
            "runtimesCount": u8::from(server.connected),
            "mcpUrl": format!("http://{host}/{organization}/{tenant}/agenthub_/mcp/{key}/{slug}"),
            "tools": tools::of(server.catalog).iter().map(|tool| json!({
                "mcpName": tool.tool.name,
                "type": if tool.is_activity() { "IntegrationService" } else { "Process" },
            })).collect::<Vec<_>>(),
        })
    }

    /// The folder that the request names.
    fn folder(&self) -> Result<&'a Folder, Refusal> {
        self.named_folder().unwrap_or_else(|| {
            let reason = "the request names no folder";
            Err(refuse(self.knobs, StatusCode::BAD_REQUEST, FOLDER_NEEDED, reason))
        })
    }

    fn named_folder(&self) -> Option<Result<&'a Folder, Refusal>> {
        let folders = &self.tenant.folders;
        let headers = &self.parts.headers;
        let (given, found) = if let Some(key) = header(headers, "x-uipath-folderkey") {
            (key, folders.iter().find(|folder| folder.key.eq_ignore_ascii_case(key)))
        } else if let Some(path) = header(headers, "x-uipath-folderpath") {
            (path, folders.iter().find(|folder| folder.path == path))
        } else {
            let id = header(headers, "x-uipath-organizationunitid")?;
            (id, folders.iter().find(|folder| folder.id.to_string() == id))
        };
        let app = self.holder.kind == TokenKind::App;
        let own = found.filter(|folder| app || self.holder.is_assigned(folder));
        Some(own.ok_or_else(|| {
            let status = match self.knobs.get(&knobs::BAD_FOLDER) {
                "403" => StatusCode::FORBIDDEN,
                "400" => StatusCode::BAD_REQUEST,
                _ => StatusCode::NOT_FOUND,
            };
            let message = "Folder does not exist or the user does not have access to the folder.";
            let reason = match found {
                Some(folder) => format!("`{}` has no role in `{}`", self.holder.subject, folder.path),
                None => format!("no folder is `{given}`"),
            };
            refuse(self.knobs, status, (1100, message), reason)
        }))
    }

    fn scope(&self, scope: &str, access: Access) -> Result<(), Refusal> {
        self.denied(self.holder.lacks_scope(scope, access))
    }

    fn permission(&self, folder: &Folder, permission: Permission) -> Result<(), Refusal> {
        self.denied(self.holder.lacks_permission(folder, permission))
    }

    fn denied(&self, reason: Option<String>) -> Result<(), Refusal> {
        let Some(reason) = reason else { return Ok(()) };
        let refusal = by_status(self.knobs, &knobs::REST_DENIED, &reason);
        Err(refusal.unwrap_or_else(|| forbidden(self.knobs, reason)))
    }

    fn nothing(&self, rest: &str) -> Refusal {
        not_found(self.knobs, format!("there is nothing at `{rest}` for a {}", self.parts.method))
    }

    fn odata(&self, all: Vec<Value>) -> Response<Body> {
        let (skip, take) = self.page("$skip", "$top");
        let value: Vec<_> = all.iter().skip(skip).take(take).collect();
        json_answer(StatusCode::OK, &json!({"@odata.count": all.len(), "value": value}))
    }

    fn page(&self, skip: &str, take: &str) -> (usize, usize) {
        let number = |name: &str| self.query(name).and_then(|text| text.parse().ok());
        (number(skip).unwrap_or_default(), number(take).unwrap_or(MAX_TAKEN).min(MAX_TAKEN))
    }

    fn query(&self, name: &str) -> Option<Cow<'a, str>> {
        let query = self.parts.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn describe_folder(folder: &Folder) -> Value {
    let name = folder.path.rsplit('/').next();
    json!({
        "Id": folder.id, "Key": folder.key, "DisplayName": name, "FullyQualifiedName": folder.path,
        "FolderType": "Standard",
    })
}

/// Something that is the same in each run.
fn guid(folder: &Folder, number: usize) -> String {
    format!("{:08x}-0000-4000-8000-{number:012x}", folder.id)
}
