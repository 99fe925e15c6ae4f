//! What the tools of the server `orders` do: each call is a job, and gives its outputs as a JSON string.
#![expect(deprecated, reason = "log messages are deprecated in 2026-07-28, and still to be met")]

use std::time::Duration;

use rmcp::model::{
    CallToolResponse, CallToolResult, ContentBlock, JsonObject, LoggingLevel, LoggingMessageNotification,
    LoggingMessageNotificationParam, ProgressNotificationParam, ServerNotification,
};
use rmcp::service::{OriginatingRequestId, RequestContext};
use rmcp::{ErrorData, RoleServer};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value, json};

use super::asks::Input;
use super::gate::Caller;
use super::jobs::{End, Finish, fault};
use super::listeners::Change;
use super::shop::{Invoice, Shop};
use super::tools::Process;
use super::world::TokenKind;
use crate::knobs;

/// How long what never answers is waited for.
pub(super) const SILENCE: Duration = Duration::from_secs(600);

/// A job: what one call needs.
pub(super) struct Job<'a> {
    pub(super) shop: &'a Shop,
    /// Whether the call is of 2026-07-28 or later.
    pub(super) modern: bool,
    pub(super) caller: &'a Caller,
    pub(super) context: &'a RequestContext<RoleServer>,
    /// The level from which on the client wants log messages; none if it wants none.
    pub(super) level: Option<LoggingLevel>,
    pub(super) arguments: JsonObject,
}

impl Job<'_> {
    /// Runs it to its end, or until the client cancels it.
    pub(super) async fn run(&self, process: Process, input: &Input) -> Result<CallToolResponse, ErrorData> {
        let work = async {
            self.take_time(process).await;
            let result = match process {
                Process::CreateInvoice => self.create_invoice(),
                Process::GetInvoice => self.get_invoice(),
                Process::DeleteInvoice => self.delete_invoice(),
                Process::Echo => text(self.raw_arguments()),
                Process::OrderTotals => self.order_totals(),
                Process::Slow => self.run_slow_process().await,
                Process::Failing => faulted("Orders.ApprovalRejected", "The approval was rejected."),
                Process::ImportOrders => self.import_orders().await,
                Process::StartJob => self.start_job(),
                Process::FinishJob => self.finish_job(),
                Process::Ask(ask) => return Box::pin(self.ask(ask, input)).await,
                Process::Notify => self.notify().await,
                Process::CloseMonth => return self.close_month(),
                Process::Next(changed) => self.run_changed(changed),
                Process::SendMessage => self.send_message().await,
                Process::Summarize => {
                    text(format!("# {}\n\nThere is *nothing* to tell.", self.text("subject")))
                }
            };
            Ok(self.structured(result).into())
        };
        tokio::select! {
            result = work => result,
            () = self.context.ct.cancelled() => {
                self.caller.cancelled();
                Ok(faulted("Job.Stopped", "The job was stopped by its caller.").into())
            }
        }
    }

    /// What a job takes where the knob says so: the same time in each run.
    async fn take_time(&self, process: Process) {
        let Caller { world, clock, .. } = self.caller;
        if world.knobs.is(&knobs::LATENCY, "process") {
            let seed =
                format!("{process:?}").bytes().fold(7_u64, |sum, byte| sum * 31 % 601 + u64::from(byte));
            clock.wait(Duration::from_millis(200 + seed % 601), world.is_virtual()).await;
        }
    }

    /// With its outputs as structured content, too, where the knob says so.
    fn structured(&self, mut result: CallToolResult) -> CallToolResult {
        if self.caller.world.knobs.is(&knobs::STRUCTURED, "on")
            && result.is_error != Some(true)
            && result.structured_content.is_none()
            && let Some(block) = result.content.first().and_then(|block| block.as_text())
        {
            let parsed = serde_json::from_str::<Value>(&block.text).ok();
            result.structured_content = parsed.filter(Value::is_object);
        }
        result
    }

    /// An activity of the Integration Service works for one who logged in only.
    async fn send_message(&self) -> CallToolResult {
        let Caller { world, holder, .. } = self.caller;
        if holder.kind == TokenKind::Interactive {
            return outputs(&json!({"out_MessageId": "M-1", "out_Channel": self.text("in_Channel")}));
        }
        self.caller.refused(format!("the token `{}` is not that of a user who logged in", holder.label));
        if world.knobs.is(&knobs::IS_MODE, "timeout") {
            tokio::time::sleep(SILENCE).await;
        }
        refused(&json!({
            "code": "CNS1046",
            "message": "External application authentication is not supported for this connection.",
        }))
    }

    fn create_invoice(&self) -> CallToolResult {
        let amount = self.number("in_Amount");
        let customer = self.text("in_Customer").to_owned();
        let id = self.shop.create(Invoice { customer, amount: amount.clone() });
        outputs(&json!({"out_Status": "Created", "out_InvoiceId": id, "out_Amount": amount}))
    }

    fn get_invoice(&self) -> CallToolResult {
        let Some(Invoice { customer, amount }) = self.shop.get(self.text("in_InvoiceId")) else {
            return self.no_invoice();
        };
        outputs(&json!({"out_Status": "Created", "out_Customer": customer, "out_Amount": amount}))
    }

    fn delete_invoice(&self) -> CallToolResult {
        if !self.shop.delete(self.text("in_InvoiceId")) {
            return self.no_invoice();
        }
        outputs(&json!({"out_Status": "Deleted"}))
    }

    pub(super) fn no_invoice(&self) -> CallToolResult {
        faulted("Orders.InvoiceNotFound", &format!("There is no invoice {}.", self.text("in_InvoiceId")))
    }

    fn order_totals(&self) -> CallToolResult {
        let prices = self.arguments.get("in_Prices").and_then(Value::as_array);
        let prices = prices.map(Vec::as_slice).unwrap_or_default();
        let total: f64 = prices.iter().filter_map(Value::as_f64).sum();
        CallToolResult::structured(
            json!({"total": total, "count": prices.len(), "currency": self.text("in_Currency")}),
        )
    }

    async fn run_slow_process(&self) -> CallToolResult {
        let seconds = self.number("in_Seconds");
        let time = Duration::try_from_secs_f64(seconds.as_f64().unwrap_or_default()).unwrap_or_default();
        let Caller { world, clock, .. } = self.caller;
        let limit = world.knobs.time(&knobs::RUNTIME_LIMIT);
        clock.wait(time.min(limit), world.is_virtual()).await;
        if time >= limit {
            self.caller.refused(format!("the job ran for {} s", limit.as_secs()));
            return faulted(
                "Serverless.TimeLimit",
                &format!("The job was stopped after {} s.", limit.as_secs()),
            );
        }
        outputs(&json!({"out_Status": "Successful", "out_Seconds": seconds}))
    }

    async fn import_orders(&self) -> CallToolResult {
        let count = self.whole("in_Count", 0);
        self.log(LoggingLevel::Info, "import started").await;
        for done in 1..=count {
            self.progress(done, count).await;
            self.log(LoggingLevel::Debug, &format!("order {done} imported")).await;
        }
        self.log(LoggingLevel::Notice, "import finished").await;
        outputs(&json!({"out_Imported": count}))
    }

    fn start_job(&self) -> CallToolResult {
        let (pending, polls) = (self.whole("in_Pending", 0), self.whole("in_Polls", 3));
        let id = self.shop.jobs.start(pending, polls, End::named(self.text("in_End")));
        outputs(&json!({"out_JobId": id, "out_State": "Pending"}))
    }

    fn finish_job(&self) -> CallToolResult {
        let id = self.text("in_JobId");
        let end = self.text("in_End");
        match self.shop.finish_job(id, End::named(end)) {
            Finish::Done => outputs(&json!({"out_Status": "Ended"})),
            Finish::EndedBefore => faulted("Orders.JobEnded", &format!("Job {id} had ended before.")),
            Finish::NoSuchJob => faulted("Orders.JobNotFound", &format!("There is no job {id}.")),
        }
    }

    async fn notify(&self) -> CallToolResult {
        let count = self.whole("count", 1);
        let after = Duration::from_millis(self.whole("after_ms", 0));
        let change = match self.text("kind") {
            "tools" => Change::Tools,
            "prompts" => Change::Prompts,
            "resource" if self.text("uri").is_empty() => {
                return CallToolResult::error(vec![ContentBlock::text(
                    "Invalid arguments for tool notify: uri: it is required for a resource",
                )]);
            }
            "resource" => Change::Resource(self.text("uri").to_owned()),
            kind => {
                // These belong to this call, so it is not answered before.
                tokio::time::sleep(after).await;
                for number in 1..=count {
                    match kind {
                        "progress" => self.progress(number, count).await,
                        _ => self.log(LoggingLevel::Info, &format!("notification {number}")).await,
                    }
                }
                return outputs(&json!({"out_Count": count}));
            }
        };
        if after.is_zero() {
            (0..count).for_each(|_| self.shop.listeners.tell(&change));
        } else {
            self.shop.listeners.tell_later(change, count, after);
        }
        outputs(&json!({"out_Count": count}))
    }

    async fn progress(&self, done: u64, total: u64) {
        let Some(token) = self.context.meta.get_progress_token() else { return };
        // No tool counts further than a double does: the schemas allow a thousand.
        let (done, total) = (done as f64, total as f64);
        let progress = ProgressNotificationParam::new(token, done).with_total(total);
        // A client that went away is told nothing; the job runs on.
        let _ = self.context.peer.notify_progress(progress).await;
    }

    async fn log(&self, level: LoggingLevel, message: &str) {
        if self.level.is_none_or(|wanted| (level as u8) < (wanted as u8)) {
            return;
        }
        let params = LoggingMessageNotificationParam::new(level, json!(message)).with_logger("orders");
        let mut notification = LoggingMessageNotification::new(params);
        notification.extensions.insert(OriginatingRequestId(self.context.id.clone()));
        let notification = ServerNotification::LoggingMessageNotification(notification);
        let _ = self.context.peer.send_notification(notification).await;
    }

    /// A whole number; integers may be written as 3.0.
    fn whole(&self, name: &str, default: u64) -> u64 {
        let given = self.arguments.get(name);
        given.and_then(Value::as_f64).map_or(default, |number| number as u64)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.arguments.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Number {
        match self.arguments.get(name) {
            Some(Value::Number(number)) => number.clone(),
            _ => 0.into(),
        }
    }

    /// The arguments as their bytes came: what was parsed and written again may be another number.
    fn raw_arguments(&self) -> String {
        #[derive(Deserialize)]
        struct Message<'a> {
            #[serde(borrow)]
            params: Params<'a>,
        }
        #[derive(Deserialize)]
        struct Params<'a> {
            #[serde(borrow, default)]
            arguments: Option<&'a RawValue>,
        }
        let message = serde_json::from_slice::<Message<'_>>(&self.caller.body);
        message
            .ok()
            .and_then(|message| message.params.arguments)
            .map_or_else(|| Value::Object(self.arguments.clone()).to_string(), |raw| raw.get().to_owned())
    }
}

/// A text block.
fn text(text: String) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// The outputs of a process.
pub(super) fn outputs(outputs: &Value) -> CallToolResult {
    text(outputs.to_string())
}

/// A job that faulted, as Orchestrator describes it.
pub(super) fn faulted(code: &str, detail: &str) -> CallToolResult {
    refused(&fault(code, detail))
}

/// A tool error that says why in JSON.
pub(super) fn refused(why: &Value) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(why.to_string())])
}
