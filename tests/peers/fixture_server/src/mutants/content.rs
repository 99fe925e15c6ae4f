//! What both eras have: the fixtures themselves. They break in both; the set of scenarios that is named is the
//! one to run.

use http::header::ORIGIN;
use serde_json::{Value, json};

use super::Official::{Fails, Silent};
use super::{How, Mutant, V2025, V2026, named, remove};

pub(super) static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "completion-without-values",
        breaks: "a completion has no list of values",
        scenario: "completion-complete",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("completion/complete", "", |result| remove(result, "/completion", "values"))],
    },
    Mutant {
        name: "completion-of-more-than-100",
        breaks: "a completion has more than 100 values",
        scenario: "completion-complete",
        requirements: V2025,
        official: Silent,
        how: &[How::Result("completion/complete", "", |result| {
            result["completion"]["values"] = (0..101).map(|number| json!(format!("test{number}"))).collect();
        })],
    },
    Mutant {
        name: "tool-without-schema",
        breaks: "a tool has no `inputSchema`",
        scenario: "tools-list",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/list", "", |result| remove(result, "/tools/0", "inputSchema"))],
    },
    Mutant {
        name: "text-without-content",
        breaks: "the content of a tool's result is empty",
        scenario: "tools-call-simple-text",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/call", "test_simple_text", |result| result["content"] = json!([]))],
    },
    Mutant {
        name: "text-is-another",
        breaks: "the tool says another text",
        scenario: "tools-call-simple-text",
        requirements: V2025,
        official: Silent,
        how: &[How::Result("tools/call", "test_simple_text", |result| {
            result["content"][0]["text"] = json!("This is some other text.");
        })],
    },
    Mutant {
        name: "image-without-mime-type",
        breaks: "an image does not say of which kind it is",
        scenario: "tools-call-image",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/call", "test_image_content", |result| {
            remove(result, "/content/0", "mimeType");
        })],
    },
    Mutant {
        name: "audio-of-another-mime-type",
        breaks: "a WAV is called an MP3",
        scenario: "tools-call-audio",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/call", "test_audio_content", |result| {
            result["content"][0]["mimeType"] = json!("audio/mpeg");
        })],
    },
    Mutant {
        name: "embedded-resource-without-uri",
        breaks: "an embedded resource has no address",
        scenario: "tools-call-embedded-resource",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/call", "test_embedded_resource", |result| {
            remove(result, "/content/0/resource", "uri");
        })],
    },
    Mutant {
        name: "mixed-content-cut",
        breaks: "the last of three contents is missing",
        scenario: "tools-call-mixed-content",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/call", "test_multiple_content_types", |result| {
            result["content"].as_array_mut().map(Vec::pop);
        })],
    },
    Mutant {
        name: "error-without-is-error",
        breaks: "a tool that failed does not say so",
        scenario: "tools-call-error",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/call", "test_error_handling", |result| remove(result, "", "isError"))],
    },
    Mutant {
        name: "progress-backwards",
        breaks: "the progress becomes less",
        scenario: "tools-call-with-progress",
        requirements: V2025,
        official: Fails,
        how: &[How::Sent("notifications/progress", |params| {
            params["progress"] = json!(100.0 - params["progress"].as_f64().unwrap_or_default());
            true
        })],
    },
    Mutant {
        name: "progress-of-another-token",
        breaks: "the progress has another token than the request",
        scenario: "tools-call-with-progress",
        requirements: V2026,
        official: Fails,
        how: &[How::Sent("notifications/progress", |params| {
            params["progressToken"] = json!("another");
            true
        })],
    },
    Mutant {
        name: "progress-after-result",
        breaks: "the progress comes after the result",
        scenario: "tools-call-with-progress",
        requirements: V2026,
        official: Fails,
        how: &[
            How::Sent("notifications/progress", |_| false),
            How::Messages(|asked, message| {
                if asked.progress_token.is_null() || message.get("result").is_none() {
                    return vec![message];
                }
                let late = [0, 50, 100].map(|progress| {
                    let params =
                        json!({"progressToken": asked.progress_token, "progress": progress, "total": 100});
                    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
                });
                [vec![message], late.to_vec()].concat()
            }),
        ],
    },
    Mutant {
        name: "schema-keyword-dropped",
        breaks: "`$defs` is missing in a tool's schema, which refers to it",
        scenario: "json-schema-2020-12",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("tools/list", "", |result| {
            if let Some(tool) = named(&mut result["tools"], "json_schema_2020_12_tool") {
                remove(tool, "/inputSchema", "$defs");
            }
        })],
    },
    Mutant {
        name: "schema-conditions-dropped",
        breaks: "`if`, `then` and `else` are missing in a tool's schema",
        scenario: "json-schema-2020-12",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/list", "", |result| {
            if let Some(tool) = named(&mut result["tools"], "json_schema_2020_12_tool") {
                ["if", "then", "else"].iter().for_each(|keyword| remove(tool, "/inputSchema", keyword));
            }
        })],
    },
    Mutant {
        name: "resource-without-name",
        breaks: "a resource in the list has no name",
        scenario: "resources-list",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("resources/list", "", |result| remove(result, "/resources/0", "name"))],
    },
    Mutant {
        name: "text-resource-without-mime-type",
        breaks: "a text resource does not say of which kind it is",
        scenario: "resources-read-text",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("resources/read", "", |result| remove(result, "/contents/0", "mimeType"))],
    },
    Mutant {
        name: "binary-as-text",
        breaks: "what a binary resource holds is under `text`",
        scenario: "resources-read-binary",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("resources/read", "", |result| {
            let content = &mut result["contents"][0];
            if let Some(blob) = content.as_object_mut().and_then(|content| content.remove("blob")) {
                content["text"] = blob;
            }
        })],
    },
    Mutant {
        name: "template-of-another-id",
        breaks: "a resource of a template tells of another id than was asked for",
        scenario: "resources-templates-read",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("resources/read", "", |result| {
            let text = &mut result["contents"][0]["text"];
            if let Value::String(text) = text {
                *text = text.replace("123", "321");
            }
        })],
    },
    Mutant {
        name: "prompt-without-description",
        breaks: "a prompt in the list has no description",
        scenario: "prompts-list",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("prompts/list", "", |result| remove(result, "/prompts/0", "description"))],
    },
    Mutant {
        name: "message-without-role",
        breaks: "a message of a prompt does not say whose it is",
        scenario: "prompts-get-simple",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("prompts/get", "test_simple_prompt", |result| {
            remove(result, "/messages/0", "role")
        })],
    },
    Mutant {
        name: "prompt-argument-ignored",
        breaks: "the second argument of a prompt is left out",
        scenario: "prompts-get-with-args",
        requirements: V2025,
        official: Fails,
        how: &[How::Request(|incoming| {
            if incoming.is("prompts/get", "test_prompt_with_arguments") {
                incoming.message["params"]["arguments"]["arg2"] = json!("");
            }
            None
        })],
    },
    Mutant {
        name: "prompt-arguments-swapped",
        breaks: "each argument of a prompt stands where the other belongs",
        scenario: "prompts-get-with-args",
        requirements: V2025,
        official: Silent,
        how: &[How::Request(|incoming| {
            if incoming.is("prompts/get", "test_prompt_with_arguments") {
                let arguments = &mut incoming.message["params"]["arguments"];
                *arguments = json!({"arg1": arguments["arg2"], "arg2": arguments["arg1"]});
            }
            None
        })],
    },
    Mutant {
        name: "prompt-without-resource",
        breaks: "a prompt does not have the resource that was named",
        scenario: "prompts-get-embedded-resource",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("prompts/get", "test_prompt_with_embedded_resource", |result| {
            result["messages"].as_array_mut().map(|messages| messages.remove(0));
        })],
    },
    Mutant {
        name: "prompt-image-as-text",
        breaks: "the image of a prompt is text",
        scenario: "prompts-get-with-image",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("prompts/get", "test_prompt_with_image", |result| {
            let content = &mut result["messages"][0]["content"];
            *content = json!({"type": "text", "text": content["data"]});
        })],
    },
    Mutant {
        name: "host-not-checked",
        breaks: "a page of another host may call the server through its user's browser",
        scenario: "dns-rebinding-protection",
        requirements: V2025,
        official: Fails,
        how: &[How::Request(|incoming| {
            incoming.set_header("host", "localhost");
            incoming.parts.headers.remove(ORIGIN);
            None
        })],
    },
];
