//! One call in each era, as JSON and as a stream.

use super::*;

#[tokio::test]
async fn a_call_in_the_older_era() {
    for streams in [false, true] {
        let server = Server::start(move |request, _| {
            let result = json!({"content": [{"type": "text", "text": "{\"n\":1.1}"}]});
            let answer =
                || if streams { request.sse(result.clone()) } else { request.result(result.clone()) };
            legacy(request).unwrap_or_else(answer)
        })
        .await;
        for version in [Version::V2025_06_18, Version::V2025_11_25] {
            let before = server.seen().len();
            let session = session(&server, Some(version));
            session.begin().await.unwrap();
            let facts = session.facts().unwrap();
            assert_eq!((facts.id.as_deref(), facts.version), (Some("s1"), version));
            assert_eq!((facts.server_info, facts.capabilities), (info(), json!({"tools": {}})));
            let exchange = session.perform(echo(), options()).await;
            good(&exchange);
            assert_eq!(exchange.document()["json"], json!({"n": 1.1}));
            assert_eq!(exchange.protocol.as_deref(), Some(version.as_str()));
            assert_eq!(exchange.http.as_ref().unwrap().events.len(), usize::from(streams));
            let sent = exchange.sent.clone().unwrap();
            assert!(
                !format!("{sent:?}").contains("rt_")
                    && !sent.headers.iter().any(|(n, _)| n == "authorization")
            );
            good(&session.close(soon()).await);
            assert_eq!(session.facts(), None);

            let seen = &server.seen()[before..];
            let methods: Vec<String> = seen.iter().map(Request::method).collect();
            assert_eq!(methods, ["initialize", "notifications/initialized", "tools/call", "DELETE"]);
            for (number, request) in seen.iter().enumerate() {
                assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
                assert_eq!(request.header("x-env"), "test");
                let later = number > 0;
                assert_eq!(request.header("mcp-session-id"), if later { "s1" } else { "" });
                assert_eq!(request.header("mcp-protocol-version"), if later { version.as_str() } else { "" });
                assert_eq!(request.header("mcp-method"), "");
            }
            let params = &seen[2].json()["params"];
            assert_eq!(params, &json!({"name": "echo", "arguments": {"n": 1.1, "text": "ä"}}));
            assert_eq!(seen[0].header("accept"), "application/json, text/event-stream");
            assert_eq!(seen[0].header("content-type"), "application/json");
        }
        if !streams {
            assert_eq!(*server.connections.lock().unwrap(), 2, "one connection for each client");
        }
    }
}

#[tokio::test]
async fn a_call_in_the_modern_era() {
    for streams in [false, true] {
        let server = Server::start(move |request, _| {
            let answer = || if streams { request.sse(called()) } else { request.result(called()) };
            modern(request).unwrap_or_else(answer)
        })
        .await;
        let client = client(&server);
        let session = client.session(SessionConfig { log: Some("info".to_owned()), ..config(None) });
        session.begin().await.unwrap();
        let facts = session.facts().unwrap();
        assert_eq!((facts.id, facts.version, facts.server_info), (None, Version::V2026_07_28, info()));
        let exchange = session.perform(echo(), options()).await;
        good(&exchange);
        let tool = "größe ";
        let other = Operation::Call { tool: tool.to_owned(), arguments: None };
        good(&session.perform(other, options()).await);
        good(&session.close(soon()).await);

        assert_eq!(server.methods(), ["server/discover", "tools/list", "tools/call", "tools/call"]);
        for request in server.seen() {
            assert_eq!(request.header("mcp-protocol-version"), "2026-07-28");
            assert_eq!(request.header("mcp-method"), request.method());
            assert_eq!(request.header("mcp-session-id"), "");
            let meta = &request.json()["params"]["_meta"];
            assert_eq!(
                meta,
                &json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                        "io.modelcontextprotocol/clientInfo": {"name": "callsheet", "version": "0"},
                        "io.modelcontextprotocol/clientCapabilities": {},
                        "io.modelcontextprotocol/logLevel": "info"})
            );
        }
        let seen = server.seen();
        assert_eq!(seen[2].header("mcp-name"), "echo");
        assert_eq!(seen[3].header("mcp-name"), "=?base64?Z3LDtsOfZSA=?=");
        assert_eq!(*server.connections.lock().unwrap(), 1, "a stream that ended leaves its connection");
    }
}
