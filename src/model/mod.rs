//! The types of the two file formats, and the one reader that makes them: a cursor over values and spans,
//! driven by a table of keys for each object. It collects every problem and goes on. The JSON Schemas and the
//! key lists of the docs come from the same tables. Free values (arguments, expectations) stay in the
//! document and are pointed to; compiling them is `plan/`'s job.

mod address;
mod cursor;
mod duration;
mod elsewhere;
mod hide;
mod keys;
mod names;
mod operators;
mod read_rules;
mod read_scenario;
mod read_server;
mod read_step;
mod read_suite;
mod read_tls;
mod read_uipath;
mod scenario;
mod scenario_keys;
mod schema;
mod schema_matcher;
mod shape;
mod step_keys;
mod suite;
mod suite_keys;
#[cfg(test)]
mod tests;
mod values;
mod verb_rules;

pub(crate) use address::{address, holds_secret};
pub use duration::{duration, shown_duration};
pub(crate) use hide::literals;
pub use keys::{KeyRow, key_tables};
pub use operators::{OPERATORS, Operator};
pub use read_scenario::read_documents;
pub use read_suite::{read_suite, suite_of_url};
pub use scenario::{
    Action, Branch, ClientPart, Eventually, Form, Fragment, Input, KnownBug, Protocols, Reference, Reply,
    RowSource, Rows, Rule, Save, Scenario, SessionVerb, Spot, Step, Unit,
};
pub use schema::{scenario_schema, schema_text, suite_schema};
pub use suite::{Checks, Command, Expiry, Level, Limits, Server, Set, Setting, Suite, Target, Timeouts, Tls};
