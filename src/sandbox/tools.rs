//! The tools of the servers: what is listed, and what arguments they take. What they do is in
//! `processes`.

use std::sync::{LazyLock, OnceLock};

use jsonschema::Validator;
use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};

use super::tasks;
use super::upgrade::{self, Changed};
use super::world::Catalog;

/// What a tool starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    CreateInvoice,
    GetInvoice,
    DeleteInvoice,
    Echo,
    OrderTotals,
    Slow,
    Failing,
    ImportOrders,
    StartJob,
    FinishJob,
    Ask(Ask),
    Notify,
    CloseMonth,
    /// Of the upgrade.
    Next(Changed),
    /// An activity of the Integration Service.
    SendMessage,
    /// Text for people.
    Summarize,
}

/// What a tool asks its client before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// A form.
    Approval,
    /// A link to open.
    Link,
    /// A message of a model.
    Model,
    /// The client's roots.
    Roots,
    /// Two forms, one after the other.
    Twice,
}

/// A tool with what it starts.
pub(super) struct Definition {
    pub(super) tool: Tool,
    pub(super) process: Process,
    pub(super) arguments: OnceLock<Option<Validator>>,
}

static ORDERS: LazyLock<Vec<Definition>> = LazyLock::new(orders);
static ORDERS_NEXT: LazyLock<Vec<Definition>> = LazyLock::new(upgrade::tools);
static CONNECTORS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let own = |definition: &Definition| matches!(definition.process, Process::GetInvoice | Process::Echo);
    let mut tools: Vec<_> = orders().into_iter().filter(own).collect();
    let properties = json!({
        "in_Channel": {"type": "string", "maxLength": 100},
        "in_Text": {"type": "string", "maxLength": 10_000},
    });
    let description = "Sends a message to a channel, through a connection.";
    let required = &["in_Channel", "in_Text"];
    tools.push(process(Process::SendMessage, "sendSlackMessage", description, properties, required));
    tools
});
static ASSISTANT: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let properties = json!({"subject": {"type": "string", "maxLength": 1000}});
    let own = |definition: &Definition| matches!(definition.process, Process::Slow | Process::Echo);
    let summarize = process(
        Process::Summarize,
        "summarize",
        "Writes about a subject, in Markdown.",
        properties,
        &["subject"],
    );
    std::iter::once(summarize).chain(orders().into_iter().filter(own)).collect()
});

/// What a server of a catalog offers, in the order in which it is listed.
pub(super) fn of(catalog: Catalog) -> &'static [Definition] {
    match catalog {
        Catalog::Orders => &ORDERS,
        Catalog::OrdersNext => &ORDERS_NEXT,
        Catalog::Connectors => &CONNECTORS,
        Catalog::Assistant => &ASSISTANT,
    }
}

/// The tools of the server `orders`.
pub(super) fn orders() -> Vec<Definition> {
    let invoice_id = || json!({"in_InvoiceId": {"type": "string", "maxLength": 100}});
    vec![
        process(
            Process::CreateInvoice,
            "createInvoice",
            "Creates an invoice and returns its id.",
            json!({
                "in_Customer": {"type": "string", "maxLength": 1000},
                "in_Amount": {"type": "number"},
                "in_Note": {"type": "string"},
            }),
            &["in_Customer", "in_Amount"],
        ),
        process(
            Process::GetInvoice,
            "getInvoice",
            "Returns an invoice by its id.",
            invoice_id(),
            &["in_InvoiceId"],
        ),
        process(
            Process::DeleteInvoice,
            "deleteInvoice",
            "Deletes an invoice by its id.",
            invoice_id(),
            &["in_InvoiceId"],
        ),
        definition(
            Process::Echo,
            "echo",
            "Returns its arguments as they came.",
            json!({"type": "object", "additionalProperties": true}),
        ),
        order_totals(),
        process(
            Process::Slow,
            "runSlowProcess",
            "Runs for so many seconds.",
            json!({"in_Seconds": {"type": "number", "minimum": 0, "maximum": 600}}),
            &["in_Seconds"],
        ),
        process(Process::Failing, "runFailingProcess", "Starts a job that faults.", json!({}), &[]),
        process(
            Process::ImportOrders,
            "importOrders",
            "Imports so many orders and tells how it gets on.",
            json!({"in_Count": {"type": "integer", "minimum": 0, "maximum": 1000}}),
            &["in_Count"],
        ),
        process(
            Process::StartJob,
            "startJob",
            "Starts a job and returns its id; the resource job://{id} tells how far it is.",
            json!({
                "in_Polls": {"type": "integer", "minimum": 0, "maximum": 1000},
                "in_Pending": {"type": "integer", "minimum": 0, "maximum": 1000},
                "in_End": end(),
            }),
            &[],
        ),
        process(
            Process::FinishJob,
            "finishJob",
            "Ends a job at once.",
            json!({"in_JobId": {"type": "string", "maxLength": 100}, "in_End": end()}),
            &["in_JobId"],
        ),
        ask_approval(),
        asking(Ask::Link, "askLink", "Has the user open a link, and returns what came of it."),
        asking(Ask::Model, "askModel", "Has the client's model write a summary."),
        asking(Ask::Roots, "askRoots", "Returns the client's roots."),
        asking(Ask::Twice, "askTwice", "Asks for an approval, then for its reason."),
        process(
            Process::Notify,
            "notify",
            "Sends so many notifications: of changes to all who listen, of the log and progress to its caller.",
            json!({
                "kind": {"enum": ["tools", "prompts", "resource", "log", "progress"]},
                "uri": {"type": "string", "maxLength": 1000},
                "count": {"type": "integer", "minimum": 0, "maximum": 100},
                "after_ms": {"type": "integer", "minimum": 0, "maximum": 60_000},
            }),
            &["kind"],
        ),
        process(
            Process::CloseMonth,
            tasks::TOOL,
            "Closes a month. It runs as a task only, which asks for an approval where it is wanted.",
            json!({
                "in_Polls": {"type": "integer", "minimum": 0, "maximum": 100_000},
                "in_Approval": {"type": "boolean"},
                "in_End": {"enum": ["Successful", "Faulted", "Refused"]},
            }),
            &[],
        ),
    ]
}

fn end() -> Value {
    json!({"enum": ["Successful", "Faulted"]})
}

fn asking(ask: Ask, name: &'static str, description: &'static str) -> Definition {
    let properties = json!({"in_Subject": {"type": "string", "maxLength": 1000}});
    process(Process::Ask(ask), name, description, properties, &[])
}

fn ask_approval() -> Definition {
    let mut approval = asking(Ask::Approval, "askApproval", "Has the user fill in a form, and returns it.");
    let output = json!({
        "type": "object",
        "properties": {
            "action": {"enum": ["accept", "decline", "cancel"]},
            "content": {"type": "object"},
        },
        "required": ["action"],
    });
    approval.tool = approval.tool.with_raw_output_schema(object(output).into());
    approval
}

/// The tool of a name.
pub(super) fn find(catalog: Catalog, name: &str) -> Option<&'static Definition> {
    of(catalog).iter().find(|definition| definition.tool.name == name)
}

impl Definition {
    /// Whether it is an activity of the Integration Service, which starts no job.
    pub(super) fn is_activity(&self) -> bool {
        self.process == Process::SendMessage
    }

    /// Whether it asks its client something.
    pub(super) fn asks(&self) -> bool {
        matches!(self.process, Process::Ask(_))
    }

    /// What is wrong with arguments, if anything is.
    pub(super) fn problems(&self, arguments: &Value) -> Option<String> {
        // Compiled when it is first needed: most runs call few of the tools.
        let validator = self.arguments.get_or_init(|| {
            let schema = Value::Object(JsonObject::clone(&self.tool.input_schema));
            jsonschema::validator_for(&schema).ok()
        });
        let problems: Vec<_> = validator.as_ref()?.iter_errors(arguments).map(describe).collect();
        let name = &self.tool.name;
        (!problems.is_empty()).then(|| format!("Invalid arguments for tool {name}: {}", problems.join("; ")))
    }
}

fn describe(error: jsonschema::ValidationError<'_>) -> String {
    match error.instance_path().as_str().strip_prefix('/') {
        Some(argument) => format!("{argument}: {error}"),
        None => error.to_string(),
    }
}

fn order_totals() -> Definition {
    let totals = process(
        Process::OrderTotals,
        "orderTotals",
        "Adds up prices.",
        json!({
            "in_Prices": {
                "type": "array",
                "maxItems": 10_000,
                "items": {"type": "number", "minimum": -1e12, "maximum": 1e12},
            },
            "in_Currency": {"type": "string"},
        }),
        &["in_Prices", "in_Currency"],
    );
    let output = json!({
        "type": "object",
        "properties": {
            "total": {"type": "number"},
            "count": {"type": "integer"},
            "currency": {"type": "string"},
        },
        "required": ["total", "count", "currency"],
        "additionalProperties": false,
    });
    with_output(totals, output)
}

/// A tool with the schema of its structured content.
pub(super) fn with_output(mut definition: Definition, output: Value) -> Definition {
    definition.tool = definition.tool.with_raw_output_schema(object(output).into());
    definition
}

/// A tool with the schema that UiPath makes from a process's arguments.
pub(super) fn process(
    process: Process,
    name: &'static str,
    description: &'static str,
    properties: Value,
    required: &[&str],
) -> Definition {
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    definition(process, name, description, schema)
}

fn definition(process: Process, name: &'static str, description: &'static str, schema: Value) -> Definition {
    Definition { tool: Tool::new(name, description, object(schema)), process, arguments: OnceLock::new() }
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(members) => members,
        _ => JsonObject::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_compiles_and_names_what_is_wrong() {
        let catalogs = [Catalog::Orders, Catalog::OrdersNext, Catalog::Connectors, Catalog::Assistant];
        for definition in catalogs.into_iter().flat_map(of) {
            let schema = Value::Object(JsonObject::clone(&definition.tool.input_schema));
            assert!(jsonschema::validator_for(&schema).is_ok(), "{}", definition.tool.name);
        }
        let create = find(Catalog::Orders, "createInvoice").unwrap();
        assert_eq!(create.problems(&json!({"in_Customer": "C-1", "in_Amount": 1.5})), None);
        let wrong = create.problems(&json!({"in_Customer": 1, "in_Amonut": 1.5})).unwrap();
        for part in ["createInvoice", "in_Customer: 1", "in_Amonut", "in_Amount"] {
            assert!(wrong.contains(part), "{wrong}");
        }
    }
}
