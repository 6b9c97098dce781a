//! Chance and names that are the same in every run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use syncline_domain::OpId;
use syncline_domain::ports::{IdGen, Rng};

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug)]
pub struct SeededRng {
    state: Mutex<u64>,
}

impl SeededRng {
    /// Starts at a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: Mutex::new(seed) }
    }

    fn step(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        self.step().checked_rem(end).unwrap_or(0)
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.step().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// Operation ids in sequence: 32 hex digits that count up.
#[derive(Debug, Default)]
pub struct SeqIds {
    prefix: u64,
    last: AtomicU64,
}

impl SeqIds {
    /// Starts at 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts at 1 in a range of its own, so that two processes in one test never make the same name.
    #[must_use]
    pub fn in_range(prefix: u64) -> Self {
        Self { prefix, last: AtomicU64::new(0) }
    }
}

impl IdGen for SeqIds {
    fn op_id(&self) -> OpId {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        OpId::new(format!("{:016x}{number:016x}", self.prefix))
    }
}
