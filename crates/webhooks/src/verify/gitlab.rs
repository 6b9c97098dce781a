//! GitLab's secret token: the secret itself, in a header of GitLab's.
//!
//! Source: GitLab, "Webhooks", secret token. It proves the sender, not the body.

use super::{Proof, Rejected, Verified};
use crate::Secret;

pub(crate) const HEADER: &str = "x-gitlab-token";

pub(super) fn verify(secrets: &[Secret], proof: &Proof<'_>) -> Result<Verified, Rejected> {
    super::token_in(secrets, proof, HEADER)
}
