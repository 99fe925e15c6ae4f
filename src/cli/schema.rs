//! `callsheet schema`: the JSON Schemas of the file formats, printed, written, or compared with files.

use std::path::Path;

use super::args::{SchemaArgs, SchemaKind};
use super::exit::{Exit, Stop};
use super::screen::print;
use crate::model::{scenario_schema, schema_text, suite_schema};

impl SchemaKind {
    fn file_name(self) -> &'static str {
        match self {
            Self::Scenario => "scenario.schema.json",
            Self::Suite => "suite.schema.json",
        }
    }

    fn text(self) -> String {
        schema_text(&match self {
            Self::Scenario => scenario_schema(),
            Self::Suite => suite_schema(),
        })
    }
}

const ALL: [SchemaKind; 2] = [SchemaKind::Scenario, SchemaKind::Suite];

/// Does what one of the arguments says.
pub(super) fn schema(args: &SchemaArgs) -> Result<Exit, Stop> {
    if let Some(kind) = args.kind {
        print(&kind.text())?;
    }
    if let Some(folder) = &args.write {
        write(folder)?;
    }
    if let Some(folder) = &args.check {
        check(folder)?;
    }
    Ok(Exit::Good)
}

fn write(folder: &Path) -> Result<(), Stop> {
    for kind in ALL {
        let path = folder.join(kind.file_name());
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, kind.text()))
            .map_err(|error| Stop::usage(format!("cannot write `{}`: {error}", path.display())))?;
    }
    Ok(())
}

fn check(folder: &Path) -> Result<(), Stop> {
    for kind in ALL {
        let path = folder.join(kind.file_name());
        let there = std::fs::read_to_string(&path)
            .map_err(|error| Stop::usage(format!("cannot read `{}`: {error}", path.display())))?;
        if there != kind.text() {
            let way = format!("`callsheet schema --write {}` renews it", folder.display());
            return Err(Stop::new(Exit::Invalid, format!("`{}` is out of date; {way}", path.display())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_up_to_date_until_it_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("schemas");
        assert_eq!(check(&folder).unwrap_err().exit, Exit::Usage);
        write(&folder).unwrap();
        check(&folder).unwrap();
        std::fs::write(folder.join("suite.schema.json"), "{}").unwrap();
        let stop = check(&folder).unwrap_err();
        assert_eq!(stop.exit, Exit::Invalid);
        assert!(stop.message.contains("suite.schema.json` is out of date"), "{stop}");
    }
}
