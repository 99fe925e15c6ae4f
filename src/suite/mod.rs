//! From a path to documents: finding the suite file, finding the scenario files that it names, reading one.
//! What a document says is no matter of this room.

mod discover;
mod name;
mod named;
mod read;

pub use discover::{Discovery, Found, PatternError, Refused, SUITE_FILE, discover, find, fixed_part};
pub use name::slug;
pub use named::{Named, NamedError, named_file};
pub(crate) use read::reason;
pub use read::{read, read_text};
