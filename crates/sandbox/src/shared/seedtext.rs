//! Lifelike tickets of a small web shop: the texts that both trackers are seeded with.

use super::text::{mix, pick};

/// What a seeded ticket says.
pub(crate) struct SeedText {
    /// One line.
    pub(crate) title: String,
    /// What happens, as HTML.
    pub(crate) problem_html: String,
    /// Steps to reproduce, as HTML.
    pub(crate) steps_html: String,
    /// The part of the shop it is about.
    pub(crate) part: &'static str,
    /// 1 (worst) to 4.
    pub(crate) priority: i64,
}

/// Part of the shop, title, what happens; some with letters, signs and markup that break tools.
const BUGS: &[(&str, &str, &str)] = &[
    (
        "Checkout",
        "Payment page hangs after coming back from the bank",
        "The spinner never ends; the order exists but is unpaid.",
    ),
    (
        "Checkout",
        "Straße and Ł in the address break the shipping label",
        "The label shows Stra?e, and the parcel came back.",
    ),
    (
        "Checkout",
        "Voucher code is applied twice on double click",
        "The total drops below zero and the order is accepted.",
    ),
    (
        "Search",
        "Search for \"C&A\" finds nothing",
        "The ampersand cuts the query; only C is searched.",
    ),
    ("Search", "Filter by size is lost on page 2", "The second page shows all sizes again."),
    ("Search", "日本語の商品名が検索できない", "検索結果が空になります。 Half-width text works."),
    ("Account", "Password reset mail arrives an hour late", "The link in it has expired by then."),
    (
        "Account",
        "Customer sees another customer's invoice after login",
        "A reload shows the right one. Happened three times today.",
    ),
    (
        "Account",
        "E-mail change does not ask for the password",
        "Found in the review by the security team.",
    ),
    (
        "Catalogue",
        "Product images are shown sideways on iPhone",
        "EXIF rotation is ignored for uploads above 5 MB.",
    ),
    (
        "Catalogue",
        "<script> in a product name is shown as text, please keep it so",
        "Shown as &lt;script&gt; in the list, as it should be; the export shows nothing.",
    ),
    (
        "Catalogue",
        "Price 1.299,00 € is imported as 1.30",
        "Comma and dot are swapped for German suppliers.",
    ),
    ("Orders", "Order export to CSV stops at 65,536 rows", "The file ends without an error."),
    (
        "Orders",
        "Cancelled orders stay in the picking list",
        "The warehouse packs them until the nightly job runs.",
    ),
    (
        "Orders",
        "Refund is booked in the wrong currency",
        "CHF orders are refunded in EUR at face value.",
    ),
    (
        "Orders",
        "Tracking link 404s for parcels with a slash in the number",
        "DE/123 must be encoded.",
    ),
    (
        "Mail",
        "Order confirmation shows {{customer.name}}",
        "The template variable is not replaced for guests.",
    ),
    ("Mail", "Emoji 🎉 in the subject turns into ????", "Only with the second mail provider."),
    (
        "Warehouse",
        "Scanner app logs out in the middle of a count",
        "The count starts again from zero.",
    ),
    (
        "Warehouse",
        "Stock goes negative when two tills sell the last piece",
        "The shop shows -1 and keeps selling.",
    ),
    ("Reports", "Monthly report counts February twice", "January is missing instead."),
    (
        "Reports",
        "Dashboard needs 40 seconds on Monday mornings",
        "The query scans all orders since 2015.",
    ),
    (
        "App",
        "App crashes on start without a network",
        "Android 15 only; the log names a null pointer in TokenStore.",
    ),
    ("App", "Dark mode: black text on a black button", "The button 'Buy now' cannot be read."),
];

/// The text of the ticket at `index`, from 0; grown from `seed`.
pub(crate) fn bug(seed: u64, index: usize) -> SeedText {
    let number = u64::try_from(index).unwrap_or(u64::MAX);
    let chance = mix(seed ^ number.wrapping_mul(0x9E37_79B9));
    let (part, title, problem) = pick(BUGS, number.wrapping_add(seed).wrapping_sub(1));
    let round = index / BUGS.len().max(1);
    let title = match round {
        0 => title.to_owned(),
        _ => format!("{title} (order {})", 1_000 + number),
    };
    let step = pick(
        &["Open the shop", "Log in as a customer", "Use a fresh browser", "Start the app"],
        chance,
    );
    SeedText {
        title,
        problem_html: format!("<div>{problem}</div>"),
        steps_html: format!(
            "<ol><li>{step}</li><li>Go to <b>{part}</b></li><li>{problem}</li></ol>"
        ),
        part,
        priority: pick(&[2, 3, 2, 1, 3, 4, 2, 3], chance >> 8),
    }
}

/// A comment for the ticket at `index`; not every ticket has one.
pub(crate) fn comment(seed: u64, index: usize) -> Option<&'static str> {
    let number = u64::try_from(index).unwrap_or(u64::MAX);
    let chance = mix(seed.wrapping_add(number).wrapping_mul(31));
    chance.is_multiple_of(3).then(|| {
        let choices = [
            "I can reproduce this on staging.",
            "The customer called again; please have a look this week.",
            "Same as last year? <b>See the old ticket.</b>",
            "Fixed in the branch, waiting for review.",
            "Não consigo reproduzir no Firefox.",
        ];
        pick(&choices, chance >> 16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn texts_are_stable_and_titles_are_unique() {
        assert_eq!(bug(1, 5).title, bug(1, 5).title);
        let titles: BTreeSet<String> = (0..500).map(|index| bug(1, index).title).collect();
        assert_eq!(titles.len(), 500);
    }
}
