//! One recipient: an address that is fit for its channel.

use std::fmt;

use lettre::Address;
use ring::digest;
use syncline_domain::ChannelKind;
use syncline_outbound::Url;

use crate::clean::has_controls;
use crate::webhook::SigningSecret;

/// Most bytes of a mail address (RFC 5321, 4.5.3.1.3: a path has 256, two of them angle brackets).
const MAIL_BYTES: usize = 254;
/// Most bytes of an address of a webhook.
const URL_BYTES: usize = 2_048;
/// A secret part of at least this many characters may show its last four.
const SHOW_END_FROM: usize = 16;

/// Where messages of one channel go. Debug shows what people may see.
#[derive(Clone)]
pub struct Recipient {
    kind: ChannelKind,
    place: Place,
    secret: Option<SigningSecret>,
}

#[derive(Clone)]
pub(crate) enum Place {
    Mailbox(Address),
    Url(Url),
}

impl Recipient {
    /// Reads an address as people type it or as it was stored. What networks may be reached is not checked here but in
    /// [`crate::check_recipients`], and again whenever something is sent.
    ///
    /// # Errors
    /// What is wrong with it and what to do; the text never repeats an address that is a secret.
    pub fn parse(kind: ChannelKind, text: &str) -> Result<Self, String> {
        if has_controls(text) {
            return Err("must not hold line ends or control characters".to_owned());
        }
        let place = match kind {
            ChannelKind::Email => Place::Mailbox(mailbox(text.trim())?),
            _ => Place::Url(url(kind, text.trim())?),
        };
        Ok(Self { kind, place, secret: None })
    }

    /// The same, with what its messages are signed with; only webhooks are signed.
    #[must_use]
    pub fn signed_with(mut self, secret: SigningSecret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The channel.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        self.kind
    }

    /// The address itself: for sealing and sending, not for showing.
    #[must_use]
    pub fn address(&self) -> &str {
        match &self.place {
            Place::Mailbox(address) => address.as_ref(),
            Place::Url(url) => url.as_str(),
        }
    }

    /// Whether the address itself is a secret, as those of webhooks are: who knows it can post.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.place, Place::Url(_))
    }

    /// The address as people may see it: a mail address as it is, of a URL the host and the last four characters.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.place {
            Place::Mailbox(address) => address.to_string(),
            Place::Url(url) => masked(url),
        }
    }

    /// A name for this recipient that gives nothing away, 64 hex digits: the same for spellings of one address, another
    /// one for another channel.
    #[must_use]
    pub fn hash(&self) -> String {
        let normal = match &self.place {
            Place::Mailbox(address) => {
                let domain = ascii_domain(address.domain());
                let domain = domain.unwrap_or_else(|| address.domain().to_owned());
                format!("{}@{domain}", address.user()).to_lowercase()
            }
            Place::Url(url) => url.as_str().to_owned(),
        };
        let named = format!("syncline recipient\0{}\0{normal}", self.kind);
        hex::encode(digest::digest(&digest::SHA256, named.as_bytes()))
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) const fn secret(&self) -> Option<&SigningSecret> {
        self.secret.as_ref()
    }

    /// Whether a mail address has no dot in its domain, as only addresses on this machine or network have.
    pub(crate) fn is_dotless(&self) -> bool {
        matches!(&self.place, Place::Mailbox(address) if !address.domain().contains('.'))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient")
            .field("kind", &self.kind)
            .field("shown", &self.shown())
            .field("signed", &self.secret.is_some())
            .finish()
    }
}

fn mailbox(text: &str) -> Result<Address, String> {
    if text.is_empty() {
        return Err("enter a mail address".to_owned());
    }
    if text.len() > MAIL_BYTES {
        return Err(format!("a mail address has at most {MAIL_BYTES} bytes"));
    }
    if text.contains(|c: char| c.is_whitespace() || "<>()[],;:\"\\".contains(c)) {
        return Err("enter the bare address, such as team@example.com".to_owned());
    }
    let Some((local, domain)) = text.rsplit_once('@') else {
        return Err("is no mail address: the @ is missing".to_owned());
    };
    let odd = || "is no mail address; it looks like team@example.com".to_owned();
    if domain.parse::<std::net::IpAddr>().is_ok() {
        return Err("use the name of the mail domain, not an address".to_owned());
    }
    // A name in letters of any script travels in its ASCII form, so that no server needs to know more.
    let domain = ascii_domain(domain).ok_or_else(odd)?;
    if local.len() > 64 {
        return Err("the part before the @ has at most 64 bytes".to_owned());
    }
    Address::new(local, domain).map_err(|_| odd())
}

fn ascii_domain(domain: &str) -> Option<String> {
    match url::Host::parse(domain).ok()? {
        url::Host::Domain(name) => Some(name),
        _ => None,
    }
}

fn url(kind: ChannelKind, text: &str) -> Result<Url, String> {
    if text.len() > URL_BYTES {
        return Err(format!("an address has at most {URL_BYTES} bytes"));
    }
    let mut url = Url::parse(text).map_err(|_| "is no URL; it begins with https://".to_owned())?;
    let Some(host) = url.host_str().map(|host| host.trim_end_matches('.').to_owned()) else {
        return Err("is no URL with a host; it begins with https://".to_owned());
    };
    if !matches!(url.scheme(), "https" | "http") {
        return Err("must begin with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or password".to_owned());
    }
    url.set_fragment(None);
    let bare = matches!(url.path(), "" | "/") && url.query().is_none();
    match kind {
        ChannelKind::Slack if bare || is_below(&host, "slack.com") && !is_slack_hook(&host, &url) => {
            Err("is no Slack webhook; in Slack, add an incoming webhook and copy its URL, which begins with \
                 https://hooks.slack.com/services/"
                .to_owned())
        }
        ChannelKind::Teams if bare || is_below(&host, "teams.microsoft.com") => {
            Err("is no Teams workflow; in Teams, add the workflow that posts when a webhook request is received and \
                 copy its URL"
                .to_owned())
        }
        _ => Ok(url),
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|sub| sub.ends_with('.'))
}

fn is_slack_hook(host: &str, url: &Url) -> bool {
    host == "hooks.slack.com" && url.path().starts_with("/services/")
}

fn masked(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let query = url.query().unwrap_or_default();
    let secret = format!("{}{query}", url.path());
    let count = secret.chars().count();
    let end: String = match count >= SHOW_END_FROM {
        true => secret.chars().skip(count - 4).collect(),
        false => String::new(),
    };
    format!("{}://{host}{port}/…{end}", url.scheme())
}

#[cfg(test)]
mod tests {
    use ChannelKind::{Email, Slack, Teams, Webhook};

    use super::*;

    const HOOK: &str = "https://hooks.slack.com/services/T0000/B0000/abcdefghijklmnop";

    #[test]
    fn bad_addresses_are_refused_with_what_to_do() {
        let long = format!("{}@example.com", "a".repeat(250));
        let local = format!("{}@example.com", "a".repeat(65));
        let table = [
            (Email, "a\r\nBcc: b@c.test@example.com", "control"),
            (Email, "a@example.com\n", "control"),
            (Email, "a\0@example.com", "control"),
            (Email, "a\u{2028}@example.com", "control"),
            (Email, "", "enter"),
            (Email, "example.com", "@ is missing"),
            (Email, &long, "254"),
            (Email, &local, "64"),
            (Email, "Team <a@example.com>", "bare"),
            (Email, "a@example.com,b@example.com", "bare"),
            (Email, "a b@example.com", "bare"),
            (Email, "\"a\"@example.com", "bare"),
            (Email, "a@", "looks like"),
            (Email, "@example.com", "looks like"),
            (Email, "a@exa mple.com", "bare"),
            (Email, "a..b@example.com", "looks like"),
            (Email, "a@127.0.0.1", "name of the mail domain"),
            (Email, "a@2130706433", "looks like"),
            (Slack, "team@example.com", "https://"),
            (Slack, "https://hooks.slack.com/", "incoming webhook"),
            (Slack, "https://app.slack.com/client/T0/C0", "incoming webhook"),
            (Slack, "https://hooks.slack.com/triggers/T0/1/abc", "incoming webhook"),
            (Teams, "https://teams.microsoft.com/l/channel/19", "workflow"),
            (Teams, "https://x.example/", "workflow"),
            (Webhook, "ftp://example.com/x", "https://"),
            (Webhook, "https://u:hunter2@example.com/x", "password"),
            (Webhook, "https:///", "URL"),
            (Webhook, "https://example.com/a\r\nb", "control"),
        ];
        for (kind, text, word) in table {
            let fault = Recipient::parse(kind, text).unwrap_err();
            assert!(fault.contains(word) && !fault.contains("hunter2"), "{text:?}: {fault}");
        }
    }

    #[test]
    fn good_addresses_are_taken_in_their_ascii_form() {
        let table = [
            (Email, " Admin@Example.com ", "Admin@example.com"),
            (Email, "first.last+tag@mail.example.com", "first.last+tag@mail.example.com"),
            (Email, "team@grüße.example", "team@xn--gre-6ka8l.example"),
            (Email, "root@localhost", "root@localhost"),
            (Slack, HOOK, HOOK),
            (Slack, "https://chat.corp.example/hooks/abc", "https://chat.corp.example/hooks/abc"),
            (Webhook, "https://Example.com#part", "https://example.com/"),
        ];
        for (kind, text, address) in table {
            assert_eq!(Recipient::parse(kind, text).unwrap().address(), address);
        }
    }

    #[test]
    fn a_url_shows_its_host_and_four_characters() {
        let table = [
            (Slack, HOOK, "https://hooks.slack.com/…mnop"),
            (
                Webhook,
                "https://example.com:8443/x?key=abcdefghijk1234",
                "https://example.com:8443/…1234",
            ),
            (Webhook, "https://example.com/short", "https://example.com/…"),
            (Email, "a@example.com", "a@example.com"),
        ];
        for (kind, text, shown) in table {
            let recipient = Recipient::parse(kind, text).unwrap();
            assert_eq!(recipient.shown(), shown);
            assert_eq!(recipient.is_secret(), kind != Email);
            assert!(format!("{recipient:?}").contains(shown));
            assert!(kind == Email || !format!("{recipient:?}").contains(text));
        }
    }

    #[test]
    fn one_address_has_one_hash_and_each_channel_its_own() {
        let hash = |kind, text| Recipient::parse(kind, text).unwrap().hash();
        assert_eq!(hash(Email, "Admin@Example.com"), hash(Email, "admin@example.COM"));
        assert_eq!(hash(Email, "a@grüße.example"), hash(Email, "a@xn--gre-6ka8l.example"));
        assert_eq!(
            hash(Webhook, "https://EXAMPLE.com:443/x#a"),
            hash(Webhook, "https://example.com/x")
        );
        assert_ne!(hash(Webhook, "https://example.com/x"), hash(Webhook, "https://example.com/X"));
        assert_ne!(hash(Webhook, HOOK), hash(Slack, HOOK));
        assert_eq!(hash(Slack, HOOK).len(), 64);
    }
}
