//! The prompts, and what completes their arguments.

use rmcp::ErrorData;
use rmcp::model::{
    ContentBlock, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Reference, Role,
};

use crate::content::{PNG, invalid, needed, text_of};
use crate::input_required;

pub fn list() -> Vec<Prompt> {
    let argument = |name: &str, description: &str| {
        PromptArgument::new(name).with_description(description).with_required(true)
    };
    vec![
        Prompt::new("test_simple_prompt", Some("A prompt without arguments"), None),
        Prompt::new(
            "test_prompt_with_arguments",
            Some("A prompt that names its arguments"),
            Some(vec![argument("arg1", "The first argument"), argument("arg2", "The second argument")]),
        ),
        Prompt::new(
            "test_prompt_with_embedded_resource",
            Some("A prompt with a resource in it"),
            Some(vec![argument("resourceUri", "The address of the resource")]),
        ),
        Prompt::new("test_prompt_with_image", Some("A prompt with an image in it"), None),
        Prompt::new(input_required::PROMPT, Some("A prompt that asks before it answers (2026-07-28)"), None),
    ]
}

pub fn get(name: &str, arguments: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let argument = |name: &str| needed(arguments, name).map_err(invalid);
    let messages = match name {
        "test_simple_prompt" => vec![user("This is a simple prompt for testing.")],
        "test_prompt_with_arguments" => {
            let (first, second) = (argument("arg1")?, argument("arg2")?);
            vec![user(format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
        }
        "test_prompt_with_embedded_resource" => {
            let text = "Embedded resource content for testing.";
            let resource = text_of(argument("resourceUri")?, "text/plain", text);
            vec![
                PromptMessage::new(Role::User, ContentBlock::resource(resource)),
                user("Please process the embedded resource above."),
            ]
        }
        "test_prompt_with_image" => vec![
            PromptMessage::new(Role::User, ContentBlock::image(PNG, "image/png")),
            user("Please analyze the image above."),
        ],
        _ => return Err(invalid(format!("there is no prompt {name}"))),
    };
    Ok(GetPromptResult::new(messages))
}

/// All values of an argument that begin like this.
pub fn complete(of: &Reference, argument: &str, begin: &str) -> Result<Vec<String>, ErrorData> {
    let all: &[&str] = match (of, argument) {
        (Reference::Prompt(prompt), "arg1" | "arg2") if prompt.name == "test_prompt_with_arguments" => {
            &["paris", "park", "party", "test", "testing"]
        }
        (Reference::Resource(template), "id") if template.uri == "test://template/{id}/data" => {
            &["1", "12", "123"]
        }
        _ => return Err(invalid("there is nothing to complete")),
    };
    Ok(all.iter().filter(|value| value.starts_with(begin)).map(|value| (*value).to_owned()).collect())
}

pub fn user(text: impl Into<String>) -> PromptMessage {
    PromptMessage::new_text(Role::User, text)
}
