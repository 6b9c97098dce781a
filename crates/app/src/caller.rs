//! Who asks, and what they may do.

use syncline_domain::{ConfigId, Fault, Role};

const COMMAND_LINE: &str = "command line";
const BY_ITSELF: &str = "schedule";

/// Whoever asks for a use case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name in the audit trail: a key's name, `anonymous (loopback)`, `command line`.
    pub actor: String,
    /// What they may do.
    pub role: Role,
    /// The only configurations they see; all when `None`.
    pub scope: Option<Vec<ConfigId>>,
    /// The request they came with.
    pub request_id: Option<String>,
}

impl Caller {
    /// The actor of whoever comes in without a key.
    pub const ANONYMOUS: &'static str = "anonymous (loopback)";

    /// The person at the machine's own terminal.
    #[must_use]
    pub fn command_line() -> Self {
        Self { actor: COMMAND_LINE.to_owned(), role: Role::Admin, scope: None, request_id: None }
    }

    /// What goes on without anybody asking.
    #[must_use]
    pub(crate) fn by_itself() -> Self {
        Self { actor: BY_ITSELF.to_owned(), ..Self::command_line() }
    }

    /// Whether the actor names somebody, as that of a key does.
    #[must_use]
    pub fn is_named(&self) -> bool {
        ![Self::ANONYMOUS, COMMAND_LINE, BY_ITSELF].contains(&self.actor.as_str())
    }

    /// Passes when the role is at least `needed`.
    ///
    /// # Errors
    /// [`Fault::Forbidden`] otherwise, naming both roles.
    pub fn needs(&self, needed: Role) -> Result<(), Fault> {
        if self.role >= needed {
            return Ok(());
        }
        Err(Fault::Forbidden(format!(
            "this takes the role {needed}; the key has the role {}: use a key with that role",
            self.role
        )))
    }

    /// Whether a configuration is in sight. Whatever is out of sight does not exist for the caller.
    #[must_use]
    pub fn sees(&self, config: ConfigId) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.contains(&config))
    }

    /// Passes when a configuration is in sight.
    ///
    /// # Errors
    /// [`Fault::NotFound`], the same as for a configuration that does not exist.
    pub fn must_see(&self, config: ConfigId) -> Result<(), Fault> {
        if self.sees(config) { Ok(()) } else { Err(Fault::no_such("sync configuration", config)) }
    }

    /// Passes when the caller sees everything: for things that belong to no configuration.
    ///
    /// # Errors
    /// [`Fault::Forbidden`] for a key that is limited to some configurations.
    pub fn must_see_all(&self) -> Result<(), Fault> {
        if self.scope.is_none() {
            return Ok(());
        }
        Err(Fault::Forbidden(
            "this key is limited to some configurations; use one without that limit".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scoped_caller_cannot_tell_a_hidden_configuration_from_a_missing_one() {
        let caller =
            Caller { scope: Some(vec![ConfigId(1)]), role: Role::Viewer, ..Caller::command_line() };
        assert!(caller.must_see(ConfigId(1)).is_ok());
        assert_eq!(
            caller.must_see(ConfigId(2)),
            Err(Fault::NotFound("there is no sync configuration 2".to_owned()))
        );
        assert!(caller.must_see_all().is_err());
        assert!(caller.needs(Role::Operator).is_err());
    }
}
