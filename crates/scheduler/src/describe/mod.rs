//! An expression as an English sentence: "At 09:00, Monday to Friday."
//!
//! Two expressions with the same sentence fire at the same local times
//! (`equal_sentences_are_equal_times`); what is told are the numbers, not the spelling.

mod days;
mod times;
mod words;

use crate::cron::Fields;

/// The sentence.
pub(crate) fn sentence(fields: &Fields) -> String {
    let (time, round_the_clock) = times::phrase(fields.minute.values, fields.hour.values);
    let days = days::phrase(fields, round_the_clock);
    format!("{time}{days}.")
}
