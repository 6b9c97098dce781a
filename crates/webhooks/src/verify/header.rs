//! The secret itself in a header that the sender can be told to send.

use super::{Proof, Rejected, Verified};
use crate::Secret;

pub(super) fn verify(secrets: &[Secret], proof: &Proof<'_>) -> Result<Verified, Rejected> {
    super::token_in(secrets, proof, proof.header_name)
}
