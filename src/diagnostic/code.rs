//! The stable names of all diagnostics.

/// Makes the enum, its list and its names from one table, so that none can be forgotten.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// The stable name of a kind of diagnostic. Each has a golden file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name as it is printed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it means, in a sentence or two.
            #[must_use]
            pub fn explain(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n",)+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    // Reading files.
    /// The file is not YAML.
    YamlSyntax = "yaml-syntax",
    /// A key stands twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// A tab where YAML wants spaces.
    YamlTab = "yaml-tab",
    /// `{{` that YAML reads as a mapping.
    UnquotedBraces = "unquoted-braces",
    /// A path, URI template or regex that YAML's `{…}` or `[…]` splits.
    SplitScalar = "split-scalar",
    /// ` #` inside a plain scalar: the rest is a comment.
    CutByComment = "cut-by-comment",
    /// A plain scalar that becomes a number of another spelling.
    RespeltNumber = "respelt-number",
    /// A number that neither 64 bits nor a double holds exactly.
    InexactNumber = "inexact-number",
    /// A YAML tag that means nothing here.
    UnknownTag = "unknown-tag",
    /// A file, document, list of steps or mapping without content.
    Empty = "empty",
    /// A file that cannot be read.
    Unreadable = "unreadable",
    /// A size or depth over its limit.
    TooLarge = "too-large",
    /// A CSV or JSON file of rows that does not keep to its format.
    DataSyntax = "data-syntax",

    // The shape of the two file formats.
    /// A key that does not exist there.
    UnknownKey = "unknown-key",
    /// A key that has to be there.
    MissingKey = "missing-key",
    /// A value of another type than the key takes.
    WrongType = "wrong-type",
    /// A value that the key does not take.
    BadValue = "bad-value",
    /// A duration that cannot be read.
    BadDuration = "bad-duration",
    /// Two keys that exclude each other.
    Conflict = "conflict",
    /// A step without a verb, or with two.
    Verb = "verb",
    /// A name of the suite that does not exist: a server, an identity.
    UnknownName = "unknown-name",
    /// A name that cannot be used: a reserved word, or not a name.
    BadName = "bad-name",
    /// Two cases of one name.
    EqualNames = "equal-names",
    /// An address that cannot be used.
    BadAddress = "bad-address",
    /// A secret written into a file.
    LiteralSecret = "literal-secret",
    /// An Authorization header in a scenario.
    Authorization = "authorization",
    /// A pattern under `scenarios` that finds no file.
    NothingFound = "nothing-found",
    /// A `use` that leads to no fragment.
    UnknownFragment = "unknown-fragment",
    /// Fragments that use each other in a circle.
    FragmentCycle = "fragment-cycle",
    /// A fragment that nothing uses.
    UnusedFragment = "unused-fragment",
    /// A key of a step that stands among the arguments of its verb.
    MisplacedKey = "misplaced-key",
    /// Something that a version of `protocol` does not have.
    NotInVersion = "not-in-version",
    /// A token that runs out soon, or has, by the day that the suite gives.
    Expires = "expires",

    // Templates.
    /// A template that cannot be read.
    TemplateSyntax = "template-syntax",
    /// A part of Handlebars that is not used here: blocks, partials, triple braces.
    TemplateForm = "template-form",
    /// A helper that does not exist.
    UnknownHelper = "unknown-helper",
    /// A name that nothing defines, or nothing defines before it is used.
    UndefinedName = "undefined-name",
    /// A template where none is read.
    TemplateHere = "template-here",
    /// A saved value that nothing reads.
    UnusedSave = "unused-save",
    /// An output of a fragment that its steps do not save, or not always.
    UnsavedOutput = "unsaved-output",

    // Matchers.
    /// An operator that does not exist.
    UnknownOperator = "unknown-operator",
    /// An operand that the operator does not take.
    BadOperand = "bad-operand",
    /// A regular expression that cannot be read.
    BadRegex = "bad-regex",
    /// A JSONPath that cannot be read.
    BadPath = "bad-path",
    /// A JSONPath key where none is read.
    PathHere = "path-here",
    /// A JSON Schema that is none.
    BadSchema = "bad-schema",
    /// Operators and plain keys in one mapping.
    MixedKeys = "mixed-keys",
    /// A matcher that cannot fail.
    CannotFail = "cannot-fail",
    /// A field of the exchange that does not exist.
    UnknownField = "unknown-field",
    /// A field of the exchange that the verb does not fill.
    UnfilledField = "unfilled-field",
    /// Progress that is expected without a token to ask for it.
    NoProgressToken = "no-progress-token",
    /// A snapshot that no scenario names.
    OrphanSnapshot = "orphan-snapshot",

    // Advice.
    /// A step that expects nothing by itself.
    NoExpectation = "no-expectation",
    /// A variable that nothing reads.
    UnusedVar = "unused-var",
    /// Rows that nothing reads.
    UnusedRows = "unused-rows",
    /// A call that `eventually` repeats, though each starts a job.
    RepeatedCall = "repeated-call",
    /// A pause where something can be waited for.
    Sleep = "sleep",
    /// A call of an Integration Service activity with a token that does not suffice for it.
    IntegrationService = "integration-service",

    // Found by the run.
    /// An exchange that differs from what was expected.
    Mismatch = "mismatch",
    /// An implied check that does not hold.
    Implied = "implied",
    /// A save that found no node, or several.
    SaveFailed = "save-failed",
    /// A template that could not be rendered.
    RenderFailed = "render-failed",
    /// A step that needs what a failed step did not save.
    NotRun = "not-run",
    /// A session that could not be opened.
    OpenFailed = "open-failed",
    /// A credential that could not be read.
    Credential = "credential",
    /// A time that ran out.
    TimedOut = "timed-out",
    /// A case that was stopped before its end.
    Interrupted = "interrupted",
    /// A request of the server that nothing in the scenario answers.
    Unanswered = "unanswered",
    /// A rule of `respond` that was not used as often as it says.
    UnusedRule = "unused-rule",
    /// A step with `eventually` that never held.
    NotEventually = "eventually",
    /// A known bug that does not show any more, or is tolerated no longer.
    KnownBug = "known-bug",
    /// A violation of the protocol.
    Wire = "wire",
    /// Something that a step made, and that was not, or may not have been, cleaned up.
    LeftBehind = "left-behind",
}
