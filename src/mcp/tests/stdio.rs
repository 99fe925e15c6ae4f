//! A command as the server: what it does not have, and what it says too much of.

use super::*;

/// A session with a shell script that has answered `initialize`.
async fn scripted(then: &str, bounds: Bounds) -> Session {
    let result = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info()});
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": result});
    let script = format!("read a; echo '{answer}'; read b; {then}; cat > /dev/null");
    let argv = vec!["sh".to_owned(), "-c".to_owned(), script];
    let client = Client::new(ClientConfig {
        name: "test".to_owned(),
        endpoint: Endpoint::Program(Program { argv, cwd: ".".into(), ..Program::default() }),
        headers: Vec::new(),
        route: Route::default(),
        connect: Duration::from_secs(10),
        bounds,
        listed: Arc::new(|_, _| {}),
    });
    let session = client.unwrap().session(config(LEGACY));
    session.begin().await.unwrap();
    session
}

#[tokio::test]
async fn a_message_to_a_command_has_no_headers() {
    let session = scripted("true", Bounds::default()).await;
    let headers = vec![("X-Any".to_owned(), Some("1".to_owned()))];
    let exchange = session.perform(echo(), SendOptions { headers, ..options() }).await;
    assert_eq!(words(&exchange), "a message to a command has no headers / ");
}

#[tokio::test]
async fn what_comes_beside_answers_and_is_too_much_is_noted() {
    let told = json!({"jsonrpc": "2.0", "method": "notifications/of/mine"}).to_string();
    let all = vec![format!("'{told}'"); 20].join(" ");
    let bounds = Bounds { stream: 5000, ..Bounds::default() };
    let session = scripted(&format!("printf '%s\\n' {all}"), bounds).await;
    let expected = "what comes beside answers is not read any more: what waits to be read of the server's stream is larger than";
    let last = soon();
    loop {
        let notes = session.settle(Instant::now()).await;
        if notes.iter().any(|note| note.starts_with(expected)) {
            break;
        }
        assert!(Instant::now() < last, "{notes:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
