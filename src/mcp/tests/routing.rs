//! The routing id: with which requests it goes out, and when it is left out.

use super::*;

const ROUTE: &str = "0123456789abcdef0123456789abcdef";

fn routed(client: &Arc<Client>, version: Option<Version>) -> Session {
    client.session(SessionConfig { route: Some(ROUTE.to_owned()), ..config(version) })
}

/// Every request that a server saw, with the id of its session.
fn ids(server: &Server) -> Vec<(String, String)> {
    server
        .seen()
        .iter()
        .map(|request| (request.method(), request.header("mcp-session-id").to_owned()))
        .collect()
}

fn expected(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(method, id)| ((*method).to_owned(), (*id).to_owned())).collect()
}

#[tokio::test]
async fn a_server_without_sessions_gets_it_with_every_request() {
    let server =
        Server::start(|request, _| modern(request).unwrap_or_else(|| request.result(called()))).await;
    for version in [None, MODERN] {
        let session = routed(&client(&server), version);
        session.begin().await.unwrap();
        good(&session.perform(echo(), options()).await);
        assert_eq!(session.facts().unwrap().id, None);
    }
    let each = [("server/discover", ROUTE), ("tools/list", ROUTE), ("tools/call", ROUTE)];
    assert_eq!(ids(&server), expected(&[each, each].concat()));
}

#[tokio::test]
async fn a_refused_probe_takes_it_back() {
    for refusal in [
        Reply::json(200, &json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}})),
        Reply::with(404, "", ""),
    ] {
        let server = Server::start(move |request, _| match request.method().as_str() {
            "server/discover" => refusal.clone(),
            _ => legacy(request).unwrap_or_else(|| request.result(called())),
        })
        .await;
        let client = client(&server);
        for _ in 0..2 {
            let session = routed(&client, None);
            session.begin().await.unwrap();
            good(&session.perform(echo(), options()).await);
        }
        let each = [("initialize", ""), ("notifications/initialized", "s1"), ("tools/call", "s1")];
        assert_eq!(ids(&server), expected(&[&[("server/discover", ROUTE)][..], &each, &each].concat()));
    }
}

#[tokio::test]
async fn a_handshake_that_comes_first_has_it_unless_that_is_refused() {
    let server = Server::start(|request, _| legacy(request).unwrap()).await;
    routed(&client(&server), LEGACY).begin().await.unwrap();
    assert_eq!(ids(&server), expected(&[("initialize", ROUTE), ("notifications/initialized", "s1")]));

    // Who knows sessions may take it for one of them.
    let server = Server::start(|request, _| match request.header("mcp-session-id") {
        ROUTE => request.error(404, -32600, "Session not found"),
        _ => legacy(request).unwrap(),
    })
    .await;
    let client = client(&server);
    for _ in 0..2 {
        routed(&client, LEGACY).begin().await.unwrap();
    }
    let each = [("initialize", ""), ("notifications/initialized", "s1")];
    assert_eq!(ids(&server), expected(&[&[("initialize", ROUTE)][..], &each, &each].concat()));

    // A refused token says nothing about it.
    let server = Server::start(|_, _| Reply::with(401, "", "")).await;
    routed(&self::client(&server), LEGACY).begin().await.unwrap_err();
    assert_eq!(ids(&server), expected(&[("initialize", ROUTE)]));
}
