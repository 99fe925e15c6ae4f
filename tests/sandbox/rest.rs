//! The REST side: which token is answered what, and where applications get theirs.

use std::time::Duration;

use callsheet::sandbox::{
    AUDITOR_TOKEN, FINANCE_KEY, FOLDER_KEY, INTERACTIVE_TOKEN, OWNER_TOKEN, Sandbox, jwt,
};
use serde_json::{Value, json};

use crate::peer::{LEGACY, Peer, Reply, client, read, sandbox};

async fn get(sandbox: &Sandbox, path: &str, token: &str, folder: Option<&str>) -> (u16, Value) {
    let url = format!("http://{}/acme/Default/{path}", sandbox.address());
    let mut request = client().get(url).bearer_auth(token);
    if let Some(folder) = folder {
        request = request.header("x-uipath-folderkey", folder);
    }
    let reply = read(request.send().await.unwrap()).await;
    (reply.status, serde_json::from_str(&reply.body).unwrap())
}

#[tokio::test]
async fn scopes_and_roles_decide() {
    let sandbox = sandbox().await;
    let (shared, finance) = (Some(FOLDER_KEY), Some(FINANCE_KEY));
    let (releases, jobs) = ("orchestrator_/odata/Releases?$top=1", "orchestrator_/odata/Jobs?$top=1");
    for (path, token, folder, status, code) in [
        ("orchestrator_/odata/Folders?$top=1", OWNER_TOKEN, None, 403, 0),
        ("orchestrator_/odata/Folders?$top=1", INTERACTIVE_TOKEN, None, 200, 0),
        (releases, OWNER_TOKEN, shared, 200, 0),
        (releases, AUDITOR_TOKEN, shared, 200, 0),
        (releases, AUDITOR_TOKEN, finance, 404, 1100),
        (releases, OWNER_TOKEN, None, 400, 1101),
        (releases, "rt_unknown", shared, 401, 0),
        (
            "orchestrator_/odata/Releases/UiPath.Server.Configuration.OData.ListReleases",
            OWNER_TOKEN,
            shared,
            200,
            0,
        ),
        (jobs, OWNER_TOKEN, shared, 200, 0),
        (jobs, AUDITOR_TOKEN, shared, 403, 0),
        ("agenthub_/api/servers", OWNER_TOKEN, None, 400, 10500),
        ("agenthub_/api/servers/oders", OWNER_TOKEN, shared, 404, 0),
    ] {
        let (got, body) = get(&sandbox, path, token, folder).await;
        assert_eq!(got, status, "{path}: {body}");
        if status >= 400 {
            assert_eq!(body["errorCode"], code, "{path}: {body}");
        }
    }
    let (_, server) = get(&sandbox, "agenthub_/api/servers/desktop", OWNER_TOKEN, shared).await;
    assert_eq!(
        (&server["type"], &server["status"], &server["isActive"]),
        (&json!(3), &json!(1), &json!(true))
    );
    let (_, servers) = get(&sandbox, "agenthub_/api/servers", OWNER_TOKEN, shared).await;
    assert_eq!(servers[0]["mcpUrl"], sandbox.url("orders"));
    let folders = "orchestrator_/api/FoldersNavigation/GetFoldersForCurrentUser";
    let (_, own) = get(&sandbox, folders, AUDITOR_TOKEN, None).await;
    assert_eq!((&own["Count"], &own["PageItems"][0]["Key"]), (&json!(1), &json!(FOLDER_KEY)));
    let (_, found) = get(&sandbox, &format!("{folders}?searchText=fin&take=1"), OWNER_TOKEN, None).await;
    assert_eq!(found["PageItems"][0]["FullyQualifiedName"], "Finance");
    let version = format!("http://{}/orchestrator_/api/status/version", sandbox.address());
    let reply = read(client().get(version).send().await.unwrap()).await;
    assert_eq!((reply.status, reply.answer()["deployment"].clone()), (200, json!("Cloud")));
}

async fn token(sandbox: &Sandbox, id: &str, scope: &str) -> Reply {
    let url = format!("http://{}/identity_/connect/token", sandbox.address());
    let form =
        format!("grant_type=client_credentials&client_id={id}&client_secret={id}-secret&scope={scope}");
    let request = client().post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn an_application_has_a_token_for_an_hour() {
    let sandbox = sandbox().await;
    for (id, scope, error) in [
        ("machine-orders", "OR.Execution", "invalid_scope"),
        ("app-orders", "OR.Everything", "invalid_scope"),
        ("no-app", "OR.Execution", "invalid_client"),
    ] {
        let reply = token(&sandbox, id, scope).await;
        assert_eq!((reply.status, &reply.answer()["error"]), (400, &json!(error)));
    }
    let given = token(&sandbox, "app-orders", "OR.Execution+OR.Jobs").await.answer();
    assert_eq!((&given["expires_in"], &given["token_type"]), (&json!(3600), &json!("Bearer")));
    let value: &'static str = given["access_token"].as_str().unwrap().to_owned().leak();
    assert_eq!(value.split('.').count(), 3);
    let peer = Peer { token: value, ..Peer::modern(&sandbox) };
    assert_eq!(peer.call("echo", json!({"a": 1})).await.outputs(), json!({"a": 1}));
    let folders = "orchestrator_/api/FoldersNavigation/GetFoldersForCurrentUser";
    assert_eq!(get(&sandbox, folders, value, None).await.0, 403);
    sandbox.advance(Duration::from_secs(3601));
    assert_eq!(peer.call("echo", json!({})).await.status, 401);
    assert!(sandbox.log().reasons().last().unwrap().starts_with("the token `app-orders` expired"));
}

#[test]
fn the_interactive_token_is_one_of_three_parts() {
    let claims = json!({"aud": "UiPath.Orchestrator", "sub": "ada", "exp": 4_102_444_800_u32});
    assert_eq!(INTERACTIVE_TOKEN, jwt(&claims));
}

#[tokio::test]
async fn one_who_logged_in_may_use_the_integration_service() {
    let sandbox = sandbox().await;
    let arguments = json!({"in_Channel": "C", "in_Text": "T"});
    for version in LEGACY {
        let url = sandbox.url("connectors");
        let mut peer = Peer { version, token: INTERACTIVE_TOKEN, url, ..Peer::modern(&sandbox) };
        peer.open().await;
        assert_eq!(peer.call("sendSlackMessage", arguments.clone()).await.outputs()["out_Channel"], "C");
    }
}
