//! The token, the address and the folder: rows 9 to 17, 19 and 30, in every shape in which UiPath may put them.

use super::*;
use crate::uipath::{Mistake, Trouble};

/// A way in which the REST side refuses: the status, and whether the body says anything.
const SHAPES: &[(u16, bool)] = &[(401, true), (401, false), (403, true), (403, false)];

/// A way in which a folder that is not there, or not the user's, is told.
const BAD_FOLDERS: &[(u16, bool)] = &[(404, true), (404, false), (403, true), (403, false), (400, true)];

fn denied(asked: &str, (status, said): (u16, bool)) -> Option<Probe> {
    refused(asked, status, None, said.then_some("You are not authorized!"))
}

fn no_folder(asked: &str, (status, said): (u16, bool)) -> Option<Probe> {
    let message = "Folder does not exist or the user does not have access to the folder.";
    refused(asked, status, said.then_some("1100"), said.then_some(message))
}

fn unopened(status: u16) -> Findings {
    Findings { opening: opening(status), listing: None, tools: Vec::new(), ..well() }
}

fn refused_everywhere() -> Findings {
    Findings {
        folders: at("GET folders", 401),
        folders_seen: Vec::new(),
        releases: at("GET releases", 401),
        jobs: at("GET jobs", 401),
        record: at("GET record", 401),
        record_seen: None,
        ..unopened(401)
    }
}

fn as_app(found: Findings) -> Findings {
    Findings {
        token: TokenFinding { state: TokenState::Read(TokenLook::App), ..well().token },
        folders: at("GET folders", 403),
        folders_seen: Vec::new(),
        ..found
    }
}

#[test]
fn rows_9_11_19_a_token_that_nobody_accepts() {
    let found = refused_everywhere();
    assert_eq!(rows(&found), [9, 11, 19]);
    let causes = causes(&found);
    assert_eq!(causes[0].certainty, Certainty::Likely);
    assert!(causes[0].message.contains("not good any more, or not of this organization"));
    assert!(causes[0].next[0].contains("Preferences > Personal access token"));
    assert!(causes[0].next[1].contains("deactivated"));
    assert!(causes[1].message.contains("`acme`") && causes[1].message.contains("`Default`"));
    assert!(causes[1..].iter().all(|cause| cause.certainty == Certainty::Possible));
    // An application has no menu for PATs.
    assert_eq!(rows(&as_app_refused()), [9, 11]);
    // Nothing else was asked: the address may be wrong as well.
    let alone = Findings { folders: None, releases: None, jobs: None, record: None, ..refused_everywhere() };
    assert_eq!(rows(&alone), [9, 11, 19, 10]);
    assert!(super::causes(&alone).iter().all(|cause| cause.certainty == Certainty::Possible));
    let general = Findings { opening: opening(401), listing: None, ..general() };
    assert_eq!(rows(&general), [9]);
    assert!(!format!("{:?}", first(&general)).contains("UiPath"));
}

fn as_app_refused() -> Findings {
    let state = TokenState::Read(TokenLook::App);
    Findings { token: TokenFinding { state, ..well().token }, ..refused_everywhere() }
}

#[test]
fn row_9_when_the_folder_was_looked_up() {
    let lack = |mistake| Trouble {
        message: "the key of the folder `Shared` could not be looked up".into(),
        help: "write the key".into(),
        mistake,
    };
    let by_path = |mistake| Findings { lack: Some(lack(mistake)), opening: None, ..refused_everywhere() };
    assert_eq!(rows(&by_path(Mistake::LookUpRefused))[0], 9);
    let app = Findings {
        folders: at("GET folders", 403),
        releases: None,
        jobs: None,
        record: None,
        ..by_path(Mistake::NotLookedUp)
    };
    assert_eq!(rows(&app), [7]);
    let message = "the token's user sees no folder `Shard`".to_owned();
    let help = "did you mean `Shared`?".into();
    let lack = Some(Trouble { message, help, mistake: Mistake::FolderNotSeen });
    let found = Findings { lack, opening: None, listing: None, ..well() };
    assert_eq!(rows(&found), [10]);
    assert_eq!(first(&found).next[0], "did you mean `Shared`?");
}

#[test]
fn row_11_where_nothing_is() {
    let found = Findings {
        folders: at("GET folders", 404),
        releases: at("GET releases", 404),
        jobs: at("GET jobs", 404),
        record: at("GET record", 404),
        record_seen: None,
        folders_seen: Vec::new(),
        ..unopened(404)
    };
    assert_eq!(rows(&found), [11]);
    assert_eq!(first(&found).certainty, Certainty::Likely);
}

#[test]
fn row_10_a_slug_that_is_not_there() {
    for status in [401, 404] {
        for folders in [200, 403] {
            let found = Findings {
                folders: at("GET folders", folders),
                record: at("GET record", 404),
                record_seen: None,
                servers: at("GET servers", 200),
                servers_seen: vec!["invoice-tools".into(), "orders".into()],
                ..unopened(status)
            };
            let mut found = found;
            found.address.as_mut().unwrap().slug = "invoce-tools".into();
            assert_eq!(rows(&found), [10], "{status} {folders}");
            assert!(first(&found).message.ends_with("did you mean `invoice-tools`?"), "{:?}", first(&found));
            assert!(first(&found).message.starts_with("the PAT is good, and the folder `Shared` has no"));
            found.address.as_mut().unwrap().slug = "zzz".into();
            assert_eq!(first(&found).next[0], "its servers are `invoice-tools`, `orders`");
        }
    }
}

#[test]
fn rows_10_and_15_a_folder_that_the_user_does_not_see() {
    for status in [401, 404] {
        for shape in BAD_FOLDERS {
            let found = Findings {
                folders_seen: vec![FolderSeen { key: OTHER.into(), path: "Finance".into() }],
                releases: no_folder("GET releases", *shape),
                jobs: no_folder("GET jobs", *shape),
                record: no_folder("GET record", *shape),
                record_seen: None,
                ..unopened(status)
            };
            assert_eq!(rows(&found), [10, 15], "{status} {shape:?}");
            assert!(
                first(&found).message.contains("either the folder key is wrong, or the user is not assigned")
            );
            assert!(first(&found).next[0].contains(&format!("`Finance` is `{OTHER}`")));
            // The list of folders is not for this token: it is less sure.
            let unlisted = Findings { folders: at("GET folders", 403), folders_seen: Vec::new(), ..found };
            assert_eq!(rows(&unlisted)[0], 10, "{status} {shape:?}");
        }
    }
    let typo = KEY.replace('6', "5");
    let found = Findings {
        folders_seen: vec![FolderSeen { key: typo.clone(), path: "Shared".into() }],
        releases: no_folder("GET releases", (404, true)),
        jobs: None,
        record: None,
        record_seen: None,
        ..unopened(401)
    };
    assert_eq!(first(&found).next[0], format!("did you mean `{typo}`, the key of `Shared`?"));
}

#[test]
fn row_15_no_view_in_the_folder() {
    for opening in [403, 401] {
        for shape in SHAPES {
            // A role with Processes.View alone.
            let found = Findings {
                jobs: denied("GET jobs", *shape),
                record: denied("GET record", *shape),
                record_seen: None,
                servers: denied("GET servers", *shape),
                ..unopened(opening)
            };
            assert_eq!(likely(&found), [15], "{opening} {shape:?}");
            assert!(first(&found).message.contains("MCPServers.View in the folder `Shared`"));
            assert!(first(&found).next[0].contains("Folders > Manage access > Assign, `Automation User`"));
            // With a 401 the slug may as well be wrong.
            assert_eq!(rows(&found).contains(&10), opening == 401);
        }
        for (shape, folders) in BAD_FOLDERS.iter().zip([200, 403].into_iter().cycle()) {
            // No role at all.
            let found = Findings {
                folders: at("GET folders", folders),
                folders_seen: Vec::new(),
                releases: no_folder("GET releases", *shape),
                jobs: no_folder("GET jobs", *shape),
                record: no_folder("GET record", *shape),
                record_seen: None,
                ..unopened(opening)
            };
            let rows = rows(&found);
            assert_eq!(rows, if opening == 403 { vec![15] } else { vec![10, 15] }, "{opening} {shape:?}");
        }
    }
}

#[test]
fn row_12_no_scope_to_list() {
    let listings = [
        error("POST tools/list", -32603, "The tools could not be listed: ListReleases failed with 403"),
        error("POST tools/list", -32603, "An error occurred"),
        at("POST tools/list", 403),
        at("POST tools/list", 401),
        refused("POST tools/list", 403, None, Some("You are not authorized!")),
    ];
    for listing in &listings {
        for shape in SHAPES {
            for folders in [200, 403] {
                let found = Findings {
                    listing: listing.clone(),
                    tools: Vec::new(),
                    releases: denied("GET releases", *shape),
                    folders: at("GET folders", folders),
                    ..well()
                };
                assert_eq!(rows(&found), [12], "{shape:?} {listing:?}");
                assert_eq!(first(&found).certainty, Certainty::Likely);
                // No scope at all.
                let none = Findings { jobs: denied("GET jobs", *shape), ..found.clone() };
                assert_eq!(rows(&none), [12]);
                // The same token lists processes elsewhere: it has the scope.
                let elsewhere = vec![("Finance".to_owned(), at("GET releases", 200).unwrap())];
                let here = Findings { elsewhere, ..found };
                assert_eq!(rows(&here), [16]);
            }
        }
    }
    // Processes can be listed: this is no matter of scopes.
    for listing in listings {
        let found = Findings { listing, tools: Vec::new(), ..well() };
        assert!(!rows(&found).contains(&12));
    }
    // A missing scope may be a 401 at the door.
    for status in [401, 403] {
        let found = Findings { releases: at("GET releases", 401), ..unopened(status) };
        assert_eq!(rows(&found), [12], "{status}");
    }
}

#[test]
fn row_16_prints_both_sides() {
    let found = Findings {
        folders_seen: vec![FolderSeen { key: OTHER.into(), path: "Finance".into() }],
        releases: no_folder("GET releases", (404, true)),
        jobs: no_folder("GET jobs", (404, true)),
        record: no_folder("GET record", (404, true)),
        record_seen: None,
        elsewhere: vec![("Finance".to_owned(), at("GET releases", 200).unwrap())],
        ..unopened(403)
    };
    assert_eq!(rows(&found), [15, 16]);
    let cause = &causes(&found)[1];
    assert_eq!(cause.evidence[0], "scopes seen to work: OR.Execution");
    assert_eq!(cause.evidence[1], format!("permissions seen to work in the folder `{KEY}`: none"));
    let found =
        Findings { elsewhere: vec![("Finance".to_owned(), at("GET releases", 403).unwrap())], ..found };
    assert_eq!(rows(&found), [15]);
}

#[test]
fn row_17_an_application_without_the_folder() {
    let text = r#"{"message":"A folder is required for this action","errorCode":1101}"#;
    let called = Findings { call: call("echo", Some(text), at("POST tools/call echo", 200)), ..well() };
    let found = as_app(called.clone());
    assert_eq!((rows(&found), first(&found).certainty), (vec![17], Certainty::Certain));
    assert!(first(&found).next[0].contains("only applications with application scopes"));
    assert_eq!((rows(&called), first(&called).certainty), (vec![17], Certainty::Likely));
    let refused = Findings {
        call: call("echo", None, refused("POST tools/call echo", 400, Some("1101"), None)),
        ..called
    };
    assert_eq!(rows(&as_app(refused)), [17]);
    // At the door it is no user that lacks a role.
    assert_eq!(rows(&as_app(unopened(403))), [17]);
    // GetFoldersForCurrentUser refuses applications: that is no fault.
    assert_eq!(rows(&as_app(well())), [] as [u8; 0]);
}

#[test]
fn row_30_no_tools() {
    let empty = Findings { tools: Vec::new(), ..well() };
    assert_eq!(rows(&empty), [30]);
    assert!(first(&empty).message.contains("likely none is added"));
    for shape in SHAPES {
        let found = Findings { releases: denied("GET releases", *shape), ..empty.clone() };
        assert_eq!(rows(&found), [30]);
        assert!(first(&found).message.contains("likely lacks Processes.View"));
    }
    let unasked = Findings { releases: None, ..empty };
    assert_eq!(first(&unasked).certainty, Certainty::Possible);
    let general = Findings { tools: Vec::new(), ..general() };
    assert_eq!((first(&general).row, first(&general).weight), (Row::NoTools, Weight::Note));
}
