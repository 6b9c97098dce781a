//! Addresses as logs and errors may show them.

use url::Url;

/// Scheme, host, port and path, and the names of the query's parameters; no user info, values or fragment.
pub(crate) fn url(url: &Url, hide_path: bool) -> String {
    let path = if hide_path { "/..." } else { url.path() };
    let mut text = format!("{}{path}", origin(url));
    if !hide_path {
        for (i, (name, _)) in url.query_pairs().enumerate() {
            text.push(if i == 0 { '?' } else { '&' });
            text.extend(name.chars().filter(|c| !c.is_control()));
            text.push('=');
            text.push('…');
        }
    }
    text
}

/// Scheme, host and port.
pub(crate) fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Text of a peer, without control characters, cut to what fits a line.
pub(crate) fn line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_user_info_never_show() {
        let full: Url =
            "https://me:hunter2@h.example:8443/a/b?key=s3cret&top=5#frag".parse().unwrap();
        assert_eq!(url(&full, false), "https://h.example:8443/a/b?key=…&top=…");
        assert_eq!(url(&full, true), "https://h.example:8443/...");
        assert_eq!(line("a\r\n\u{1b}[2Jb"), "a[2Jb");
    }
}
