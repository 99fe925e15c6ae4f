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
        for version in Version::ALL.iter().copied().filter(|version| !version.is_modern()) {
            let before = server.seen().len();
            let session = session(&server, Some(version));
            session.begin().await.unwrap();
            let facts = session.facts().unwrap();
            assert_eq!((facts.id.as_deref(), facts.version), (Some("s1"), version));
            assert_eq!(
                (facts.server_info, facts.capabilities),
                (info(), json!({"tools": {}, "completions": {}}))
            );
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
                let named = later && version >= Version::V2025_06_18;
                assert_eq!(request.header("mcp-protocol-version"), if named { version.as_str() } else { "" });
                assert_eq!(request.header("mcp-method"), "");
            }
            let params = &seen[2].json()["params"];
            assert_eq!(params, &json!({"name": "echo", "arguments": {"n": 1.1, "text": "ä"}}));
            assert_eq!(seen[0].header("accept"), "application/json, text/event-stream");
            assert_eq!(seen[0].header("content-type"), "application/json");
        }
        if !streams {
            assert_eq!(*server.connections.lock().unwrap(), 4, "one connection for each client");
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

/// What a good server answers to any method of any version.
fn anything(request: &Request) -> Reply {
    let method = request.method();
    let text = json!({"type": "text", "text": "x"});
    let mut result = match method.as_str() {
        "server/discover" => return request.result(discovered()),
        "GET" => return Reply::with(405, "", ""),
        "tools/list" => json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}),
        "tools/call" => json!({"content": [text]}),
        "resources/list" => json!({"resources": [{"uri": "a:b", "name": "b"}]}),
        "resources/templates/list" => json!({"resourceTemplates": [{"uriTemplate": "a:{b}", "name": "b"}]}),
        "resources/read" => json!({"contents": [{"uri": "a:b", "text": "x"}]}),
        "prompts/list" => json!({"prompts": [{"name": "p"}]}),
        "prompts/get" => json!({"messages": [{"role": "user", "content": text}]}),
        "completion/complete" => json!({"completion": {"values": ["x"]}}),
        "subscriptions/listen" => {
            let id = request.json()["id"].clone();
            let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
            let filter = request.json()["params"]["notifications"].clone();
            let params = json!({"_meta": meta, "notifications": filter});
            let method = "notifications/subscriptions/acknowledged";
            return Reply::open_stream(&[json!({"jsonrpc": "2.0", "method": method, "params": params})]);
        }
        _ => json!({}),
    };
    if request.json()["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].is_string() {
        result["resultType"] = "complete".into();
        if method.ends_with("/list") || method == "resources/read" {
            result["ttlMs"] = 0.into();
            result["cacheScope"] = "private".into();
        }
    }
    legacy(request).filter(|_| method != "server/discover").unwrap_or_else(|| request.result(result))
}

/// Each message is judged where it is made, by `sends`.
#[tokio::test]
async fn every_operation_in_every_version() {
    let server = Server::start(|request, _| anything(request)).await;
    let object = |value: Value| Some(value);
    let operations = || {
        let completes = |reference: Value, context: Option<Value>| Operation::Complete {
            reference,
            argument: "a".to_owned(),
            value: String::new(),
            context,
        };
        [
            Operation::Call { tool: "echo".to_owned(), arguments: object(json!({"n": 1.5})) },
            Operation::Call { tool: "echo".to_owned(), arguments: None },
            Operation::List(ListKind::Tools),
            Operation::List(ListKind::Prompts),
            Operation::List(ListKind::Resources),
            Operation::List(ListKind::Templates),
            Operation::Read { uri: "a:b".to_owned() },
            Operation::Prompt { name: "p".to_owned(), arguments: object(json!({"a": "x"})) },
            completes(json!({"type": "ref/prompt", "name": "p"}), object(json!({"b": "y"}))),
            completes(json!({"type": "ref/resource", "uri": "a:{b}"}), None),
            Operation::Request { method: "my/own".to_owned(), params: None },
            Operation::Notify {
                method: "notifications/cancelled".to_owned(),
                params: object(json!({"requestId": 99})),
            },
        ]
    };
    for version in Version::ALL.iter().copied() {
        let capabilities = json!({"roots": {}, "sampling": {}, "elicitation": {}, "experimental": {"x": {}}});
        let log = Some("info".to_owned());
        let session = client(&server).session(SessionConfig { capabilities, log, ..config(Some(version)) });
        let opened = session.open(None).await;
        assert_eq!(opened.wire, [], "{version} {opened:?}");
        for operation in operations() {
            let shown = format!("{version} {operation:?}");
            let exchange = session.perform(operation, options()).await;
            assert_eq!(
                (exchange.outcome.as_str(), &exchange.wire),
                ("answered", &Vec::new()),
                "{shown} {exchange:?}"
            );
            assert!(exchange.answer.error.is_none(), "{shown} {exchange:?}");
        }
        let wanted = Subscription { tools: true, prompts: true, resources: vec!["a:b".to_owned()] };
        let exchange = session.listen(wanted, options()).await;
        assert_eq!(exchange.wire, [], "{version} {exchange:?}");
        session.listen(Subscription::default(), options()).await;
        session.close(soon()).await;
        assert_eq!(session.settle(soon()).await, Vec::<String>::new(), "{version}");
    }
}
