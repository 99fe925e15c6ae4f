//! The resources and prompts of the server `orders`.

use rmcp::ErrorData;
use rmcp::model::{
    GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Resource, ResourceContents,
    ResourceTemplate, Role,
};
use serde_json::{Value, json};

use super::world::World;

const CATALOG: &str = "orders://catalog";
const LOGO: &str = "orders://logo";
/// One transparent pixel.
const LOGO_PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The resources that are listed.
pub(super) fn resources() -> Vec<Resource> {
    vec![
        Resource::new(CATALOG, "catalog")
            .with_description("The products that can be ordered.")
            .with_mime_type("application/json"),
        Resource::new(LOGO, "logo").with_description("The shop's logo.").with_mime_type("image/png"),
    ]
}

/// The templates of resources.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("invoice://{id}/state", "invoiceState")
            .with_description("The state of an invoice.")
            .with_mime_type("application/json"),
    ]
}

/// What a resource holds.
pub(super) fn read(world: &World, uri: &str) -> Result<ResourceContents, ErrorData> {
    let json =
        |value: Value| ResourceContents::text(value.to_string(), uri).with_mime_type("application/json");
    match uri {
        CATALOG => Ok(json(json!([
            {"sku": "P-100", "name": "Clapperboard", "price": 24.9},
            {"sku": "P-200", "name": "Director's chair", "price": 89},
            {"sku": "P-300", "name": "Megaphone", "price": 31.245270191439438},
        ]))),
        LOGO => Ok(ResourceContents::blob(LOGO_PNG, uri).with_mime_type("image/png")),
        _ => {
            let id = uri.strip_prefix("invoice://").and_then(|rest| rest.strip_suffix("/state"));
            let found = id.and_then(|id| Some((id, world.get(id)?)));
            let (id, invoice) = found.ok_or_else(|| {
                ErrorData::resource_not_found("Resource not found", Some(json!({"uri": uri})))
            })?;
            Ok(json(json!({"id": id, "state": "Successful", "amount": invoice.amount})))
        }
    }
}

/// The prompts that are listed.
pub(super) fn prompts() -> Vec<Prompt> {
    let invoice = PromptArgument::new("invoice").with_description("The invoice's id.").with_required(true);
    vec![
        Prompt::new("greeting", Some("A greeting for the shop's customers."), None),
        Prompt::new("summarizeInvoice", Some("Asks for the summary of an invoice."), Some(vec![invoice])),
    ]
}

/// The messages of a prompt.
pub(super) fn prompt(name: &str, arguments: Option<&JsonObject>) -> Result<GetPromptResult, ErrorData> {
    let messages = match name {
        "greeting" => vec![
            PromptMessage::new_text(Role::User, "Greet a customer of the shop."),
            PromptMessage::new_text(Role::Assistant, "Welcome! What may I write on your call sheet?"),
        ],
        "summarizeInvoice" => {
            let invoice = arguments.and_then(|arguments| arguments.get("invoice")).and_then(Value::as_str);
            let invoice =
                invoice.ok_or_else(|| ErrorData::invalid_params("Missing argument: invoice", None))?;
            vec![PromptMessage::new_text(Role::User, format!("Summarize invoice {invoice} in one sentence."))]
        }
        _ => return Err(ErrorData::invalid_params(format!("Unknown prompt: {name}"), None)),
    };
    let description = prompts().into_iter().find(|prompt| prompt.name == name).and_then(|p| p.description);
    let mut result = GetPromptResult::new(messages);
    result.description = description;
    Ok(result)
}
