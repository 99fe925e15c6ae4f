//! The resources and prompts of the server `orders`.

use rmcp::ErrorData;
use rmcp::model::{
    GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Resource, ResourceContents,
    ResourceTemplate, Role,
};
use serde_json::{Value, json};

use super::shop::{Invoice, OPEN_INVOICES, Shop};

const CATALOG: &str = "orders://catalog";
const LOGO: &str = "orders://logo";
/// One transparent pixel.
const LOGO_PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const TEMPLATES: [(&str, &str, &str); 4] = [
    ("invoice://{id}/state", "invoiceState", "The state of an invoice."),
    ("job://{id}", "job", "The state of a job, which gets on by being read."),
    ("invoices://open/{customer}", "openInvoicesOfCustomer", "A customer's invoices that were not deleted."),
    ("orders://catalog/{category}/{sku}", "product", "A product by its category and number."),
];

/// Something that can be ordered.
pub(super) struct Product {
    pub(super) category: &'static str,
    pub(super) sku: &'static str,
    name: &'static str,
    /// As it is written: 89 is to stay a whole number.
    price: &'static str,
}

/// What can be ordered.
pub(super) const PRODUCTS: [Product; 3] = [
    Product { category: "set", sku: "P-100", name: "Clapperboard", price: "24.9" },
    Product { category: "set", sku: "P-200", name: "Director's chair", price: "89" },
    Product { category: "sound", sku: "P-300", name: "Megaphone", price: "31.245270191439438" },
];

impl Product {
    fn describe(&self) -> Value {
        let price = serde_json::from_str::<Value>(self.price).unwrap_or_default();
        json!({"sku": self.sku, "name": self.name, "price": price})
    }
}

/// The resources that are listed.
pub(super) fn resources() -> Vec<Resource> {
    vec![
        Resource::new(CATALOG, "catalog")
            .with_description("The products that can be ordered.")
            .with_mime_type("application/json"),
        Resource::new(LOGO, "logo").with_description("The shop's logo.").with_mime_type("image/png"),
        Resource::new(OPEN_INVOICES, "openInvoices")
            .with_description("The invoices that were created and not deleted.")
            .with_mime_type("application/json"),
    ]
}

/// The templates of resources.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    TEMPLATES
        .iter()
        .map(|(uri, name, description)| {
            ResourceTemplate::new(*uri, *name)
                .with_description(*description)
                .with_mime_type("application/json")
        })
        .collect()
}

/// Whether there is a template of that very spelling.
pub(super) fn has_template(uri: &str) -> bool {
    TEMPLATES.iter().any(|(known, ..)| *known == uri)
}

/// Whether there is a prompt of a name.
pub(super) fn has_prompt(name: &str) -> bool {
    prompts().iter().any(|prompt| prompt.name == name)
}

/// What a resource holds.
pub(super) fn read(shop: &Shop, uri: &str) -> Result<ResourceContents, ErrorData> {
    let json =
        |value: Value| ResourceContents::text(value.to_string(), uri).with_mime_type("application/json");
    match uri {
        CATALOG => Ok(json(PRODUCTS.iter().map(Product::describe).collect())),
        LOGO => Ok(ResourceContents::blob(LOGO_PNG, uri).with_mime_type("image/png")),
        _ => computed(shop, uri)
            .map(json)
            .ok_or_else(|| ErrorData::resource_not_found("Resource not found", Some(json!({"uri": uri})))),
    }
}

/// What changes while the sandbox runs, and what a template names.
fn computed(shop: &Shop, uri: &str) -> Option<Value> {
    let (scheme, rest) = uri.split_once("://")?;
    match scheme {
        "invoice" => {
            let id = rest.strip_suffix("/state")?;
            let invoice = shop.get(id)?;
            Some(json!({"id": id, "state": "Successful", "amount": invoice.amount}))
        }
        "job" => shop.read_job(rest),
        "invoices" => {
            let below = uri.strip_prefix(OPEN_INVOICES)?;
            let customer = if below.is_empty() { None } else { Some(below.strip_prefix('/')?) };
            let open = shop.open_invoices().into_iter();
            let of = open.filter(|(_, invoice)| customer.is_none_or(|wanted| wanted == invoice.customer));
            let described = |(id, invoice): (String, Invoice)| json!({"id": id, "customer": invoice.customer, "amount": invoice.amount});
            Some(of.map(described).collect())
        }
        "orders" => {
            let (category, sku) = rest.strip_prefix("catalog/")?.split_once('/')?;
            let found = PRODUCTS.iter().find(|product| (product.category, product.sku) == (category, sku));
            found.map(Product::describe)
        }
        _ => None,
    }
}

/// The prompts that are listed.
pub(super) fn prompts() -> Vec<Prompt> {
    let invoice = PromptArgument::new("invoice").with_description("The invoice's id.").with_required(true);
    vec![
        Prompt::new("greeting", Some("A greeting for the shop's customers."), None),
        Prompt::new("summarizeInvoice", Some("Asks for the summary of an invoice."), Some(vec![invoice])),
        Prompt::new(
            "replyToCustomer",
            Some("Asks for a letter to a customer."),
            Some(vec![
                PromptArgument::new("customer")
                    .with_description("The customer's number.")
                    .with_required(true),
                PromptArgument::new("invoice").with_description("What it is about."),
                PromptArgument::new("tone").with_description("`firm`, `formal` or `friendly`."),
            ]),
        ),
    ]
}

/// The messages of a prompt.
pub(super) fn prompt(name: &str, arguments: Option<&JsonObject>) -> Result<GetPromptResult, ErrorData> {
    let given = |name: &str| arguments.and_then(|arguments| arguments.get(name)).and_then(Value::as_str);
    let required = |name: &str| {
        given(name).ok_or_else(|| ErrorData::invalid_params(format!("Missing argument: {name}"), None))
    };
    let messages = match name {
        "greeting" => vec![
            PromptMessage::new_text(Role::User, "Greet a customer of the shop."),
            PromptMessage::new_text(Role::Assistant, "Welcome! What may I write on your call sheet?"),
        ],
        "summarizeInvoice" => {
            let invoice = required("invoice")?;
            vec![PromptMessage::new_text(Role::User, format!("Summarize invoice {invoice} in one sentence."))]
        }
        "replyToCustomer" => {
            let about =
                given("invoice").map(|invoice| format!(" about invoice {invoice}")).unwrap_or_default();
            let tone = given("tone").unwrap_or("friendly");
            let text = format!("Write a {tone} letter to customer {}{about}.", required("customer")?);
            vec![PromptMessage::new_text(Role::User, text)]
        }
        _ => return Err(ErrorData::invalid_params(format!("Unknown prompt: {name}"), None)),
    };
    let description = prompts().into_iter().find(|prompt| prompt.name == name).and_then(|p| p.description);
    let mut result = GetPromptResult::new(messages);
    result.description = description;
    Ok(result)
}
