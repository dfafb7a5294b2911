//! What a superior lets its subordinates be: how deep, with which names, of which types (OpenID Federation 1.0, section
//! 6.2).

use super::Fault;
use crate::cbor::{Array, Item, Map};

/// The claim `constraints` of a subordinate statement. Members that are not known are ignored, as the text demands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constraints<'c> {
    max_path_length: Option<u64>,
    naming: Option<Naming<'c>>,
    allowed_entity_types: Option<Array<'c>>,
}

#[derive(Clone, Copy, Debug)]
struct Naming<'c> {
    permitted: Option<Array<'c>>,
    excluded: Option<Array<'c>>,
}

impl<'c> Constraints<'c> {
    pub(super) fn read(claim: Item<'c>) -> Result<Self, Fault> {
        let claim = claim.map().ok_or(Fault::Constraints)?;
        let length = |item: Item<'_>| {
            let length = item.as_integer().and_then(|length| u64::try_from(length).ok());
            length.ok_or(Fault::Constraints)
        };
        Ok(Self {
            max_path_length: claim.get("max_path_length").map(length).transpose()?,
            naming: claim.get("naming_constraints").map(Naming::read).transpose()?,
            allowed_entity_types: texts(claim, "allowed_entity_types", |_| true)?,
        })
    }

    /// Judges the entities below the one that has set the constraints: how many of them are intermediates, and all of
    /// their names.
    pub(super) fn judge<'e>(
        &self,
        intermediates: usize,
        mut subordinates: impl Iterator<Item = &'e str>,
    ) -> Result<(), Fault> {
        let too_many = |most| u64::try_from(intermediates).is_ok_and(|count| count > most);
        if self.max_path_length.is_some_and(too_many) {
            return Err(Fault::PathTooLong);
        }
        match &self.naming {
            Some(naming) if !subordinates.all(|entity| naming.admits(entity)) => Err(Fault::Name),
            _ => Ok(()),
        }
    }

    /// The entity types that the leaf may have; `None`: any.
    pub(super) fn allowed_entity_types(&self) -> Option<Array<'c>> {
        self.allowed_entity_types
    }
}

impl<'c> Naming<'c> {
    fn read(item: Item<'c>) -> Result<Self, Fault> {
        let naming = item.map().ok_or(Fault::Constraints)?;
        let is_name = |name: &str| is_host(name.strip_prefix('.').unwrap_or(name));
        Ok(Self {
            permitted: texts(naming, "permitted", is_name)?,
            excluded: texts(naming, "excluded", is_name)?,
        })
    }

    /// A name that cannot be judged is not admitted (RFC 5280, section 4.2.1.10).
    fn admits(&self, entity: &str) -> bool {
        let Some(host) = Host::of(entity) else {
            return false;
        };
        let listed = |list: Array<'_>| list.iter().filter_map(Item::as_text).any(|name| host.is_within(name));
        self.permitted.is_none_or(listed) && !self.excluded.is_some_and(listed)
    }
}

/// The list `name`, each of whose texts `holds`.
fn texts<'c>(map: Map<'c>, name: &str, holds: impl Fn(&str) -> bool) -> Result<Option<Array<'c>>, Fault> {
    let Some(item) = map.get(name) else {
        return Ok(None);
    };
    let list = item.array().ok_or(Fault::Constraints)?;
    let all = list.iter().all(|item| item.as_text().is_some_and(&holds));
    if all { Ok(Some(list)) } else { Err(Fault::Constraints) }
}

/// The fully qualified domain name in an entity's identifier.
struct Host<'e>(&'e str);

impl<'e> Host<'e> {
    /// That of an `https` URL, or of a `did:web`, which is one in other words; an address is no domain name.
    fn of(entity: &'e str) -> Option<Self> {
        let host = if let Some(rest) = strip_scheme(entity, "https://") {
            let authority = rest.split(['/', '?', '#']).next()?;
            match authority.split_once(':') {
                Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
                Some(_) => return None,
                None => authority,
            }
        } else {
            // The colon before a port is written %3A there (did:web, section 2.3).
            let name = entity.strip_prefix("did:web:")?.split([':', '?', '#', '/']).next()?;
            match name.split_once('%') {
                Some((host, port)) => {
                    let port = port.strip_prefix("3A").or_else(|| port.strip_prefix("3a"))?;
                    port.bytes().all(|digit| digit.is_ascii_digit()).then_some(host)?
                }
                None => name,
            }
        };
        // A last label of digits alone makes it an IPv4 address (RFC 3986, section 3.2.2; RFC 1123, section 2.1).
        let host = host.strip_suffix('.').unwrap_or(host);
        let last = host.rsplit('.').next()?;
        let is_address = last.bytes().all(|byte| byte.is_ascii_digit());
        (is_host(host) && host.contains('.') && !is_address).then_some(Self(host))
    }

    /// Whether it is the host `name`, or, where that begins with a period, has one or more labels before it.
    fn is_within(&self, name: &str) -> bool {
        if !name.starts_with('.') {
            return self.0.eq_ignore_ascii_case(name);
        }
        let Some(at) = self.0.len().checked_sub(name.len()).filter(|at| *at > 0) else {
            return false;
        };
        self.0.get(at..).is_some_and(|end| end.eq_ignore_ascii_case(name))
    }
}

fn strip_scheme<'e>(entity: &'e str, scheme: &str) -> Option<&'e str> {
    let (start, rest) = entity.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Whether the text is made of labels of letters, digits, hyphens and underscores.
fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.split('.')
        .all(|label| !label.is_empty() && label.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(entity: &str) -> Option<&str> {
        Host::of(entity).map(|host| host.0)
    }

    #[test]
    fn host_is_found_in_urls_and_dids_and_nowhere_else() {
        for entity in [
            "https://host.example.com",
            "HTTPS://host.example.com/path",
            "https://host.example.com:8443/a?b#c",
            "https://host.example.com.",
            "did:web:host.example.com",
            "did:web:host.example.com:agents:7",
            "did:web:host.example.com%3A8443:agents",
        ] {
            assert_eq!(host(entity), Some("host.example.com"), "{entity}");
        }
        for entity in [
            "",
            "https://",
            "https://localhost",
            "https://192.0.2.1",
            "https://[2001:db8::1]/",
            "https://evil.example.org@host.example.com",
            "https://host.example.com:80@evil.example.org",
            "https://host.example.com\\evil",
            "https://host..example.com",
            "http://host.example.com",
            "did:web:host.example.com%2Fevil",
            "did:web:host.example.com%3Aevil",
            "did:key:z6Mk.example.com",
            "host.example.com",
        ] {
            assert_eq!(host(entity), None, "{entity}");
        }
    }

    #[test]
    fn period_admits_what_is_below_a_domain_and_not_the_domain() {
        let within = |entity: &str, name| Host::of(entity).expect("a host").is_within(name);
        for (entity, name, expected) in [
            ("https://host.example.com", ".example.com", true),
            ("https://my.host.EXAMPLE.com", ".example.com", true),
            ("https://example.com", ".example.com", false),
            ("https://example.com", "example.com", true),
            ("https://host.example.com", "example.com", false),
            ("https://evilexample.com", ".example.com", false),
            ("did:web:a.example.com", ".example.com", true),
        ] {
            assert_eq!(within(entity, name), expected, "{entity} {name}");
        }
    }
}
