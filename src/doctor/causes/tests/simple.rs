//! What is seen offline, and on the way: rows 1 to 8, 20 to 22, 29, 32 to 34.

use super::*;
use crate::auth::{Jwt, Secret};
use crate::uipath::{Mistake, Part, Trouble, fault, read};

fn trouble(message: &str) -> Trouble {
    Trouble { message: message.into(), help: "the way out".into(), mistake: Mistake::Other }
}

fn unasked(state: TokenState) -> Findings {
    Findings {
        token: TokenFinding { state, ..well().token },
        at: well().at,
        is_uipath: true,
        address: well().address,
        ..Findings::default()
    }
}

#[test]
fn row_1_no_token() {
    let found =
        unasked(TokenState::Missing(trouble("neither `UIPATH_ACCESS_TOKEN` nor `UIPATH_PAT` is set")));
    let cause = first(&found);
    assert_eq!((cause.row, cause.certainty), (Row::NoToken, Certainty::Certain));
    assert!(cause.next[1].contains("Preferences > Personal access token"), "{cause:?}");
    assert!(cause.next[2].contains("cannot have a PAT"), "{cause:?}");
    // Everything is refused without a token: no other row means anything.
    let asked = Findings { opening: opening(401), ..unasked(TokenState::Missing(trouble("unset"))) };
    assert_eq!(rows(&asked), [1]);
    let anonymous =
        Findings { opening: opening(401), identity: "anonymous".into(), ..unasked(TokenState::None) };
    assert_eq!(
        first(&anonymous).message,
        "the server wants a token, and the identity `anonymous` sends none"
    );
    let open = Findings { token: TokenFinding::default(), ..well() };
    assert_eq!(rows(&open), [] as [u8; 0]);
    // The folder's key could not be looked up, for want of the token.
    let lack = match &found.token.state {
        TokenState::Missing(trouble) => Some(trouble.clone()),
        _ => None,
    };
    assert_eq!(rows(&Findings { lack, ..found.clone() }), [1]);
    // There is no address to ask for an application's token at.
    let lack = Some(trouble("the address still holds the placeholder `{org}`"));
    assert_eq!(rows(&Findings { lack, ..found.clone() }), [8]);
    let other = Findings { is_uipath: false, address: None, ..found };
    assert_eq!(first(&other).next, ["the way out"]);
}

#[test]
fn row_2_a_damaged_token() {
    let found = unasked(TokenState::Damaged(trouble("the token could not be read: it stands in quotes")));
    assert_eq!(rows(&found), [2]);
    assert!(first(&found).next[1].contains("only once"));
    let short = "the token has only 7 characters: it was probably not copied whole";
    let mut found = Findings { opening: opening(401), ..well() };
    found.token.remarks = vec![short.into()];
    // The others accept it: it is short and whole.
    assert_eq!(rows(&found)[0], 15);
    let found = refused_everywhere(found);
    assert_eq!((first(&found).row, first(&found).message.as_str()), (Row::DamagedToken, short));
    assert_eq!(rows(&found), [2]);
}

fn refused_everywhere(found: Findings) -> Findings {
    Findings {
        opening: opening(401),
        listing: None,
        folders: at("GET folders", 401),
        folders_seen: Vec::new(),
        releases: at("GET releases", 401),
        jobs: at("GET jobs", 401),
        record: at("GET record", 401),
        record_seen: None,
        ..found
    }
}

fn with_jwt(jwt: Jwt, found: Findings) -> Findings {
    let state = TokenState::Read(TokenLook::Jwt(jwt));
    Findings { token: TokenFinding { state, expires: None, ..well().token }, ..found }
}

fn good_jwt() -> Jwt {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let claims =
        r#"{"exp": 1798675200, "aud": "UiPath.Orchestrator", "iss": "https://cloud.uipath.com/identity_"}"#;
    Jwt::read(&Secret::new(format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(claims)))).unwrap()
}

#[test]
fn row_3_a_login_token_that_ran_out() {
    let past = Jwt { expires: Some("2026-11-23T11:59:00Z".parse().unwrap()), ..good_jwt() };
    let found = with_jwt(past.clone(), refused_everywhere(well()));
    assert_eq!(rows(&found), [3]);
    let cause = first(&found);
    assert_eq!(cause.message, "the token is a login token, not a PAT, and ran out at 2026-11-23T11:59:00Z");
    assert!(cause.next[0].contains("uipath auth"));
    // The server's clock decides.
    assert_eq!(rows(&with_jwt(past, well())), [] as [u8; 0]);
    let soon = Jwt { expires: Some("2026-11-23T12:30:00Z".parse().unwrap()), ..good_jwt() };
    let cause = first(&with_jwt(soon.clone(), well()));
    assert_eq!((cause.row, cause.weight), (Row::ExpiredLogin, Weight::Warning));
    assert_eq!(rows(&with_jwt(soon, refused_everywhere(well()))), [9, 11]);
}

#[test]
fn row_4_a_token_for_somebody_else() {
    let audience = Jwt { audience: vec!["Else".into()], ..good_jwt() };
    let found = with_jwt(audience.clone(), refused_everywhere(well()));
    assert_eq!(rows(&found), [4]);
    assert!(first(&found).message.contains("`Else`"));
    let issuer = Jwt { issuer: Some("staging.uipath.com".into()), ..good_jwt() };
    let found = with_jwt(issuer, refused_everywhere(well()));
    assert_eq!(rows(&found), [4]);
    assert!(first(&found).message.contains("`staging.uipath.com`, and the server is at `cloud.uipath.com`"));
    // It is accepted: its audience is none of our business.
    assert_eq!(rows(&with_jwt(audience, well())), [] as [u8; 0]);
}

#[test]
fn rows_5_to_8_the_address() {
    for (path, row) in [
        ("acme/Default/mcp_/mcp/orders", 5),
        ("acme/Default/agenthub_/mcp/orders", 6),
        ("acme/Default/agenthub_/mcp/Shared/orders", 7),
        ("acme/Default/agenthub_/mcp/Shared/Finance/orders", 7),
        ("acme/{tenant}/agenthub_/mcp/x/orders", 8),
        ("acme/Default/orchestrator_/mcp-servers", 8),
    ] {
        let reading = read(&format!("https://cloud.uipath.com/{path}").parse().unwrap());
        let faults = reading.faults.clone();
        let found = Findings { faults, address: None, ..unasked(well().token.state) };
        let cause = first(&found);
        assert_eq!((cause.row.number(), cause.weight), (row, Weight::Problem), "{path}");
        assert_eq!(cause.next[0], reading.faults[0].help);
        let mistake = reading.faults[0].mistake;
        let lack =
            Some(Trouble { mistake, ..trouble(&format!("`UIPATH_MCP_SERVER_URL`: {}", cause.message)) });
        let found = Findings { lack, address: None, ..unasked(well().token.state) };
        assert_eq!(rows(&found), [row], "{path}");
    }
    let mended = read(&format!("https://cloud.uipath.com/a/b/mcp_/mcp/{KEY}/orders").parse().unwrap());
    let found = Findings { faults: mended.faults, ..well() };
    assert_eq!((first(&found).row, first(&found).weight), (Row::OldPrefix, Weight::Warning));
    let unusual = Findings { faults: fault(Part::Slug, "Orders").into_iter().collect(), ..well() };
    assert_eq!((first(&unusual).row, first(&unusual).weight), (Row::Placeholder, Weight::Warning));
}

#[test]
fn row_6_by_its_code() {
    let said = Some("Folder key is required");
    for opening in
        [refused("POST initialize", 400, Some("10500"), said), refused("POST initialize", 400, None, said)]
    {
        let found = Findings { opening, listing: None, ..well() };
        assert_eq!(likely(&found), [6]);
        assert!(first(&found).evidence[0].contains(TRACE));
    }
    let other =
        Findings { opening: refused("POST initialize", 400, Some("1000"), Some("Invalid")), ..well() };
    assert_ne!(first(&other).row, Row::NoFolderKey);
}

#[test]
fn row_20_credentials_of_a_machine() {
    let refusal =
        |code: &str| Refusal { status: 400, message: None, code: Some(code.into()), trace_id: None };
    let state =
        |code| TokenState::Refused(trouble("the external application got no token"), Some(refusal(code)));
    let found = unasked(state("invalid_scope"));
    assert_eq!(rows(&found), [20]);
    assert!(first(&found).next[0].contains("External applications"));
    assert_eq!(rows(&unasked(state("invalid_client"))), [1]);
}

#[test]
fn rows_21_and_22_what_is_accepted() {
    let found = Findings { opening: opening(406), listing: None, ..well() };
    assert_eq!(likely(&found), [21]);
    let said = "Not Acceptable: Client must accept both application/json and text/event-stream";
    let found = Findings { opening: error("POST initialize", -32600, said), ..general() };
    assert_eq!(likely(&found), [21]);
    let found = Findings { opening: opening(405), listing: None, ..well() };
    assert_eq!(rows(&found), [32, 22]);
    assert_eq!(causes(&found)[1].weight, Weight::Note);
    let found = Findings { bare: at("POST server/discover", 405), ..well() };
    assert_eq!(rows(&found), [22]);
}

#[test]
fn row_29_too_many_requests() {
    let mut found = Findings { opening: opening(429), listing: None, ..well() };
    if let Some(Probe { reply: Reply::Answered(answered), .. }) = &mut found.opening {
        answered.retry_after = Some(Duration::from_secs(7));
    }
    assert_eq!(rows(&found), [29]);
    assert_eq!(first(&found).message, "too many requests: the server answers 429; it asks to wait 7 s");
    let side = Findings { jobs: at("GET jobs", 429), ..well() };
    assert_eq!((first(&side).row, first(&side).weight), (Row::RateLimit, Weight::Warning));
}

fn page(asked: &str, status: u16, location: Option<&str>) -> Option<Probe> {
    let answered = Answered {
        status: Some(status),
        media_type: "text/html".into(),
        location: location.map(str::to_owned),
        wire: vec!["the answer is no JSON".into()],
        ..Answered::default()
    };
    probe(asked, Reply::Answered(Box::new(answered)))
}

#[test]
fn row_32_no_answer_of_the_protocol() {
    for found in [well(), general()] {
        for opening in
            [page("POST initialize", 200, None), page("POST initialize", 302, Some("login.example/x"))]
        {
            let found = Findings { opening, listing: None, tools: Vec::new(), ..found.clone() };
            assert_eq!(rows(&found)[0], 32);
            assert_eq!(first(&found).certainty, Certainty::Certain);
        }
    }
    // A refusal that is a page is a refusal all the same.
    for (status, row) in [(401, 9), (403, 15)] {
        let found = Findings { opening: page("POST initialize", status, None), ..refused_everywhere(well()) };
        assert_eq!(rows(&found)[0], row);
        let beside = causes(&found).into_iter().find(|cause| cause.row == Row::NotMcp).unwrap();
        assert_eq!(beside.certainty, Certainty::Possible);
    }
    let there = Findings { opening: opening(404), listing: None, ..general() };
    assert_eq!(rows(&there), [32]);
    let mut faulty = well();
    if let Some(Probe { reply: Reply::Answered(answered), .. }) = &mut faulty.opening {
        answered.wire = vec!["`serverInfo` is missing".into()];
    }
    let cause = first(&faulty);
    assert_eq!((cause.row, cause.weight), (Row::NotMcp, Weight::Warning));
    assert!(cause.message.contains("`serverInfo` is missing"));
}

#[test]
fn row_33_no_way_there() {
    for (how, word) in [
        (Break::Name, "is not known here"),
        (Break::Refused, "nobody listens at"),
        (Break::Tls, "certificate"),
        (Break::Proxy, "the proxy refuses"),
        (Break::Start, "the command of the server"),
        (Break::Other, "broke off"),
    ] {
        for found in [well(), general()] {
            let reply = Reply::Broken { how, reason: "why.".into() };
            let found = Findings {
                opening: probe("POST initialize", reply),
                listing: None,
                network: vec!["HTTPS_PROXY".into()],
                ..found
            };
            assert_eq!(rows(&found), [33]);
            let cause = first(&found);
            assert!(cause.message.contains(word), "{}", cause.message);
            assert_eq!(cause.evidence[0], "POST initialize: why");
            let names = cause.evidence.iter().any(|text| text.ends_with("`HTTPS_PROXY`"));
            assert_eq!(names, how != Break::Start);
        }
    }
    let silent = Findings { opening: probe("POST initialize", Reply::Silent), listing: None, ..general() };
    assert_eq!(rows(&silent), [33]);
    let version = Findings {
        opening: None,
        listing: None,
        version: probe("GET version", Reply::Broken { how: Break::Refused, reason: "refused".into() }),
        ..well()
    };
    assert_eq!(rows(&version), [33]);
    // A host that answers nothing from the start is asked nothing further.
    let silent = |asked| probe(asked, Reply::Silent);
    let dead = Findings {
        opening: None,
        listing: None,
        version: silent("GET version"),
        bare: silent("POST bare"),
        ..well()
    };
    assert_eq!((rows(&dead), first(&dead).evidence.len()), (vec![33], 2));
    assert!(
        first(&dead).message.ends_with("does not answer: there was nothing in 80 ms"),
        "{}",
        first(&dead).message
    );
    let gone = probe("POST initialize", Reply::Broken { how: Break::Other, reason: "closed".into() });
    for (target, hint) in [("http://h/mcp", true), ("https://h/mcp", false)] {
        let found = Findings { opening: gone.clone(), listing: None, target: target.into(), ..general() };
        assert_eq!(first(&found).next[1].contains("`https://`"), hint, "{target}");
    }
}

#[test]
fn row_34_when_the_token_ends() {
    let ends = |day: Option<&str>| Findings {
        token: TokenFinding { expires: day.map(|day| day.parse().unwrap()), ..well().token },
        ..well()
    };
    let unknown = first(&ends(None));
    assert_eq!((unknown.row, unknown.weight), (Row::ExpiryUnknown, Weight::Note));
    for day in ["2026-11-24", "2026-12-07", "2026-11-22"] {
        assert_eq!(
            (first(&ends(Some(day))).row, first(&ends(Some(day))).weight),
            (Row::ExpiryUnknown, Weight::Warning)
        );
    }
    assert_eq!(rows(&ends(Some("2026-12-08"))), [] as [u8; 0]);
    // Where something fails there is more to say.
    assert_eq!(rows(&refused_everywhere(ends(None)))[0], 9);
    assert_eq!(
        causes(&refused_everywhere(ends(Some("2026-11-20"))))[0].message,
        "the PAT has likely run out: the suite says that it ends on 2026-11-20, and it is not accepted any more"
    );
}
