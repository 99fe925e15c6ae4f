//! `orders-next`: the server `orders` after an upgrade that breaks its clients. `createInvoice` renamed an argument
//! and wants a new one, `getInvoice` and `orderTotals` changed their outputs, `importOrders` is gone.

use rmcp::model::CallToolResult;
use serde_json::{Value, json};

use super::processes::{Job, outputs};
use super::shop::Invoice;
use super::tools::{Definition, Process, orders, process, with_output};

const GONE: &str = "importOrders";

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    CreateInvoice,
    GetInvoice,
    OrderTotals,
}

/// The tools of the upgrade.
pub(super) fn tools() -> Vec<Definition> {
    let kept = orders().into_iter().filter(|definition| definition.tool.name != GONE);
    kept.map(|definition| match definition.process {
        Process::CreateInvoice => process(
            Process::Next(Changed::CreateInvoice),
            "createInvoice",
            "Creates an invoice in a currency and returns its id.",
            json!({
                "in_CustomerId": {"type": "string", "maxLength": 1000},
                "in_Amount": {"type": "number"},
                "in_Currency": {"type": "string", "maxLength": 3},
                "in_Note": {"type": "string"},
            }),
            &["in_CustomerId", "in_Amount", "in_Currency"],
        ),
        Process::GetInvoice => Definition { process: Process::Next(Changed::GetInvoice), ..definition },
        Process::OrderTotals => {
            let output = json!({
                "type": "object",
                "properties": {
                    "total": {"type": "string"},
                    "count": {"type": "integer"},
                    "currency": {"type": "string"},
                },
                "required": ["total", "count", "currency"],
                "additionalProperties": false,
            });
            with_output(Definition { process: Process::Next(Changed::OrderTotals), ..definition }, output)
        }
        _ => definition,
    })
    .collect()
}

impl Job<'_> {
    /// Runs what was changed.
    pub(super) fn run_changed(&self, changed: Changed) -> CallToolResult {
        match changed {
            Changed::CreateInvoice => {
                let amount = self.number("in_Amount");
                let customer = self.text("in_CustomerId").to_owned();
                let id = self.shop.create(Invoice { customer, amount: amount.clone() });
                let currency = self.text("in_Currency");
                outputs(&json!({
                    "out_Status": "Created", "out_InvoiceId": id, "out_Amount": amount, "out_Currency": currency,
                }))
            }
            Changed::GetInvoice => match self.shop.get(self.text("in_InvoiceId")) {
                Some(Invoice { customer, amount }) => outputs(&json!({
                    "out_Status": "Created", "out_CustomerId": customer, "out_Amount": {"value": amount},
                })),
                None => self.no_invoice(),
            },
            Changed::OrderTotals => {
                let prices = self.arguments.get("in_Prices").and_then(Value::as_array);
                let prices = prices.map(Vec::as_slice).unwrap_or_default();
                let total: f64 = prices.iter().filter_map(Value::as_f64).sum();
                CallToolResult::structured(json!({
                    "total": format!("{total:.2}"), "count": prices.len(), "currency": self.text("in_Currency"),
                }))
            }
        }
    }
}
