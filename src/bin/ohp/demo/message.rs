//! SIP messages as bytes: taken apart only as far as a dialog needs, with the body never touched.
//!
//! Header values are read and text messages written with rsip; an INFO request is written here, because rsip's
//! `Display` turns a body that is not UTF-8 into something else.

use rsip::headers::UntypedHeader;
use rsip::prelude::ToTypedHeader;
use rsip::{Header, Method, StatusCode, Version};

/// A SIP message whose head is text.
#[derive(Clone, Debug)]
pub struct Message {
    /// What it asks or answers.
    pub start: Start,
    /// The header lines as received, each with its CRLF.
    pub head: String,
    /// The body, exactly as long as Content-Length says.
    pub body: Vec<u8>,
}

/// A start line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// A request and its method.
    Request(String),
    /// A response and its status.
    Response(u16),
}

impl Message {
    /// Takes a datagram apart; `None` if it is no SIP message, or shorter than it says.
    pub fn read(datagram: &[u8]) -> Option<Self> {
        let end = datagram.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&datagram[..end + 2]).ok()?;
        let (line, head) = text.split_once("\r\n")?;
        let start = match line.strip_prefix("SIP/2.0 ") {
            Some(status) => Start::Response(status.get(..3)?.parse().ok()?),
            None => {
                let (method, rest) = line.split_once(' ')?;
                rest.ends_with(" SIP/2.0").then(|| Start::Request(method.to_owned()))?
            }
        };
        let mut message = Self {
            start,
            head: head.to_owned(),
            body: Vec::new(),
        };
        let rest = &datagram[end + 4..];
        let length = match message.header("Content-Length", "l") {
            Some(length) => length.parse().ok()?,
            None => rest.len(),
        };
        message.body = rest.get(..length)?.to_vec();
        Some(message)
    }

    /// The values of every header line called `name`, or `compact`, which is its one-letter form.
    pub fn headers<'a>(&'a self, name: &'a str, compact: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.split("\r\n").filter_map(move |line| {
            let (called, value) = line.split_once(':')?;
            let called = called.trim_end();
            let wanted =
                called.eq_ignore_ascii_case(name) || !compact.is_empty() && called.eq_ignore_ascii_case(compact);
            wanted.then(|| value.trim())
        })
    }

    /// The value of the first header line called `name` or `compact`.
    pub fn header(&self, name: &str, compact: &str) -> Option<&str> {
        self.head.split("\r\n").find_map(|line| {
            let (called, value) = line.split_once(':')?;
            let called = called.trim_end();
            let wanted =
                called.eq_ignore_ascii_case(name) || !compact.is_empty() && called.eq_ignore_ascii_case(compact);
            wanted.then(|| value.trim())
        })
    }

    /// The Call-ID.
    pub fn call_id(&self) -> Option<&str> {
        self.header("Call-ID", "i")
    }

    /// The branch of the topmost Via, which names the transaction (RFC 3261 §17).
    pub fn branch(&self) -> Option<String> {
        let via = rsip::headers::Via::new(self.header("Via", "v")?).typed().ok()?;
        Some(via.branch()?.value().to_owned())
    }

    /// The number and method of the CSeq.
    pub fn cseq(&self) -> Option<(u32, String)> {
        let cseq = rsip::headers::CSeq::new(self.header("CSeq", "")?).typed().ok()?;
        Some((cseq.seq, cseq.method.to_string()))
    }

    /// The tag in From.
    pub fn tag_in_from(&self) -> Option<String> {
        let from = rsip::headers::From::new(self.header("From", "f")?).typed().ok()?;
        Some(from.tag()?.value().to_owned())
    }

    /// The tag in To; absent in a request outside a dialog.
    pub fn tag_in_to(&self) -> Option<String> {
        let to = rsip::headers::To::new(self.header("To", "t")?).typed().ok()?;
        Some(to.tag()?.value().to_owned())
    }

    /// The URI in Contact, where the peer wants the dialog's further requests.
    pub fn contact(&self) -> Option<String> {
        let contact = rsip::headers::Contact::new(self.header("Contact", "m")?).typed().ok()?;
        Some(contact.uri.to_string())
    }

    /// The dialog that Replaces names (RFC 3891): Call-ID, the receiver's tag, the other tag.
    pub fn replaces(&self) -> Option<(String, String, String)> {
        let mut parts = self.header("Replaces", "")?.split(';').map(str::trim);
        let call_id = parts.next()?.to_owned();
        let (mut to_tag, mut from_tag) = (None, None);
        for part in parts {
            match part.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("to-tag") => to_tag = Some(value.to_owned()),
                Some((name, value)) if name.eq_ignore_ascii_case("from-tag") => from_tag = Some(value.to_owned()),
                _ => {}
            }
        }
        Some((call_id, to_tag?, from_tag?))
    }
}

/// A request within a dialog, before its body.
pub struct RequestHead<'a> {
    pub method: &'a str,
    pub uri: &'a str,
    pub via: &'a str,
    pub from: &'a str,
    pub to: &'a str,
    pub call_id: &'a str,
    pub cseq: u32,
    pub contact: &'a str,
}

/// Writes an INVITE, ACK or BYE with rsip. `sdp` becomes the body, `replaces` the header of that name.
pub fn text_request(request: &RequestHead<'_>, sdp: &str, replaces: Option<&str>) -> Option<Vec<u8>> {
    let method: Method = request.method.parse().ok()?;
    let mut headers = vec![
        Header::Via(request.via.into()),
        Header::MaxForwards(70.into()),
        Header::From(request.from.into()),
        Header::To(request.to.into()),
        Header::CallId(request.call_id.into()),
        Header::CSeq(format!("{} {}", request.cseq, request.method).into()),
        Header::Contact(request.contact.into()),
    ];
    if method == Method::Invite {
        headers.push(Header::Allow(ALLOW.into()));
        headers.push(Header::Other("Recv-Info".into(), "ohp".into()));
    }
    headers.extend(replaces.map(|replaces| Header::Other("Replaces".into(), replaces.into())));
    push_body_headers(&mut headers, sdp);
    let uri = request.uri.try_into().ok()?;
    let request = rsip::Request {
        method,
        uri,
        version: Version::V2,
        headers: headers.into(),
        body: sdp.as_bytes().to_vec(),
    };
    Some(request.to_string().into_bytes())
}

/// Writes an INFO request as bytes: head, the transport's own header lines (each with its CRLF), the body.
pub fn info_request(request: &RequestHead<'_>, lines: &str, body: &[u8]) -> Vec<u8> {
    let RequestHead {
        method,
        uri,
        via,
        from,
        to,
        call_id,
        cseq,
        contact,
    } = request;
    let mut bytes = format!(
        "{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\nContact: {contact}\r\n{lines}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    bytes
}

/// Writes the response to `request` with rsip: Via, From, Call-ID and CSeq are echoed, `local_tag` completes To.
pub fn response(request: &Message, status: u16, local_tag: &str, contact: &str, sdp: &str) -> Option<Vec<u8>> {
    let to = request.header("To", "t")?;
    let to = if request.tag_in_to().is_some() {
        to.to_owned()
    } else {
        format!("{to};tag={local_tag}")
    };
    let mut headers: Vec<Header> = request.headers("Via", "v").map(|via| Header::Via(via.into())).collect();
    headers.push(Header::From(request.header("From", "f")?.into()));
    headers.push(Header::To(to.into()));
    headers.push(Header::CallId(request.call_id()?.into()));
    headers.push(Header::CSeq(request.header("CSeq", "")?.into()));
    if request.start == Start::Request("INVITE".into()) && status < 300 {
        headers.push(Header::Contact(contact.into()));
        headers.push(Header::Allow(ALLOW.into()));
        headers.push(Header::Other("Recv-Info".into(), "ohp".into()));
    }
    push_body_headers(&mut headers, sdp);
    let status_code = match status {
        // RFC 6086; rsip does not know it.
        469 => StatusCode::Other(469, "Bad Info Package".into()),
        status => status.into(),
    };
    let body = sdp.as_bytes().to_vec();
    let response = rsip::Response {
        status_code,
        version: Version::V2,
        headers: headers.into(),
        body,
    };
    Some(response.to_string().into_bytes())
}

const ALLOW: &str = "INVITE, ACK, BYE, INFO";

fn push_body_headers(headers: &mut Vec<Header>, sdp: &str) {
    if !sdp.is_empty() {
        headers.push(Header::ContentType("application/sdp".into()));
    }
    headers.push(Header::ContentLength((sdp.len() as u32).into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: RequestHead<'static> = RequestHead {
        method: "INFO",
        uri: "sip:desk@127.0.0.1:5062",
        via: "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK77",
        from: "<sip:agent@127.0.0.1:5060>;tag=aa",
        to: "<sip:desk@127.0.0.1:5062>;tag=bb",
        call_id: "c1@127.0.0.1",
        cseq: 102,
        contact: "<sip:agent@127.0.0.1:5060>",
    };

    #[test]
    fn binary_body_of_an_info_survives() {
        let body: Vec<u8> = (0..=255).chain(*b"\r\n\r\n").collect();
        let wire = info_request(
            &HEAD,
            "Content-Type: application/ohp+cbor\r\nOHP-Verb: PROPOSE\r\n",
            &body,
        );
        let message = Message::read(&wire).unwrap();
        assert_eq!(message.start, Start::Request("INFO".into()));
        assert_eq!(message.body, body);
        assert_eq!(message.call_id(), Some("c1@127.0.0.1"));
        assert_eq!(message.branch().as_deref(), Some("z9hG4bK77"));
        assert_eq!(message.cseq(), Some((102, "INFO".into())));
        assert_eq!(
            (message.tag_in_from().as_deref(), message.tag_in_to().as_deref()),
            (Some("aa"), Some("bb"))
        );
        assert_eq!(message.header("content-type", "c"), Some("application/ohp+cbor"));
    }

    #[test]
    fn response_echoes_what_names_the_transaction_and_adds_a_tag() {
        let invite = RequestHead {
            method: "INVITE",
            to: "<sip:desk@127.0.0.1:5062>",
            cseq: 1,
            ..HEAD
        };
        let wire = text_request(&invite, "v=0\r\n", Some("c0@127.0.0.1;to-tag=x;from-tag=y")).unwrap();
        let request = Message::read(&wire).unwrap();
        assert_eq!(request.tag_in_to(), None);
        assert_eq!(
            request.replaces(),
            Some(("c0@127.0.0.1".into(), "x".into(), "y".into()))
        );
        assert_eq!(request.body, b"v=0\r\n");
        let wire = response(&request, 200, "zz", "<sip:desk@127.0.0.1:5062>", "").unwrap();
        let answer = Message::read(&wire).unwrap();
        assert_eq!(answer.start, Start::Response(200));
        assert_eq!(answer.branch(), request.branch());
        assert_eq!(answer.tag_in_to().as_deref(), Some("zz"));
        assert_eq!(answer.contact().as_deref(), Some("sip:desk@127.0.0.1:5062"));
    }

    #[test]
    fn what_is_not_a_whole_sip_message_is_ignored() {
        let wire = info_request(&HEAD, "", b"0123456789");
        for length in 0..wire.len() {
            assert!(
                Message::read(&wire[..length]).is_none(),
                "{length} of {} bytes",
                wire.len()
            );
        }
        assert!(Message::read(b"GET / HTTP/1.1\r\n\r\n").is_none());
    }
}
