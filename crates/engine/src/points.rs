//! The points at which a test may make a run die, in the order in which a run passes them.
//!
//! A point stands before and after each step that lasts: a commit, or a call that changes a tracker.

macro_rules! points {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $word;)*

        /// Every point, in the order in which a run passes them.
        pub const ALL: &[&str] = &[$($name,)*];
    };
}

points! {
    /// The run has its row and its lease; nothing else happened.
    RUN_STARTED = "run.started";
    /// Open intents were looked at; nothing about them is recorded yet.
    RECOVER_BEFORE_COMMIT = "recover.before_commit";
    /// What became of open intents is recorded.
    RECOVER_AFTER_COMMIT = "recover.after_commit";
    /// A page was read.
    PAGE_READ = "page.read";
    /// Writes were planned; no intent is recorded yet.
    INTENTS_BEFORE_COMMIT = "intents.before_commit";
    /// Intents are recorded; nothing was sent.
    INTENTS_AFTER_COMMIT = "intents.after_commit";
    /// A chunk of creates and updates is about to be sent.
    WRITE_BEFORE_CALL = "write.before_call";
    /// The tracker answered; nothing is recorded.
    WRITE_AFTER_CALL = "write.after_call";
    /// Pairs, bases and receipts are recorded.
    WRITE_AFTER_COMMIT = "write.after_commit";
    /// Intents of comments are recorded; nothing was sent.
    COMMENT_BEFORE_CALL = "comment.before_call";
    /// The tracker took a comment; nothing is recorded.
    COMMENT_AFTER_CALL = "comment.after_call";
    /// A comment's pair is recorded.
    COMMENT_AFTER_COMMIT = "comment.after_commit";
    /// All items of a page are done with; cursor and counts are not recorded.
    PAGE_BEFORE_COMMIT = "page.before_commit";
    /// Cursor and counts are recorded.
    PAGE_AFTER_COMMIT = "page.after_commit";
    /// All pages are done with; the run's end is not recorded.
    RUN_BEFORE_CLOSE = "run.before_close";
}
