use std::path::Path;
use std::time::Duration;

use super::*;
use crate::auth::{App, Credential, Environment};
use crate::model::{Server, Setting, Suite, Target, Tls, suite_of_url};
use crate::uipath::{Folder, Written};

/// The problems of a suite whose one server, `a`, has this entry.
fn server(entry: &str) -> Vec<Diagnostic> {
    suite_of(&format!("servers: {{a: {entry}}}")).1
}

#[test]
fn a_whole_suite_is_read() {
    let (suite, problems) = suite_of(
        r#"
default: orders
servers:
  orders:
    uipath: {org: acme, tenant: Default, folderKey: 6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab, slug: orders}
    identities: {auditor: {pat: {file: tokens/auditor}}, other: {pat: {command: [pass, show, pat]}}}
    limits: {concurrency: 4, rate: 30/m}
    timeouts: {connect: 1s, start: 2s, step: 3s}
    checks: {wire: ignore}
  local: {url: "http://127.0.0.1:3001/mcp", headers: {X-Env: test}, auth: {pat: {env: LOCAL}}}
  open: {url: "http://example.com/", insecure: true}
scenarios: scenarios/**/*.yaml
env: [CUSTOMER_ID]
secrets: [WEBHOOK_KEY]
vars: {currency: EUR}
checks: {output_schema: warn}
"#,
    );
    assert_told(&problems, &[]);
    let suite = suite.unwrap();
    assert_eq!(suite.server_for(None).unwrap().name.value, "orders");
    assert_eq!(suite.scenarios[0].value, "scenarios/**/*.yaml");
    assert_eq!(suite.env[0].value, "CUSTOMER_ID");
    assert_eq!(suite.secrets[0].at.as_str(), "/secrets/0");
    assert_eq!((suite.vars[0].value.as_str(), suite.vars[0].at.as_str()), ("currency", "/vars/currency"));
    let [orders, local, open] = suite.servers.as_slice() else { panic!("{:?}", suite.servers) };
    let Target::Uipath(written) = &orders.target else { panic!("{:?}", orders.target) };
    assert_eq!(
        written.fill(&Environment::default()).unwrap().url().unwrap().as_str(),
        "https://cloud.uipath.com/acme/Default/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders"
    );
    assert_eq!(orders.at().as_str(), "/servers/orders");
    assert_eq!(
        orders.credential("default"),
        Some(&Credential::FirstOf(&["UIPATH_ACCESS_TOKEN", "UIPATH_PAT"]))
    );
    assert_eq!(
        orders.credential("auditor"),
        Some(&Credential::File(Path::new("suite").join("tokens/auditor")))
    );
    let command = ["pass", "show", "pat"].map(str::to_owned).to_vec();
    assert_eq!(orders.credential("other"), Some(&Credential::Command(command)));
    assert_eq!(orders.credential("anonymous"), None);
    assert_eq!(orders.identity_names().collect::<Vec<_>>(), ["default", "anonymous", "auditor", "other"]);
    assert_eq!((orders.limits.concurrency, orders.limits.rate), (Some(4), Some(0.5)));
    assert_eq!(orders.timeouts.connect, Some(Duration::from_secs(1)));
    assert_eq!(orders.timeouts.start, Some(Duration::from_secs(2)));
    assert_eq!(orders.timeouts.step, Some(Duration::from_secs(3)));
    assert_eq!(local.headers, [("X-Env".to_owned(), "test".to_owned())]);
    assert_eq!(local.auth, Some(Credential::Env("LOCAL".into())));
    assert!(open.insecure && open.auth.is_none());
}

#[test]
#[cfg(feature = "sandbox")]
fn the_sandbox_brings_its_tokens() {
    let (suite, problems) =
        suite_of("servers: {a: {sandbox: uipath}, b: {sandbox: {profile: uipath, slug: other}}}");
    assert_told(&problems, &[]);
    let suite = suite.unwrap();
    assert_eq!(
        suite.servers[0].target,
        Target::Sandbox { slug: "orders".into(), knobs: crate::knobs::Knobs::default() }
    );
    assert_eq!(
        suite.servers[1].target,
        Target::Sandbox { slug: "other".into(), knobs: crate::knobs::Knobs::default() }
    );
    for (identity, token) in
        [("default", crate::sandbox::OWNER_TOKEN), ("auditor", crate::sandbox::AUDITOR_TOKEN)]
    {
        let Some(Credential::Own(secret, _)) = suite.servers[0].credential(identity) else {
            panic!("{identity}")
        };
        assert_eq!(secret.reveal(), token);
    }
}

#[test]
fn a_literal_token_is_refused_and_never_shown() {
    const TOLD: &str = "a token cannot be written into a suite (whoever reads the file has the token) \
        | note: a token that was committed is known: revoke it and make a new one \
        | help: write where it is: `auth: {pat: {env: NAME}}`, `{pat: {file: PATH}}` or `{pat: {command: [..]}}`";
    for (entry, token) in [
        ("{pat: rt_abc}", "rt_abc"),
        ("rt_abcde", "rt_abcde"),
        ("{pat: {env: rt_abc-def}}", "rt_abc-def"),
        ("{pat: {env: rt_5A4E0B0C0DE0F00D0C0FFEE0ACE0BA5E}}", "rt_5A4E0B0C0DE0F00D0C0FFEE0ACE0BA5E"),
        ("{pat: {file: rt_5A4E0B0C0DE0F00D0C0FFEE}}", "rt_5A4E0B0C0DE0F00D0C0FFEE"),
        ("{pat: {command: [echo, rt_5A4E0B0C0DE0F00D0C0FFEE]}}", "rt_5A4E0B0C0DE0F00D0C0FFEE"),
    ] {
        let text = format!("servers: {{a: {{url: 'https://h/', auth: {entry}}}}}\n");
        let column = text.find(token).unwrap() + 1;
        let (suite, problems) = suite_of(&text);
        let stars = problems[0].site().map(|site| site.file.slice(site.span).to_owned()).unwrap();
        assert!(stars.chars().all(|c| c == '*') && stars.len() == token.len(), "{stars}");
        assert_told(&problems, &[&format!("1:{column} literal-secret [{stars}] {TOLD}")]);
        let suite = suite.unwrap();
        assert!(!suite.document.unwrap().file.text().contains("rt_"));
    }
}

#[test]
fn no_problem_repeats_a_token() {
    const TOKEN: &str = "rt_5A4E0B0C0DE0F00D0C0FFEE0ACE0BA5E";
    for entry in [
        format!("{{url: 'https://h/', auth: {{pat: {{command: {TOKEN}}}}}}}"),
        format!("{{command: npx --token {TOKEN}}}"),
        format!("{{command: Bearer {TOKEN}}}"),
        format!("{{sandbox: {TOKEN}}}"),
        TOKEN.to_owned(),
    ] {
        let problems = server(&entry);
        assert!(!problems.is_empty(), "{entry}");
        assert!(!format!("{problems:?}").contains(TOKEN), "{entry}: {problems:?}");
    }
    for entry in [format!("{{command: [x, --token={TOKEN}]}}"), format!("{{command: [sh, -c, 'x {TOKEN}']}}")]
    {
        assert_eq!(server(&entry)[0].code.as_str(), "literal-secret", "{entry}");
    }
}

#[test]
fn a_token_under_a_wrong_key_is_masked_too() {
    let (_, problems) = suite_of(
        "servers:\n  a: {url: 'https://h/', auth: {token: hunter2}}\n  b: {url: 'https://h/', headers: {AUTHORIZATION: Bearer hunter2}}\nx: hunter2\n",
    );
    assert_told(
        &problems,
        &[
            "2:33 unknown-key [token] unknown key `token` in a credential | help: a credential takes `pat`, `app` and `expires`",
            "2:33 missing-key [token] a credential needs one of `pat` and `app` | help: add one of them",
            "3:36 literal-secret [AUTHORIZATION] `Authorization` cannot be written among the headers \
             | help: say where the token is: `auth: {pat: {env: NAME}}`",
            "4:1 unknown-key [x] unknown key `x` in a suite | help: a suite takes `default`, `servers`, `scenarios`, `sets`, `env`, \
             `secrets`, `vars` and `checks`",
        ],
    );
    for problem in &problems {
        assert!(!problem.site().unwrap().file.text().contains("hunter2"));
    }
}

#[test]
fn an_address_is_judged() {
    assert_told(
        &server("{url: 'http://example.com/mcp'}"),
        &[
            "1:20 bad-address ['http://example.com/mcp'] a token would be sent over plain http to another machine \
           | help: write `https://`, or `insecure: true` beside the address if anyone on the way may read it",
        ],
    );
    let problems = server("{url: 'https://me:hunter2@example.com/mcp'}");
    assert_told(
        &problems,
        &[
            "1:20 bad-address [************************************] an address cannot carry a user name or a password \
           | help: take it out, and say where the token is: `auth: {pat: {env: NAME}}`",
        ],
    );
    assert_told(
        &server("{url: 'https://{{ env.HOST }}/mcp'}"),
        &["1:20 template-here ['https://{{ env.HOST }}/mcp'] `url` is no template: `{{` is not read here \
           | help: write the text itself; templates are read in values that are sent or expected"],
    );
}

#[test]
fn a_server_has_one_address() {
    assert_told(
        &server("{insecure: true}"),
        &[
            "1:15 missing-key [insecure] a server needs one of `sandbox`, `uipath`, `url` and `command` | help: add one of them",
        ],
    );
    assert_told(
        &server(
            "{url: 'https://h/', uipath: {org: a, tenant: b, folderKey: 6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab, slug: cde}}",
        ),
        &[
            "1:34 conflict [uipath] a server needs one of `sandbox`, `uipath`, `url` and `command`, this one has `url` and `uipath` | 1:15 [url] (the other one) \
           | help: leave one of them out",
        ],
    );
    assert_told(
        &server("{url: 'https://h/', env: {A: b}}"),
        &["1:34 conflict [env] `env` is of a `command`, and this server is none | help: leave it out"],
    );
}

#[test]
fn a_command_is_started() {
    let (suite, problems) = suite_of(
        "servers: {a: {command: [npx, '{{x}}'], env: {A: b, C: {env: D}}, cwd: sub}, b: {command: [c]}}\nsecrets: [E]",
    );
    assert_told(&problems, &[]);
    let suite = suite.unwrap();
    let Target::Command(command) = &suite.servers[0].target else { panic!("{:?}", suite.servers[0]) };
    assert_eq!(command.argv, ["npx", "{{x}}"]);
    let secret = Setting::Secret(Credential::Env("D".into()));
    assert_eq!(command.env, [("A".to_owned(), Setting::Plain("b".into())), ("C".to_owned(), secret)]);
    assert!(command.cwd.ends_with("sub"), "{:?}", command.cwd);
    assert_eq!(suite.secret_variables(), ["D", "E"]);
    assert_told(
        &server("{command: [a], auth: {pat: {env: B}}}"),
        &["1:29 conflict [auth] `auth` is of a server at an address, and this one is a `command` \
           | help: give a `command` its credentials in `env`: `{NAME: {env: NAME}}`"],
    );
}

#[test]
fn who_knows_servers_from_elsewhere_is_told_how_they_are_written_here() {
    let told = |entry: &str, text: &str| {
        let problems = server(entry);
        let all: Vec<&String> = problems.iter().flat_map(|problem| &problem.help).collect();
        assert!(all.iter().any(|help| help.contains(text)), "{entry}: {all:?}");
    };
    told("{command: npx -y @scope/server 8080}", "write its words: `[npx, -y, \"@scope/server\", \"8080\"]`");
    told("{command: 'sh -c \"exec x\"'}", "write its words as a list");
    told("{command: npx, args: [-y, x]}", "write its words: `[npx]`");
    told("{command: npx, args: [-y, x]}", "they are words of the command");
    told("{command: [x], transport: stdio}", "what a server speaks follows from");
    told("{url: 'https://h/mcp', tls: {cacert: x}}", "did you mean `ca`?");
    told("{command: [x], socket: y}", "leave it out");
    let problems = server("{command: [x], env: {A: {envv: B}}}");
    assert!(problems[0].message.ends_with("unknown key `envv` in the place of a secret"), "{problems:?}");
}

#[test]
fn a_uipath_address_is_judged_part_by_part() {
    assert_told(
        &server("{uipath: {org: '{org}', tenant: T, folderKey: Shared, slug: Orders}}"),
        &[
            "1:29 bad-address ['{org}'] `org` still holds the placeholder `{org}` | help: copy the address from the server's \
             details on the page MCP Servers of Orchestrator: its parts are org, tenant, `agenthub_`, `mcp`, folderKey, slug",
            "1:60 bad-address [Shared] `Shared` is no folder key: a key is a GUID, not the folder's name or number \
             | help: the key is in the server's address, after `mcp/`, on the page MCP Servers; or give the folder's path, \
             and its key is looked up: `folderPath: Shared/Finance`",
            "1:74 bad-address [Orders] `Orders` is an unusual slug: they are 3 to 50 characters of `a-z`, `0-9` and `-` \
             | help: compare it with the last part of the server's address; it is sent as it is written",
        ],
    );
    assert_told(
        &server("{uipath: {org: a, tenant: T, folderPath: Shared}}"),
        &["1:24 missing-key [org] `uipath` needs the key `slug`: all else can come from the environment \
             | help: add `slug`: the last part of the server's address \
             | help: without any key, as `uipath: {}`, the whole address is that of `UIPATH_MCP_SERVER_URL`"],
    );
}

#[test]
fn what_an_address_leaves_out_is_left_to_the_environment() {
    let (suite, problems) = suite_of(
        "servers: {a: {uipath: {}}, b: {uipath: {slug: orders}}, c: {uipath: {slug: orders, folderPath: Shared/A}, limits: {concurrency: 9}}}",
    );
    assert_told(&problems, &[]);
    let suite = suite.unwrap();
    let [a, b, c] = suite.servers.as_slice() else { panic!("{:?}", suite.servers) };
    assert_eq!(a.target, Target::Uipath(Written::default()));
    assert_eq!(b.target, Target::Uipath(Written { slug: Some("orders".into()), ..Written::default() }));
    let Target::Uipath(Written { folder, .. }) = &c.target else { panic!("{:?}", c.target) };
    assert_eq!(folder, &Some(Folder::Path("Shared/A".into())));
    assert_eq!([a, c].map(|server| server.limits.concurrency), [Some(4), Some(9)]);
    assert!(suite.servers.iter().all(Server::is_uipath));
}

#[test]
fn a_whole_address_is_read_and_mended() {
    let url = "https://cloud.uipath.com/acme/Default/orchestrator_/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders/";
    let mended = url.replace("orchestrator_/", "").trim_end_matches('/').to_owned();
    for key in ["uipath", "url"] {
        let (suite, problems) = suite_of(&format!("servers: {{a: {{{key}: '{url}'}}}}"));
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        assert!(!problem.is_error());
        assert_eq!(problem.fix.as_ref().map(|fix| fix.text.as_str()), Some(mended.as_str()));
        let server = &suite.unwrap().servers[0];
        let found = match &server.target {
            Target::Url(url) => url.clone(),
            Target::Uipath(written) => written.fill(&Environment::default()).unwrap().url().unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!((found.as_str(), server.is_uipath()), (mended.as_str(), true));
        // Only who says `uipath` means the token of UiPath's variables.
        assert_eq!(server.auth.is_some(), key == "uipath");
    }
}

#[test]
fn an_application_has_two_keys_and_a_scope() {
    let (suite, problems) = suite_of(
        "servers: {a: {uipath: {}, auth: {app: {id: {env: ID}, secret: {env: SECRET}, scope: OR.Execution OR.Jobs}, expires: 2027-05-01}}}",
    );
    assert_told(&problems, &[]);
    let suite = suite.unwrap();
    assert!(
        suite
            .document
            .as_ref()
            .unwrap()
            .file
            .text()
            .contains("scope: OR.Execution OR.Jobs}, expires: 2027-05-01")
    );
    assert_eq!(suite.secret_variables(), ["SECRET"]);
    let app = App {
        id: Credential::Env("ID".into()),
        secret: Credential::Env("SECRET".into()),
        scope: "OR.Execution OR.Jobs".into(),
    };
    assert_eq!(suite.servers[0].auth, Some(Credential::App(Box::new(app))));
    assert_eq!(suite.servers[0].expires[0].day.value.to_string(), "2027-05-01");
    let (_, problems) = suite_of(
        "servers: {a: {uipath: {}, auth: {app: {id: {env: ID}, secret: hunter22, scope: hunter22 hunter22}, expires: hunter22}}}",
    );
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["literal-secret", "bad-value"]);
    assert!(!format!("{problems:?}").contains("hunter22"), "{problems:?}");
}

#[test]
fn a_token_comes_from_one_place() {
    assert_told(
        &server("{url: 'https://h/', auth: {pat: {env: A, file: b}}}"),
        &[
            "1:55 conflict [file] the place of a secret needs one of `env`, `file` and `command`, this one has `env` and `file` | 1:47 [env] (the other one) \
           | help: leave one of them out",
        ],
    );
    assert_told(
        &server("{url: 'https://h/', auth: {pat: {}}}"),
        &[
            "1:46 missing-key [{}] the place of a secret needs one of `env`, `file` and `command` | help: add one of them",
        ],
    );
}

#[test]
fn names_are_judged() {
    assert_told(
        &suite_of(
            "default: ordrs\nservers: {orders: {url: 'https://h/', identities: {default: {pat: {env: A}}}}, 'a b': {url: 'https://h/'}}\nenv: [1A]\nsets: {a::b: x.yaml}\n",
        )
        .1,
        &[
            "2:52 bad-name [default] `default` cannot be the name of an identity: every server has one \
             | help: choose another name; `default` is the token under `auth`, `anonymous` sends none",
            "2:80 bad-name ['a b'] `a b` cannot be the name of a server | help: write letters, digits, `_`, `-` and `.`",
            "3:7 bad-name [1A] `1A` is no name of an environment variable \
             | help: write letters, digits and `_`, such as `CUSTOMER_ID`",
            "4:8 bad-name [a::b] `a::b` cannot be the name of a set | help: write letters, digits, `_`, `-` and `.`",
            "1:10 unknown-name [ordrs] the suite has no server `ordrs` | note: it has `orders` and `a b` \
             | help: did you mean `orders`?",
        ],
    );
}

#[test]
fn limits_are_judged() {
    assert_told(
        &suite_of(
            "servers: {a: {url: 'https://h/', limits: {concurrency: 0, rate: fast}, timeouts: {step: 5d}}}\n",
        )
        .1,
        &[
            "1:56 bad-value [0] `concurrency` takes a whole number from 1, not `0` \
             | help: write `1` or more, or leave the key out",
            "1:65 bad-value [fast] `fast` is no rate | help: write a whole number from 1 and a unit: `10/s`, `100/m` or `1000/h`",
            "1:89 bad-duration [5d] `5d` is no duration: there is no unit `d` \
             | help: write whole numbers with a unit, such as `500ms`, `30s`, `2m`, `1m30s` or `1h`",
        ],
    );
}

#[test]
fn a_suite_of_an_address() {
    let suite = suite_of_url("https://h/mcp", Some(Credential::Env("PAT".into())), "here".into()).unwrap();
    let server = suite.server_for(None).unwrap();
    assert_eq!(server.name.value, "url");
    assert_eq!(server.credential("default"), Some(&Credential::Env("PAT".into())));
    assert_eq!(suite.root, Path::new("here"));
    let problem = suite_of_url("https://h/?token=hunter2", None, "here".into()).unwrap_err();
    assert_eq!(problem.code.as_str(), "bad-address");
    assert!(!format!("{problem:?}").contains("hunter2"));
}

#[test]
fn the_words_of_a_command_are_as_they_are() {
    let (suite, problems) = suite_of(
        "servers: {a: {url: 'https://h/', auth: {pat: {command: [docker, --format, '{{ .Token }}']}}}}",
    );
    assert_told(&problems, &[]);
    let words = ["docker", "--format", "{{ .Token }}"].map(str::to_owned).to_vec();
    assert_eq!(suite.unwrap().servers[0].auth, Some(Credential::Command(words)));
}

#[test]
#[cfg(not(feature = "sandbox"))]
fn a_build_without_the_sandbox_says_so() {
    assert_told(
        &server("{sandbox: uipath}"),
        &["1:15 bad-value [sandbox] this callsheet was built without the sandbox \
           | help: build it with `--features sandbox`, or name a `url`"],
    );
}

#[test]
fn how_a_connection_is_made_is_judged() {
    let root = |suite: &Suite, path: &str| suite.root.join(path);
    let (suite, problems) = suite_of(
        "servers: {a: {url: 'https://h/', tls: {ca: a.pem, cert: b.pem, key: b.key}}, b: {url: 'http://h/', socket: run/s}}",
    );
    assert_told(&problems, &[]);
    let suite = suite.unwrap();
    let [a, b] = suite.servers.as_slice() else { panic!("{:?}", suite.servers) };
    let [ca, cert, key] = ["a.pem", "b.pem", "b.key"].map(|path| Some(root(&suite, path)));
    assert_eq!(a.tls, Tls { ca, cert, key });
    assert_eq!((b.socket.clone(), a.socket.clone()), (Some(root(&suite, "run/s")), None));
    for (entry, told) in [
        (
            "url: 'https://h/', tls: {key: k}",
            "1:40 missing-key [key] a key says nothing without its certificate | help: add `cert: FILE`",
        ),
        (
            "url: 'http://localhost/', tls: {ca: k}",
            "1:41 conflict [tls] `tls` does not go with an address of plain http \
             | help: write `https://` in the address, or leave `tls` out",
        ),
        #[cfg(feature = "sandbox")]
        (
            "sandbox: uipath, socket: s",
            "1:32 conflict [socket] `socket` does not go with `sandbox` | help: leave it out, or name a `url`",
        ),
    ] {
        let problems = server(&format!("{{{entry}}}"));
        assert_told(&problems, &[told]);
    }
}
