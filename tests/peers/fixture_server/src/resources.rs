//! The resources.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde_json::json;

use crate::content::{PNG, blob_of, text_of};

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
const WATCHED: &str = "test://watched-resource";

pub fn list() -> Vec<Resource> {
    vec![
        Resource::new(TEXT, "Static text")
            .with_description("Always the same text")
            .with_mime_type("text/plain"),
        Resource::new(BINARY, "Static binary")
            .with_description("Always the same image")
            .with_mime_type("image/png"),
        Resource::new(WATCHED, "Watched resource")
            .with_description("A resource to subscribe to")
            .with_mime_type("text/plain"),
    ]
}

pub fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("test://template/{id}/data", "Data by id")
            .with_description("Data that names its id")
            .with_mime_type("application/json"),
    ]
}

pub fn read(uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let contents = find(uri).ok_or_else(|| not_found(uri))?;
    Ok(ReadResourceResult::new(vec![contents]))
}

/// Whether something can be read there.
pub fn exists(uri: &str) -> bool {
    find(uri).is_some()
}

pub fn not_found(uri: &str) -> ErrorData {
    ErrorData::resource_not_found(format!("there is no resource {uri}"), Some(json!({"uri": uri})))
}

fn find(uri: &str) -> Option<ResourceContents> {
    match uri {
        TEXT => Some(text_of(uri, "text/plain", "This is the content of the static text resource.")),
        BINARY => Some(blob_of(uri, "image/png", PNG)),
        WATCHED => Some(text_of(uri, "text/plain", "This resource may change.")),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            if id.is_empty() || id.contains('/') {
                return None;
            }
            let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            Some(text_of(uri, "application/json", data.to_string()))
        }
    }
}
