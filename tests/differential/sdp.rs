//! Session descriptions against sdp-types and webrtc-sdp: sections, where and whether media flows, codecs, packet times.

use ohp::media::sdp::{Description, Direction};
use proptest::collection::vec;
use proptest::prelude::*;
use sdp_types::attributes::RtpMap;
use webrtc_sdp::attribute_type::{SdpAttribute, SdpAttributeType};

use crate::suite::Suite;
use crate::{Difference, Oracle, generate};

/// What a section says.
#[derive(Debug, PartialEq)]
struct Section {
    kind: String,
    port: u16,
    ports: u16,
    protocol: String,
    formats: Vec<String>,
    address: Option<String>,
    direction: Direction,
    /// Microseconds.
    packet_time: Option<u64>,
    max_packet_time: Option<u64>,
    /// What `rtpmap` says of the payload types in the `m=` line: name, clock, channels.
    mapped: Vec<(u8, String, u32, u8)>,
}

type Seen = Option<Vec<Section>>;

fn direction(name: &str) -> Option<Direction> {
    match name {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    }
}

fn ours(text: &str) -> Seen {
    let description = Description::parse(text.as_bytes()).ok()?;
    let sections = description.media().map(|media| {
        let micros = |time: Option<std::time::Duration>| time.map(|time| time.as_micros() as u64);
        let is_mapped = |payload_type: u8| {
            let of = |value: &str| value.split_once(' ').and_then(|(number, _)| number.parse().ok());
            media
                .attributes()
                .any(|attribute| attribute.name == "rtpmap" && of(attribute.value) == Some(payload_type))
        };
        let formats = media.formats();
        let mapped = formats
            .iter()
            .filter(|format| !format.encoding.is_empty() && is_mapped(format.payload_type));
        Section {
            kind: media.kind().to_owned(),
            port: media.port(),
            ports: media.ports(),
            protocol: media.protocol().to_owned(),
            formats: media.format_list().map(str::to_owned).collect(),
            address: media.connection().map(|connection| connection.address.to_owned()),
            direction: media.direction(),
            packet_time: micros(media.packet_time()),
            max_packet_time: micros(media.max_packet_time()),
            mapped: mapped
                .map(|format| {
                    (
                        format.payload_type,
                        format.encoding.to_owned(),
                        format.clock_rate,
                        format.channels,
                    )
                })
                .collect(),
        }
    });
    Some(sections.collect())
}

/// Those of `maps` that the `m=` line names, in its order; the first of a payload type counts.
fn in_order(formats: &[String], maps: &[(u8, String, u32, u8)]) -> Vec<(u8, String, u32, u8)> {
    let find = |format: &String| maps.iter().find(|map| map.0.to_string() == *format).cloned();
    formats.iter().filter_map(find).collect()
}

fn by_sdp_types(text: &str) -> Seen {
    let session = sdp_types::Session::parse(text.as_bytes()).ok()?;
    let flow =
        |attributes: &[sdp_types::Attribute]| attributes.iter().find_map(|attribute| direction(&attribute.attribute));
    let sections = session.medias.iter().map(|media| {
        let micros = |name: &str| {
            let millis: f64 = media.get_first_attribute_value(name)??.trim().parse().ok()?;
            Some((millis * 1000.0) as u64)
        };
        let connection = media.connections.first().or(session.connection.as_ref());
        let formats: Vec<_> = media.fmt.split_ascii_whitespace().map(str::to_owned).collect();
        let maps = media.attributes_typed::<RtpMap>().filter_map(Result::ok).map(|map| {
            let channels = map
                .encoding_params
                .and_then(|channels| channels.parse().ok())
                .unwrap_or(1);
            (map.payload_type, map.encoding_name, map.clock_rate, channels)
        });
        Section {
            kind: media.media.clone(),
            port: media.port,
            ports: media.num_ports.unwrap_or(1),
            protocol: media.proto.clone(),
            mapped: in_order(&formats, &maps.collect::<Vec<_>>()),
            formats,
            address: connection.map(|connection| bare(&connection.connection_address)),
            direction: flow(&media.attributes)
                .or(flow(&session.attributes))
                .unwrap_or_default(),
            packet_time: micros("ptime"),
            max_packet_time: micros("maxptime"),
        }
    });
    Some(sections.collect())
}

/// An address without the multicast forms' time to live and number.
fn bare(address: &str) -> String {
    address.split('/').next().unwrap_or_default().to_owned()
}

fn by_webrtc_sdp(text: &str) -> Seen {
    let session = webrtc_sdp::parse_sdp(text, false).ok()?;
    let flow = |attributes: &[SdpAttribute]| {
        attributes.iter().find_map(|attribute| match attribute {
            SdpAttribute::Sendrecv => Some(Direction::SendRecv),
            SdpAttribute::Sendonly => Some(Direction::SendOnly),
            SdpAttribute::Recvonly => Some(Direction::RecvOnly),
            SdpAttribute::Inactive => Some(Direction::Inactive),
            _ => None,
        })
    };
    let sections = session.media.iter().map(|media| {
        let connection = media.get_connection().as_ref().or(session.connection.as_ref());
        let formats: Vec<_> = media
            .get_formats()
            .to_string()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let maps = media
            .get_attributes_of_type(SdpAttributeType::Rtpmap)
            .into_iter()
            .filter_map(|map| match map {
                SdpAttribute::Rtpmap(map) => {
                    let channels = map.channels.map_or(1, |channels| channels as u8);
                    Some((map.payload_type, map.codec_name.clone(), map.frequency, channels))
                }
                _ => None,
            });
        let address = |connection: &webrtc_sdp::SdpConnection| {
            let text = connection.address.to_string();
            text.rsplit(' ').next().unwrap_or_default().to_owned()
        };
        Section {
            kind: media.get_type().to_string(),
            port: media.get_port() as u16,
            ports: (media.get_port_count() as u16).max(1),
            protocol: media.get_proto().to_string(),
            mapped: in_order(&formats, &maps.collect::<Vec<_>>()),
            formats,
            address: connection.map(address),
            direction: flow(media.get_attributes())
                .or(flow(&session.attribute))
                .unwrap_or_default(),
            packet_time: match media.get_attribute(SdpAttributeType::Ptime) {
                Some(SdpAttribute::Ptime(time)) => Some(time * 1000),
                _ => None,
            },
            max_packet_time: match media.get_attribute(SdpAttributeType::MaxPtime) {
                Some(SdpAttribute::MaxPtime(time)) => Some(time * 1000),
                _ => None,
            },
        }
    });
    Some(sections.collect())
}

/// Descriptions with sections of sound, pictures and data.
fn descriptions() -> impl Strategy<Value = String> {
    let address = || {
        prop::sample::select(vec![
            "IP4 192.0.2.7",
            "IP4 0.0.0.0",
            "IP4 host.example.com",
            "IP6 2001:db8::7",
        ])
    };
    let flow = || prop::sample::select(vec!["sendrecv", "sendonly", "recvonly", "inactive"]);
    let codec = prop::sample::select(vec![
        "opus/48000/2",
        "PCMU/8000",
        "PCMA/8000/1",
        "G722/8000",
        "telephone-event/8000",
        "CN/8000",
        "L16/44100/2",
    ]);
    let picture = prop::sample::select(vec!["VP8/90000", "H264/90000", "rtx/90000"]);
    let protocol = prop::sample::select(vec![
        "RTP/AVP",
        "RTP/AVPF",
        "RTP/SAVP",
        "RTP/SAVPF",
        "UDP/TLS/RTP/SAVPF",
    ]);
    let attributes = (
        proptest::option::of(flow()),
        proptest::option::of(1..=200_u16),
        proptest::option::of(1..=400_u16),
        any::<bool>(),
        any::<bool>(),
    );
    let section = (
        prop_oneof![3 => Just("audio"), 1 => Just("video"), 1 => Just("application")],
        prop_oneof![1 => Just(0_u16), 5 => 1..=65535_u16],
        prop_oneof![5 => Just(None), 1 => (2..9_u16).prop_map(Some)],
        protocol,
        prop::collection::btree_map(0..=127_u8, (codec, picture, prop::bool::weighted(0.8)), 1..8),
        proptest::option::of(address()),
        attributes,
    );
    let session = (
        address(),
        proptest::option::of(flow()),
        prop::sample::select(vec!["\r\n", "\n"]),
    );
    (session, vec(section, 0..4)).prop_map(|((address, all, end), sections)| {
        let mut lines = vec![
            "v=0".to_owned(),
            "o=- 3710604898417546434 2 IN IP4 192.0.2.1".to_owned(),
            "s=-".to_owned(),
        ];
        lines.extend([format!("c=IN {address}"), "t=0 0".to_owned()]);
        lines.extend(all.map(|flow| format!("a={flow}")));
        for (kind, port, ports, protocol, codecs, address, (flow, time, most, turned, mux)) in sections {
            let ports = ports.map(|ports| format!("/{ports}")).unwrap_or_default();
            let is_data = kind == "application";
            let numbers: Vec<_> = codecs.keys().map(u8::to_string).collect();
            lines.push(match is_data {
                true => format!("m={kind} {port}{ports} UDP/DTLS/SCTP webrtc-datachannel"),
                false => format!("m={kind} {port}{ports} {protocol} {}", numbers.join(" ")),
            });
            lines.extend(address.map(|address| format!("c=IN {address}")));
            let mut attributes: Vec<String> = flow.map(|flow| format!("a={flow}")).into_iter().collect();
            if !is_data {
                for (number, (sound, picture, is_mapped)) in codecs {
                    let codec = if kind == "audio" { sound } else { picture };
                    attributes.extend(is_mapped.then(|| format!("a=rtpmap:{number} {codec}")));
                }
                attributes.extend(time.map(|time| format!("a=ptime:{time}")));
                attributes.extend(most.map(|most| format!("a=maxptime:{most}")));
                attributes.extend(mux.then(|| "a=rtcp-mux".to_owned()));
            }
            if turned {
                attributes.reverse();
            }
            lines.extend(attributes);
        }
        lines.push(String::new());
        lines.join(end)
    })
}

#[test]
fn descriptions_are_read_as_by_sdp_types_and_webrtc_sdp() {
    let mut first = Oracle::new("sdp-types", []);
    let mut second = Oracle::new("webrtc-sdp", []);
    generate(4000, descriptions(), |text| {
        assert!(ours(&text).is_some(), "{text}");
        first.compare("generated", text.as_str(), ours(&text), by_sdp_types(&text));
        second.compare("generated", text.as_str(), ours(&text), by_webrtc_sdp(&text));
    });
    first.end();
    second.end();
}

/// Why webrtc-sdp alone refuses a description, in its words.
fn refusal(text: &str, ours: &Seen, theirs: &Seen) -> Option<String> {
    let error = webrtc_sdp::parse_sdp(text, false).err()?;
    (ours.is_some() && theirs.is_none()).then(|| error.to_string())
}

fn is_at_another_level(text: &str, ours: &Seen, theirs: &Seen) -> bool {
    refusal(text, ours, theirs).is_some_and(|why| why.contains("not allowed at"))
}

fn is_out_of_order(text: &str, ours: &Seen, theirs: &Seen) -> bool {
    let missing = |why: &String| {
        ["third line needs", "second line needs", "Missing timing"]
            .iter()
            .any(|at| why.contains(at))
    };
    refusal(text, ours, theirs).as_ref().is_some_and(missing)
}

fn has_another_line(text: &str, ours: &Seen, theirs: &Seen) -> bool {
    refusal(text, ours, theirs).is_some_and(|why| why.starts_with("Line error"))
}

fn is_dropped(_: &str, ours: &Seen, theirs: &Seen) -> bool {
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        return false;
    };
    let is_known = |section: &&Section| ["RTP", "SCTP"].iter().any(|part| section.protocol.contains(part));
    ours.iter().filter(is_known).eq(theirs)
}

#[test]
fn descriptions_of_suites_are_read_as_by_sdp_types_and_webrtc_sdp() {
    let mut first = Oracle::new("sdp-types, suites", []);
    let differences = [
        Difference {
            why: "webrtc-sdp drops a section whose protocol it does not know.",
            is: is_dropped,
        },
        Difference {
            why: "An attribute stands where it has no meaning; that is passed over here.",
            is: is_at_another_level,
        },
        Difference {
            why: "o=, s= or t= is missing or out of order; media needs none of them.",
            is: is_out_of_order,
        },
        Difference {
            why: "A line is malformed, or none that a browser needs (e=, k=, ptime:0.125); it is passed over here.",
            is: has_another_line,
        },
    ];
    let mut second = Oracle::new("webrtc-sdp, suites", differences);
    for name in ["sdp-clux", "sdp-sofia", "sdp-webrtc-sdp"] {
        for (name, bytes) in Suite::inputs(name, &[".sdp"]) {
            // Lines of comment, of which only the example's own parser knows, are left out.
            let text = String::from_utf8(bytes).expect("text");
            let text: String = text
                .split_inclusive('\n')
                .filter(|line| !line.starts_with(';'))
                .collect();
            first.compare(&name, text.as_str(), ours(&text), by_sdp_types(&text));
            second.compare(&name, text.as_str(), ours(&text), by_webrtc_sdp(&text));
        }
    }
    first.end();
    second.end();
}
