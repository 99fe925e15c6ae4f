//! What runs leave in files: the snapshots of `$snapshot`, in `STEM.snap.yaml` beside the scenario file, and
//! with `--update` expected values that are written anew. Whether something holds is `matcher/`'s to say; nothing
//! here prints.
//!
//! `file` is one file of snapshots, `keys` says which snapshots scenarios name, `store` has them for a run and
//! takes new ones, `scalars` takes what expected values are to become, `update` writes both.

mod file;
mod keys;
mod patch;
mod scalars;
mod store;
mod update;

pub use file::problems;
pub use keys::{Names, names};
pub use store::{Record, Step, Store};
pub use update::Updated;
