//! CBOR as a tree, and mutations that leave it canonical: what bytes changed at random would never get past the reader.

use ohp::cbor::{Item, Kind, Writer, compare_keys};

/// An item.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Integer(i128),
    Float(f64),
    Text(String),
    Time(String),
    Bool(bool),
    Null,
    Array(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Item::parse(bytes).ok().map(Self::of)
    }

    /// Recursion ends where the reader's depth does.
    pub fn of(item: Item<'_>) -> Self {
        match item.kind() {
            Kind::Integer => Self::Integer(item.as_integer().unwrap_or_default()),
            Kind::Float => Self::Float(item.as_float().unwrap_or_default()),
            Kind::Text => Self::Text(item.as_text().unwrap_or_default().to_owned()),
            Kind::Time => Self::Time(item.as_time().unwrap_or_default().to_owned()),
            Kind::Bool => Self::Bool(item.as_bool().unwrap_or_default()),
            Kind::Null => Self::Null,
            Kind::Array => Self::Array(item.array().into_iter().flatten().map(Self::of).collect()),
            Kind::Map => Self::Map(
                item.map()
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| (key.to_owned(), Self::of(value)))
                    .collect(),
            ),
        }
    }

    /// Canonical CBOR; a key that stands twice is written once.
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut buffer = vec![0; self.size()];
        let mut writer = Writer::new(&mut buffer);
        self.write(&mut writer).expect("room enough");
        writer.into_written().to_vec()
    }

    fn size(&self) -> usize {
        10 + match self {
            Self::Text(text) | Self::Time(text) => text.len(),
            Self::Array(elements) => elements.iter().map(Self::size).sum(),
            Self::Map(members) => members.iter().map(|(key, value)| 10 + key.len() + value.size()).sum(),
            _ => 0,
        }
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), ohp::cbor::WriteError> {
        match self {
            Self::Integer(value) => writer.integer(*value),
            Self::Float(value) => writer.float(*value),
            Self::Text(text) => writer.text(text),
            Self::Time(text) => writer.time(text).or_else(|_| writer.text(text)),
            Self::Bool(value) => writer.bool(*value),
            Self::Null => writer.null(),
            Self::Array(elements) => {
                writer.array(elements.len())?;
                elements.iter().try_for_each(|element| element.write(writer))
            }
            Self::Map(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by(|(a, _), (b, _)| compare_keys(a, b));
                members.dedup_by(|(a, _), (b, _)| a == b);
                writer.map(members.len())?;
                members.iter().try_for_each(|(key, value)| {
                    writer.text(key)?;
                    value.write(writer)
                })
            }
        }
    }

    /// How many nodes there are, this one included.
    pub fn count(&self) -> usize {
        1 + match self {
            Self::Array(elements) => elements.iter().map(Self::count).sum(),
            Self::Map(members) => members.iter().map(|(_, value)| value.count()).sum(),
            _ => 0,
        }
    }

    /// The node of that number, this one being 0.
    pub fn nth(&mut self, mut number: usize) -> Option<&mut Self> {
        if number == 0 {
            return Some(self);
        }
        number -= 1;
        let children: Box<dyn Iterator<Item = &mut Self>> = match self {
            Self::Array(elements) => Box::new(elements.iter_mut()),
            Self::Map(members) => Box::new(members.iter_mut().map(|(_, value)| value)),
            _ => return None,
        };
        for child in children {
            let count = child.count();
            if number < count {
                return child.nth(number);
            }
            number -= count;
        }
        None
    }

    /// The node at a dotted path, made if it is not there; what stands in its way is replaced.
    pub fn at(&mut self, path: &str) -> &mut Self {
        let mut node = self;
        for key in path.split('.') {
            if !matches!(node, Self::Map(_)) {
                *node = Self::Map(Vec::new());
            }
            let Self::Map(members) = node else { unreachable!() };
            let place = members.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
                members.push((key.to_owned(), Self::Null));
                members.len() - 1
            });
            node = &mut members[place].1;
        }
        node
    }
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends, and nobody iterates over it"
    )]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}
