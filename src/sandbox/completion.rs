//! What `completion/complete` offers for the arguments of prompts and of resource templates.

use rmcp::ErrorData;
use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference};

use super::content::{self, PRODUCTS};
use super::shop::Shop;

/// What begins with what was typed.
pub(super) fn complete(shop: &Shop, params: &CompleteRequestParams) -> Result<CompletionInfo, ErrorData> {
    let given = |name: &str| params.context.as_ref()?.get_argument(name).map(String::as_str);
    let name = params.argument.name.as_str();
    let known = match &params.r#ref {
        Reference::Prompt(prompt) => match (prompt.name.as_str(), name) {
            ("summarizeInvoice", "invoice") => invoices(shop, None),
            ("replyToCustomer", "customer") => customers(shop),
            ("replyToCustomer", "invoice") => invoices(shop, given("customer")),
            ("replyToCustomer", "tone") => owned(["firm", "formal", "friendly"]),
            (prompt, _) if content::has_prompt(prompt) => return Err(no_argument(name)),
            (prompt, _) => return Err(invalid(format!("Unknown prompt: {prompt}"))),
        },
        Reference::Resource(template) => match (template.uri.as_str(), name) {
            ("invoice://{id}/state", "id") => invoices(shop, None),
            ("job://{id}", "id") => shop.jobs.ids(),
            ("invoices://open/{customer}", "customer") => customers(shop),
            ("orders://catalog/{category}/{sku}", "category") => {
                sorted(PRODUCTS.iter().map(|product| product.category.to_owned()))
            }
            ("orders://catalog/{category}/{sku}", "sku") => {
                let category = given("category");
                let of = PRODUCTS
                    .iter()
                    .filter(|product| category.is_none_or(|wanted| wanted == product.category));
                owned(of.map(|product| product.sku))
            }
            (uri, _) if content::has_template(uri) => return Err(no_argument(name)),
            (uri, _) => return Err(invalid(format!("Unknown resource template: {uri}"))),
        },
        _ => return Err(invalid("Unknown kind of reference".to_owned())),
    };
    let mut values: Vec<_> =
        known.into_iter().filter(|value| value.starts_with(&params.argument.value)).collect();
    let total = values.len();
    values.truncate(CompletionInfo::MAX_VALUES);
    let mut info = CompletionInfo::new(values).map_err(|error| ErrorData::internal_error(error, None))?;
    info.total = u32::try_from(total).ok();
    info.has_more = Some(total > CompletionInfo::MAX_VALUES);
    Ok(info)
}

fn invoices(shop: &Shop, customer: Option<&str>) -> Vec<String> {
    let open = shop.open_invoices().into_iter();
    let of = open.filter(|(_, invoice)| customer.is_none_or(|wanted| wanted == invoice.customer));
    of.map(|(id, _)| id).collect()
}

fn customers(shop: &Shop) -> Vec<String> {
    sorted(shop.open_invoices().into_iter().map(|(_, invoice)| invoice.customer))
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    values.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn owned<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

fn no_argument(name: &str) -> ErrorData {
    invalid(format!("Unknown argument: {name}"))
}

fn invalid(message: String) -> ErrorData {
    ErrorData::invalid_params(message, None)
}
