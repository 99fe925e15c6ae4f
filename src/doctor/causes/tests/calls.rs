//! Calls, and the server behind the gateway: rows 13, 14, 18, 23 to 28, 31.

use super::*;

const UNAUTHORIZED: &str = r#"{"message":"You are not authorized!","errorCode":0}"#;

/// The shapes in which a call is refused for want of a right.
fn refusals() -> Vec<Option<CallFinding>> {
    let asked = "POST tools/call echo";
    vec![
        call("echo", Some(UNAUTHORIZED), at(asked, 200)),
        call("echo", None, at(asked, 403)),
        call("echo", None, at(asked, 401)),
        call("echo", None, refused(asked, 403, None, Some("You are not authorized!"))),
    ]
}

fn of_kind(kind: u64, found: Findings) -> Findings {
    let seen =
        RecordSeen { kind: Some(kind), status: Some(1), is_active: Some(true), ..RecordSeen::default() };
    Findings { record_seen: Some(seen), ..found }
}

#[test]
fn row_13_no_scope_to_call() {
    for status in [401, 403] {
        let found = Findings { jobs: at("GET jobs", status), ..well() };
        assert_eq!(rows(&found), [13]);
        assert_eq!((first(&found).weight, first(&found).certainty), (Weight::Warning, Certainty::Likely));
        // A server whose calls start no job.
        assert_eq!(rows(&of_kind(4, found.clone())), [] as [u8; 0]);
        for call in refusals() {
            let found = Findings { call, ..found.clone() };
            assert_eq!(rows(&found), [13], "{status}");
            assert_eq!(first(&found).weight, Weight::Problem);
            assert!(first(&found).next[0].contains("OR.Jobs.Read alone"));
        }
        // It works.
        let called = Findings { call: call("echo", None, at("POST tools/call echo", 200)), ..found };
        assert_eq!(rows(&called), [] as [u8; 0]);
    }
    let unknown = "Folder does not exist or the user does not have access to the folder.";
    let found = Findings { jobs: refused("GET jobs", 403, Some("1100"), Some(unknown)), ..well() };
    assert!(!rows(&found).contains(&13));
}

#[test]
fn row_14_jobs_are_read_and_not_started() {
    for call in refusals() {
        let found = Findings { call: call.clone(), ..well() };
        assert_eq!(likely(&found), [14]);
        assert!(first(&found).message.contains("these look alike"));
        // Nobody asked for the jobs.
        let found = Findings { call, jobs: None, ..well() };
        assert_eq!(rows(&found), [13, 14]);
        assert!(causes(&found).iter().all(|cause| cause.certainty == Certainty::Possible));
    }
}

#[test]
fn row_18_an_activity_of_the_integration_service() {
    let text = r#"{"code":"CNS1046","message":"External application authentication is not supported"}"#;
    let silent = probe("POST tools/call sendSlackMessage", Reply::Silent);
    let failed = call("sendSlackMessage", Some(text), at("POST tools/call", 200));
    let found = Findings { call: failed, ..well() };
    assert_eq!(rows(&found), [18]);
    assert!(first(&found).next[1].contains("integration_service: [sendSlackMessage]"));
    let marked = |call| Findings {
        integration_service: vec!["sendSlackMessage".into()],
        tools: vec!["echo".into(), "sendSlackMessage".into()],
        call,
        ..well()
    };
    for failed in [
        call("sendSlackMessage", Some("It failed."), at("POST tools/call", 200)),
        call("sendSlackMessage", Some(UNAUTHORIZED), at("POST tools/call", 200)),
        call("sendSlackMessage", None, silent.clone()),
        call("sendSlackMessage", None, at("POST tools/call", 504)),
    ] {
        assert_eq!(likely(&marked(failed)), [18]);
    }
    let before = marked(None);
    assert_eq!((rows(&before), first(&before).weight), (vec![18], Weight::Warning));
    // Somebody who logged in may.
    let state = TokenState::Read(TokenLook::Jwt(crate::auth::Jwt::default()));
    let login = Findings { token: TokenFinding { state, ..TokenFinding::default() }, ..before };
    assert_eq!(rows(&login), [] as [u8; 0]);
    // Not marked, and silent: it may be, or the job waits.
    let unmarked = Findings { call: call("sendSlackMessage", None, silent), ..well() };
    assert_eq!(rows(&unmarked), [28, 18]);
    assert!(causes(&unmarked).iter().all(|cause| cause.certainty == Certainty::Possible));
}

#[test]
fn row_23_a_server_that_did_not_start() {
    for word in ["initialize-failure", "invalid-version", "initiliaze-failure"] {
        let mut opening = opened(word);
        if let Some(Probe { reply: Reply::Answered(answered), .. }) = &mut opening {
            answered.wire = vec![format!("`{word}` is no version")];
        }
        let found = of_kind(2, Findings { opening, listing: None, tools: Vec::new(), ..well() });
        assert_eq!(rows(&found), [23], "{word}");
        assert!(first(&found).next[0].contains("MCP Servers > the server > Jobs tab"));
    }
    // A version that nobody knows is something else.
    let found = Findings { opening: opened("2031-01-01"), ..well() };
    assert!(!rows(&found).contains(&23));
}

#[test]
fn row_24_a_server_that_starts() {
    for status in [408, 504] {
        let unopened = Findings { opening: opening(status), listing: None, ..well() };
        let cause = first(&of_kind(2, unopened.clone()));
        assert_eq!((cause.row, cause.certainty), (Row::ColdStart, Certainty::Likely));
        let unknown = Findings { record: None, record_seen: None, ..unopened.clone() };
        assert_eq!((first(&unknown).row, first(&unknown).certainty), (Row::ColdStart, Certainty::Possible));
        // The gateway answers for a UiPath server itself.
        assert!(!rows(&of_kind(0, unopened)).contains(&24));
    }
    let silent = Findings { opening: probe("POST initialize", Reply::Silent), listing: None, ..well() };
    assert_eq!(rows(&of_kind(1, silent.clone())), [24]);
    assert_eq!(rows(&of_kind(0, silent)), [33]);
    let mut slow = of_kind(2, well());
    slow.opening.as_mut().unwrap().took = Duration::from_secs(20);
    assert_eq!((first(&slow).row, first(&slow).weight), (Row::ColdStart, Weight::Note));
    assert!(first(&slow).message.starts_with("opening took 20 s"));
}

#[test]
fn row_25_a_self_hosted_server_that_does_not_run() {
    let relay = error("POST initialize", -32000, "Error processing message: no runtime is connected");
    for opening in [opening(503), opening(504), relay] {
        let unopened = Findings { opening: opening.clone(), listing: None, ..well() };
        let offline =
            RecordSeen { kind: Some(3), status: Some(0), is_active: Some(true), ..RecordSeen::default() };
        let found = Findings { record_seen: Some(offline), ..unopened.clone() };
        assert_eq!((rows(&found), first(&found).certainty), (vec![25], Certainty::Certain));
        assert!(first(&found).next[0].contains("uipath run orders"));
        let found = of_kind(3, unopened.clone());
        assert_eq!((rows(&found), first(&found).certainty), (vec![25], Certainty::Likely));
        // A server that starts on demand.
        assert_ne!(likely(&of_kind(2, unopened.clone())), [25]);
        // The gateway answers for these itself: there is no process that could be down.
        for kind in [0, 6, 7] {
            assert!(!rows(&of_kind(kind, unopened.clone())).contains(&25), "{kind}");
        }
    }
    let off = RecordSeen { kind: Some(0), status: Some(1), is_active: Some(false), ..RecordSeen::default() };
    let found = Findings { record_seen: Some(off), opening: opening(401), listing: None, ..well() };
    assert_eq!(first(&found).message, "the server `orders` is switched off");
}

#[test]
fn row_26_a_session_that_was_lost() {
    for listing in [
        error("POST tools/list", -32600, "Session not found"),
        error("POST tools/list", -32001, "Session not found"),
        at("POST tools/list", 404),
    ] {
        for found in [well(), general()] {
            let found = Findings { listing: listing.clone(), tools: Vec::new(), ..found };
            assert_eq!(rows(&found), [26]);
        }
    }
    let mut reopened = well();
    if let Some(Probe { reply: Reply::Answered(answered), .. }) = &mut reopened.listing {
        answered.repairs = vec!["reopened"];
    }
    assert_eq!((first(&reopened).row, first(&reopened).weight), (Row::SessionLost, Weight::Note));
}

#[test]
fn row_27_a_job_at_its_limit() {
    let mut long = call("echo", Some("The job failed."), at("POST tools/call", 200));
    long.as_mut().unwrap().probe.took = Duration::from_secs(901);
    let found = Findings { call: long.clone(), ..well() };
    assert_eq!(likely(&found), [27]);
    long.as_mut().unwrap().probe.took = Duration::from_secs(300);
    assert!(!rows(&Findings { call: long, ..well() }).contains(&27));
    let said = r#"{"Code":"Serverless.TimeLimit","Detail":"The job was stopped after 5 s."}"#;
    let found = Findings { call: call("runSlowProcess", Some(said), at("POST tools/call", 200)), ..well() };
    assert_eq!(rows(&found), [27]);
}

#[test]
fn row_28_no_machine() {
    for said in [
        r#"{"status":409,"error":{"message":"Could not find a machine with Unattended or NonProduction runtimes","errorCode":2818}}"#,
        "No host is available on the machine template.",
    ] {
        let found = Findings { call: call("echo", Some(said), at("POST tools/call", 200)), ..well() };
        assert_eq!((rows(&found), first(&found).certainty), (vec![28], Certainty::Certain));
    }
    let found =
        Findings { call: call("echo", None, refused("POST tools/call", 409, Some("2818"), None)), ..well() };
    assert_eq!(rows(&found), [28]);
}

#[test]
fn row_31_arguments_that_are_not_the_tools() {
    let mut wrong = call("createInvoice", Some("in_Customer is required"), at("POST tools/call", 200));
    let finding = wrong.as_mut().unwrap();
    finding.unknown_arguments = vec![("in_Custmer".into(), Some("in_Customer".into()))];
    finding.missing_arguments = vec!["in_Customer".into()];
    let cause = first(&Findings { call: wrong.clone(), ..well() });
    assert_eq!(cause.row, Row::BadArguments);
    assert_eq!(
        cause.message,
        "`in_Custmer` is no argument of `createInvoice`; did you mean `in_Customer`?; and 1 more"
    );
    assert_eq!(cause.evidence[0], "`in_Customer` is required and was not given");
    let refused = error("POST tools/call", -32602, "Invalid request parameters");
    let cause = first(&Findings { call: call("echo", None, refused.clone()), ..general() });
    assert_eq!((cause.row, cause.certainty), (Row::BadArguments, Certainty::Likely));
    for refused in [refused, at("POST tools/call", 200)] {
        let error = Some("Unknown tool: ecco");
        let cause = first(&Findings { call: call("ecco", error, refused), ..general() });
        assert_eq!(cause.message, "the server lists no tool `ecco`; did you mean `echo`?");
    }
    // A process that failed by itself.
    let own = call("echo", Some("There is no invoice 17."), at("POST tools/call", 200));
    let cause = first(&Findings { call: own, ..well() });
    assert_eq!((cause.row, cause.certainty), (Row::BadArguments, Certainty::Possible));
}
