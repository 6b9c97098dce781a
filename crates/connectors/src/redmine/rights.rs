//! What the account may do, read from its roles.

use std::collections::BTreeSet;

use syncline_domain::ports::ConnectorError;

use super::people;
use super::requests::Api;
use super::schema;
use super::wire::{OneRole, User};

/// What is known of an account's permissions in the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// An administrator.
    Everything,
    /// These permissions, by Redmine's words.
    Some(BTreeSet<String>),
    /// The account is no member, or there is no single project; what others may do is not told.
    Unknown,
}

impl Rights {
    /// Whether a permission is there; `None` when nobody can tell.
    pub(super) fn allow(&self, permission: &str) -> Option<bool> {
        match self {
            Self::Everything => Some(true),
            Self::Some(have) => Some(have.contains(permission)),
            Self::Unknown => None,
        }
    }
}

/// The rights of the account that we act as.
pub(super) async fn own(api: &Api) -> Result<Rights, ConnectorError> {
    of_user(api, &people::current(api, "memberships").await?).await
}

/// The rights of an account that was read with its memberships.
pub(super) async fn of_user(api: &Api, user: &User) -> Result<Rights, ConnectorError> {
    if user.admin == Some(true) {
        return Ok(Rights::Everything);
    }
    let Some(name) = &api.config.project else { return Ok(Rights::Unknown) };
    let project = schema::project(api, name).await?.id;
    let of_project = user.memberships.iter().filter(|member| member.project.id == project);
    let roles: BTreeSet<u64> =
        of_project.flat_map(|member| &member.roles).map(|role| role.id).collect();
    if roles.is_empty() {
        return Ok(Rights::Unknown);
    }
    let mut permissions = BTreeSet::new();
    for role in roles {
        let one: OneRole = api.get(&format!("roles/{role}.json"), &[]).await?;
        permissions.extend(one.role.permissions);
    }
    Ok(Rights::Some(permissions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_told() {
        let some = Rights::Some(BTreeSet::from(["edit_issues".to_owned()]));
        assert_eq!(some.allow("edit_issues"), Some(true));
        assert_eq!(some.allow("add_issues"), Some(false));
        assert_eq!(Rights::Everything.allow("add_issues"), Some(true));
        assert_eq!(Rights::Unknown.allow("add_issues"), None);
    }
}
