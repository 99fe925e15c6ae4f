//! What holds whatever the probes met.

use proptest::prelude::*;

use super::*;

fn any_probe() -> impl Strategy<Value = Option<Probe>> {
    let status = prop::sample::select(vec![
        200u16, 202, 204, 302, 307, 400, 401, 403, 404, 405, 406, 408, 409, 422, 429, 500, 502, 503, 504,
    ]);
    let body = prop::sample::select(vec![
        (None, None),
        (None, Some("You are not authorized!")),
        (Some("1100"), Some("Folder does not exist.")),
        (Some("1101"), None),
        (Some("10500"), None),
        (Some("2818"), None),
        (Some("CNS1046"), Some("External application authentication is not supported.")),
    ]);
    let how = prop::sample::select(vec![
        Break::Name,
        Break::Refused,
        Break::Tls,
        Break::Proxy,
        Break::Start,
        Break::Other,
    ]);
    let message = prop::sample::select(vec![
        "ListReleases failed.",
        "Error processing message: x",
        "Session not found",
    ]);
    prop_oneof![
        1 => Just(None),
        5 => (status, body).prop_map(|(status, (code, message))| refused("GET x", status, code, message)),
        1 => Just(probe("GET x", Reply::Silent)),
        1 => how.prop_map(|how| probe("GET x", Reply::Broken { how, reason: "gone.".into() })),
        1 => message.prop_map(|message| error("POST x", -32603, message)),
        1 => Just(opened("initialize-failure")),
        2 => Just(opened("2025-11-25")),
        1 => Just(probe("GET x", Reply::Answered(Box::new(Answered {
            status: Some(200),
            media_type: "text/html".into(),
            wire: vec!["no JSON.".into()],
            ..Answered::default()
        })))),
    ]
}

fn any_look() -> impl Strategy<Value = TokenState> {
    prop::sample::select(vec![
        TokenLook::Pat,
        TokenLook::App,
        TokenLook::Opaque,
        TokenLook::Jwt(crate::auth::Jwt::default()),
    ])
    .prop_map(TokenState::Read)
}

fn any_findings() -> impl Strategy<Value = Findings> {
    let probes = prop::collection::vec(any_probe(), 10);
    let record = prop::option::of((
        prop::option::of(0u64..8),
        prop::option::of(0u64..2),
        prop::option::of(any::<bool>()),
    ));
    let rest = (any::<[bool; 4]>(), record, prop::option::of(0usize..3), any_look());
    (probes, rest).prop_map(|(probes, ([uipath, tools, seen, known], record, called, state))| {
        let mut probes = probes.into_iter();
        let mut next = || probes.next().flatten();
        let mut found = Findings {
            is_uipath: uipath,
            version: next(),
            bare: next(),
            opening: next(),
            listing: next(),
            folders: next(),
            releases: next(),
            jobs: next(),
            record: next(),
            servers: next(),
            tools: if tools { well().tools } else { Vec::new() },
            folders_seen: if seen { well().folders_seen } else { Vec::new() },
            servers_seen: if known { vec!["orders".into(), "other".into()] } else { Vec::new() },
            record_seen: record.map(|(kind, status, is_active)| RecordSeen {
                kind,
                status,
                is_active,
                ..RecordSeen::default()
            }),
            token: TokenFinding { state, expires: None, ..well().token },
            ..well()
        };
        found.address = found.address.filter(|_| uipath);
        let text = [None, Some("No host is available."), Some("It failed.")];
        found.call = called.zip(next()).map(|(which, probe)| CallFinding {
            tool: "echo".into(),
            probe,
            tool_error: text[which].map(str::to_owned),
            unknown_arguments: Vec::new(),
            missing_arguments: Vec::new(),
        });
        found
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn whatever_failed_has_a_cause_with_advice(found in any_findings()) {
        let causes = causes(&found);
        let problem = causes.iter().any(|cause| cause.weight == Weight::Problem);
        prop_assert!(problem || !found.failed(), "{found:?}");
        for cause in &causes {
            prop_assert!(!cause.next.is_empty(), "{cause:?}");
            for text in cause.evidence.iter().chain(&cause.next).chain([&cause.message]) {
                prop_assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("rt_"), "{text}");
            }
            let inferred = cause.certainty == Certainty::Likely;
            let says_so = ["likely", "either", "may "].iter().any(|word| cause.message.contains(word));
            // What a remark, a code or the server itself said is not our inference.
            let read = matches!(cause.row, Row::WrongTenant | Row::Disconnected | Row::DamagedToken);
            prop_assert!(!inferred || says_so || read, "{cause:?}");
        }
        let mut rows: Vec<u8> = causes.iter().map(|cause| cause.row.number()).collect();
        rows.sort_unstable();
        rows.dedup();
        prop_assert_eq!(rows.len(), causes.len());
        prop_assert!(causes.is_sorted_by_key(|cause| std::cmp::Reverse((cause.weight, cause.certainty))));
    }

    #[test]
    fn no_token_is_both_good_and_accepted_nowhere(found in any_findings()) {
        let told = causes(&found);
        let good = told.iter().any(|cause| cause.message.contains(" is good"));
        let nowhere = found.is_uipath && told.iter().any(|cause| cause.row == Row::TokenRefused);
        prop_assert!(!(good && nowhere), "{told:?}");
        let scopes = [Row::NoExecutionScope, Row::NoJobsScope, Row::NoJobsCreate, Row::Intersection];
        let sure = |cause: &Cause| scopes.contains(&cause.row) && cause.certainty > Certainty::Possible;
        prop_assert!(!(nowhere && told.iter().any(sure)), "{told:?}");
    }

    #[test]
    fn who_is_not_uipath_hears_nothing_of_it(found in any_findings()) {
        let found = Findings { is_uipath: false, address: None, record_seen: None, token: TokenFinding { place: Some("the variable `T`".into()), ..found.token.clone() }, ..found };
        for cause in causes(&found) {
            let text = format!("{cause:?}");
            let theirs = ["UiPath", "uipath", "Orchestrator", "PAT ", "folder `", "Jobs tab"];
            prop_assert!(theirs.iter().all(|word| !text.contains(word)), "{text}");
        }
    }
}
