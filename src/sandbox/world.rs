//! The state of a sandbox as plain data: who there is, what they may do, which servers there are and how these are. A
//! test changes it as it likes; each request sees it as it was when it came. What the tools work on is `shop`'s.

use jiff::Timestamp;

use super::{AUDITOR_TOKEN, FINANCE_KEY, FOLDER_KEY, INTERACTIVE_TOKEN, ORGANIZATION, OWNER_TOKEN, TENANT};
use crate::knobs::Knobs;

/// The audience of a token that Orchestrator takes.
pub const AUDIENCE: &str = "UiPath.Orchestrator";

/// Everything that decides what a request is answered, but what the tools work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// What is left open.
    pub knobs: Knobs,
    /// The organizations.
    pub organizations: Vec<Organization>,
    /// The users, of all organizations.
    pub users: Vec<User>,
    /// The external applications.
    pub apps: Vec<App>,
    /// The tokens that were given out.
    pub tokens: Vec<Token>,
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its name in addresses.
    pub name: String,
    /// Its GUID, which stands for the name.
    pub id: String,
    /// Its tenants.
    pub tenants: Vec<Tenant>,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name in addresses.
    pub name: String,
    /// Its folders.
    pub folders: Vec<Folder>,
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its key, a GUID.
    pub key: String,
    /// Its number.
    pub id: u64,
    /// Its path, `Shared/Finance`.
    pub path: String,
    /// Whether it has a machine that jobs run on.
    pub machine: bool,
    /// Its servers.
    pub servers: Vec<Server>,
}

/// An MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The last part of its address.
    pub slug: String,
    /// Its type.
    pub kind: ServerKind,
    /// What it offers.
    pub catalog: Catalog,
    /// Whether it takes GET, which UiPath's don't.
    pub streams: bool,
    /// Whether it is switched on.
    pub active: bool,
    /// Whether its process is there; of interest for [`ServerKind::SelfHosted`].
    pub connected: bool,
    /// The tools that are switched off.
    pub disabled: Vec<String>,
    /// What goes wrong with it, in the words of `x-sandbox-fault`; empty for nothing.
    pub fault: String,
}

/// The type of a server, in the order of UiPath's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// Its tools are processes.
    UiPath,
    /// A package that a command starts.
    Command,
    /// Code of one's own.
    Coded,
    /// A process on one's own machine.
    SelfHosted,
    /// A server elsewhere.
    Remote,
    /// The assistant's.
    ProcessAssistant,
    /// UiPath's own.
    Platform,
    /// From a description of an API.
    Swagger,
}

/// What a server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Catalog {
    /// The orders of a shop.
    Orders,
    /// Their next version, which breaks its clients.
    OrdersNext,
    /// Activities of the Integration Service beside a process.
    Connectors,
    /// Tools that write Markdown.
    Assistant,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its organization.
    pub organization: String,
    /// Whether it may log in.
    pub active: bool,
    /// What it is.
    pub account: Account,
    /// Its roles.
    pub grants: Vec<Grant>,
}

/// What a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// A person who logs in here: the only one who can make a PAT.
    Local,
    /// A person of a directory.
    Directory,
    /// A robot.
    Robot,
}

/// A role in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The folder's key.
    pub folder: String,
    /// The role.
    pub role: Role,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// `Automation User`.
    AutomationUser,
    /// `Automation Developer`.
    AutomationDeveloper,
    /// `Folder Administrator`.
    FolderAdministrator,
    /// One of one's own.
    Custom(Vec<Permission>),
}

/// What a role permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `MCPServers.View`.
    McpServersView,
    /// `Processes.View`.
    ProcessesView,
    /// `Jobs.View`.
    JobsView,
    /// `Jobs.Create`.
    JobsCreate,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What the log calls it.
    pub label: String,
    /// Itself.
    pub value: String,
    /// What it is.
    pub kind: TokenKind,
    /// Whose it is: a user's name, or an application's id.
    pub subject: String,
    /// What it is good for: `OR.Execution`, `OR.Jobs.Read`.
    pub scopes: Vec<String>,
    /// Whom it was made for.
    pub audience: String,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A personal access token.
    Pat,
    /// That of somebody who logged in.
    Interactive,
    /// An external application's.
    App,
}

/// An external application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its client id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// Its organization.
    pub organization: String,
    /// The scopes that it may ask for.
    pub scopes: Vec<String>,
    /// The folders that it is assigned to.
    pub grants: Vec<Grant>,
    /// Whether these are a machine's credentials, which are none of an application.
    pub machine: bool,
}

impl ServerKind {
    /// UiPath's number of it.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Whether it speaks with an `initialize` only.
    pub(super) fn by_handshake(self) -> bool {
        matches!(self, Self::Coded | Self::Command | Self::Remote | Self::SelfHosted)
    }

    /// Whether each of its calls starts a job.
    pub(super) fn starts_jobs(self) -> bool {
        matches!(self, Self::UiPath | Self::Coded | Self::Command)
    }

    /// Whether a job has to be started before it answers.
    pub(super) fn starts_cold(self) -> bool {
        matches!(self, Self::Coded | Self::Command)
    }
}

impl Permission {
    /// As UiPath writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::McpServersView => "MCPServers.View",
            Self::ProcessesView => "Processes.View",
            Self::JobsView => "Jobs.View",
            Self::JobsCreate => "Jobs.Create",
        }
    }
}

impl Role {
    /// Whether it permits that. The roles that UiPath has permit all that is known here.
    #[must_use]
    pub fn permits(&self, permission: Permission) -> bool {
        match self {
            Self::Custom(permissions) => permissions.contains(&permission),
            Self::AutomationUser | Self::AutomationDeveloper | Self::FolderAdministrator => true,
        }
    }
}

impl Server {
    /// One that is well.
    #[must_use]
    pub fn new(slug: &str, kind: ServerKind, catalog: Catalog) -> Self {
        Self {
            slug: slug.to_owned(),
            kind,
            catalog,
            streams: false,
            active: true,
            connected: true,
            disabled: Vec::new(),
            fault: String::new(),
        }
    }
}

impl Token {
    /// A personal access token of a user, which does not end.
    #[must_use]
    pub fn pat(label: &str, value: &str, user: &str, scopes: &[&str]) -> Self {
        Self {
            label: label.to_owned(),
            value: value.to_owned(),
            kind: TokenKind::Pat,
            subject: user.to_owned(),
            scopes: owned(scopes),
            audience: AUDIENCE.to_owned(),
            expires: None,
            revoked: false,
        }
    }
}

impl Default for World {
    /// The organization `acme`, where everything is well.
    fn default() -> Self {
        let shared = vec![
            Server::new("orders", ServerKind::UiPath, Catalog::Orders),
            Server { streams: true, ..Server::new("lab", ServerKind::UiPath, Catalog::Orders) },
            Server::new("orders-next", ServerKind::UiPath, Catalog::OrdersNext),
            Server::new("connectors", ServerKind::UiPath, Catalog::Connectors),
            Server::new("assistant", ServerKind::Coded, Catalog::Assistant),
            Server::new("desktop", ServerKind::SelfHosted, Catalog::Assistant),
        ];
        let finance = vec![Server::new("invoice-tools", ServerKind::UiPath, Catalog::Orders)];
        let folder = |key: &str, id, path: &str, servers| Folder {
            key: key.to_owned(),
            id,
            path: path.to_owned(),
            machine: true,
            servers,
        };
        let folders =
            vec![folder(FOLDER_KEY, 1, "Shared", shared), folder(FINANCE_KEY, 2, "Finance", finance)];
        let grant = |folder: &str, role| Grant { folder: folder.to_owned(), role };
        let user = |name: &str, grants| User {
            name: name.to_owned(),
            organization: ORGANIZATION.to_owned(),
            active: true,
            account: Account::Local,
            grants,
        };
        let app = |id: &str, secret: &str, machine| App {
            id: id.to_owned(),
            secret: secret.to_owned(),
            organization: ORGANIZATION.to_owned(),
            scopes: owned(&["OR.Default", "OR.Execution", "OR.Jobs"]),
            grants: vec![grant(FOLDER_KEY, Role::AutomationUser)],
            machine,
        };
        let both =
            vec![grant(FOLDER_KEY, Role::FolderAdministrator), grant(FINANCE_KEY, Role::FolderAdministrator)];
        let interactive = Token {
            kind: TokenKind::Interactive,
            ..Token::pat("interactive", INTERACTIVE_TOKEN, "ada", &["OR.Default"])
        };
        Self {
            knobs: Knobs::default(),
            organizations: vec![Organization {
                name: ORGANIZATION.to_owned(),
                id: "0ac3e000-0000-4000-8000-0000000acedb".to_owned(),
                tenants: vec![Tenant { name: TENANT.to_owned(), folders }],
            }],
            users: vec![user("ada", both), user("audrey", vec![grant(FOLDER_KEY, Role::AutomationUser)])],
            apps: vec![
                app("app-orders", "app-orders-secret", false),
                app("machine-orders", "machine-orders-secret", true),
            ],
            tokens: vec![
                Token::pat("owner", OWNER_TOKEN, "ada", &["OR.Execution", "OR.Jobs"]),
                Token::pat("auditor", AUDITOR_TOKEN, "audrey", &["OR.Execution"]),
                interactive,
            ],
        }
    }
}

impl World {
    /// The same with other knobs.
    #[must_use]
    pub fn with(knobs: Knobs) -> Self {
        Self { knobs, ..Self::default() }
    }

    /// The first folder with a server of a slug.
    #[must_use]
    pub fn folder_with(&self, slug: &str) -> Option<&Folder> {
        let tenants = self.organizations.iter().flat_map(|it| it.tenants.iter());
        let has = |folder: &&Folder| folder.servers.iter().any(|server| server.slug == slug);
        tenants.flat_map(|tenant| tenant.folders.iter()).find(has)
    }

    /// Every folder, to change it.
    pub fn folders_mut(&mut self) -> impl Iterator<Item = &mut Folder> {
        let tenants = self.organizations.iter_mut().flat_map(|it| it.tenants.iter_mut());
        tenants.flat_map(|tenant| tenant.folders.iter_mut())
    }

    /// The first server of a slug, to change it.
    pub fn server_mut(&mut self, slug: &str) -> Option<&mut Server> {
        self.folders_mut().flat_map(|folder| folder.servers.iter_mut()).find(|server| server.slug == slug)
    }

    /// The token that the log calls so, to change it.
    pub fn token_mut(&mut self, label: &str) -> Option<&mut Token> {
        self.tokens.iter_mut().find(|token| token.label == label)
    }

    /// The user of a name, to change it.
    pub fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.name == name)
    }

    pub(super) fn is_virtual(&self) -> bool {
        self.knobs.is(&crate::knobs::CLOCK, "virtual")
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
