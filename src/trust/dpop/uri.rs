//! URIs in the form in which equal ones are alike (RFC 3986, sections 6.2.2 and 6.2.3), without query and fragment.
//!
//! Scheme and host in lower case, no default port, no dot segments, escapes in upper case and only where they are
//! needed. Everything is compared by bytes after that.

/// Longest URI in characters that is compared: what servers commonly take.
pub const MAX_URI_LEN: usize = 2048;

/// A URI's normal form.
#[derive(Clone)]
pub(super) struct Normal {
    text: [u8; MAX_URI_LEN],
    len: usize,
}

impl PartialEq for Normal {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Normal {
    /// The normal form of an absolute `http` or `https` URI; `None` for anything else, and for one with user information.
    pub(super) fn of(uri: &str) -> Option<Self> {
        let uri = uri.split(['?', '#']).next()?;
        if uri.len() > MAX_URI_LEN || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = uri.split_once("://")?;
        let path_at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        let default_port = if scheme.eq_ignore_ascii_case("https") {
            "443"
        } else if scheme.eq_ignore_ascii_case("http") {
            "80"
        } else {
            return None;
        };
        // The port stands behind the last colon that is not inside of an IPv6 literal's brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, ""),
        };
        if host.is_empty() || host.contains('@') || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut normal = Self {
            text: [0; MAX_URI_LEN],
            len: 0,
        };
        scheme
            .bytes()
            .try_for_each(|byte| normal.push(byte.to_ascii_lowercase()))?;
        b"://".iter().try_for_each(|byte| normal.push(*byte))?;
        normal.push_unescaped(host, u8::to_ascii_lowercase)?;
        let port = match port.trim_start_matches('0') {
            "" if !port.is_empty() => "0",
            digits => digits,
        };
        if !port.is_empty() && port != default_port {
            normal.push(b':')?;
            port.bytes().try_for_each(|byte| normal.push(byte))?;
        }
        normal.push_path(path)?;
        Some(normal)
    }

    fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.text.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }

    /// Appends `text` with its escapes in their normal form: decoded where the character needs none.
    fn push_unescaped(&mut self, text: &str, letter: fn(&u8) -> u8) -> Option<()> {
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                self.push(letter(&byte))?;
                continue;
            }
            let (high, low) = (bytes.next()?, bytes.next()?);
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let value = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
            if value.is_ascii_alphanumeric() || b"-._~".contains(&value) {
                self.push(letter(&value))?;
            } else {
                self.push(b'%')?;
                self.push(high.to_ascii_uppercase())?;
                self.push(low.to_ascii_uppercase())?;
            }
        }
        Some(())
    }

    /// Appends the path without its dot segments (section 5.2.4); an empty one is `/`.
    fn push_path(&mut self, path: &str) -> Option<()> {
        let root = self.len;
        let segments = path.strip_prefix('/').unwrap_or(path).split('/');
        let mut ends_open = false;
        for segment in segments {
            let start = self.len;
            self.push(b'/')?;
            self.push_unescaped(segment, |byte| *byte)?;
            // Judged once it is decoded: `%2e%2e` climbs as well as `..`.
            ends_open = match self.text.get(start..self.len) {
                Some(b"/.") => {
                    self.len = start;
                    true
                }
                Some(b"/..") => {
                    let before = self.text.get(root..start).unwrap_or_default();
                    let parent = before.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                    self.len = root + parent;
                    true
                }
                _ => false,
            };
        }
        if ends_open || self.len == root {
            self.push(b'/')?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(uri: &str) -> Option<String> {
        Normal::of(uri).map(|normal| String::from_utf8(normal.as_bytes().to_vec()).expect("ASCII"))
    }

    #[test]
    fn equal_uris_have_one_normal_form() {
        for (uri, expected) in [
            ("https://example.org", "https://example.org/"),
            ("HTTPS://Example.ORG:443/", "https://example.org/"),
            ("http://example.org:80?x#y", "http://example.org/"),
            ("http://example.org:443", "http://example.org:443/"),
            ("https://example.org:/a", "https://example.org/a"),
            ("https://example.org:00/a", "https://example.org:0/a"),
            ("https://example.org:0443/a", "https://example.org/a"),
            ("https://example.org/a?b=c", "https://example.org/a"),
            ("https://example.org/a#c", "https://example.org/a"),
            (
                "https://example.org/%7Eu%73er/%2f%3a",
                "https://example.org/~user/%2F%3A",
            ),
            ("https://ex%61mple.org/", "https://example.org/"),
            ("https://example.org/a/./b/../c", "https://example.org/a/c"),
            ("https://example.org/a/b/..", "https://example.org/a/"),
            ("https://example.org/a/.", "https://example.org/a/"),
            ("https://example.org/../../a", "https://example.org/a"),
            ("https://example.org/a/%2e%2E/b", "https://example.org/b"),
            ("https://example.org//a//", "https://example.org//a//"),
            ("https://example.org/A", "https://example.org/A"),
            ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]/"),
        ] {
            assert_eq!(normal(uri).as_deref(), Some(expected), "{uri}");
        }
    }

    #[test]
    fn what_cannot_be_compared_has_none() {
        for uri in [
            "",
            "/a",
            "example.org/a",
            "https:///a",
            "https://",
            "ftp://example.org/",
            "https://user@example.org/",
            "https://example.org@evil.example/",
            "https://example.org:x/",
            "https://example.org/%",
            "https://example.org/%zz",
            "https://example.org/a b",
            "https://exämple.org/",
        ] {
            assert_eq!(normal(uri), None, "{uri}");
        }
        let longest = format!("https://e/{}", "a".repeat(MAX_URI_LEN - 10));
        assert!(normal(&longest).is_some());
        assert_eq!(normal(&format!("{longest}a")), None);
    }
}
