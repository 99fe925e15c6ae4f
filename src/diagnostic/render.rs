//! Drawing diagnostics as text with annotate-snippets, in rustc's manner.

use super::Diagnostic;

/// How text is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No colour.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

/// One diagnostic as text, ending in a line break.
#[must_use]
pub fn render(diagnostic: &Diagnostic, style: Style) -> String {
    let _ = style;
    format!("error[{}]: {}\n", diagnostic.code.as_str(), diagnostic.message)
}

/// Several diagnostics, a blank line between them.
#[must_use]
pub fn render_all(diagnostics: &[Diagnostic], style: Style) -> String {
    diagnostics.iter().map(|d| render(d, style)).collect::<Vec<_>>().join("\n")
}
