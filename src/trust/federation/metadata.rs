//! An entity's metadata: parameters by entity type (OpenID Federation 1.0, sections 3.1.1 and 5).

use std::vec::Vec;

use super::PolicyError;
use crate::cbor::{Array, Item};
use crate::trust::reserve;

/// Most parameters in an entity's metadata, and in the policies of a chain. The registries of OpenID Connect and OAuth 2.0
/// have about a hundred for each entity type.
pub const PARAMETERS_MAX: usize = 512;

/// Most values in the list of one parameter or operator. The longest registered lists, of algorithms, have a few dozen.
pub const VALUES_MAX: usize = 256;

/// The one parameter that is written as a text and treated as the list of its words (section 6.1.3.1.8).
const SCOPE: &str = "scope";

/// The entity type that every entity may have (section 5.1.1).
const FEDERATION_ENTITY: &str = "federation_entity";

/// A value that is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element<'c> {
    /// A text.
    Text(&'c str),
    /// A number, a truth value, an object.
    Other(Item<'c>),
}

impl<'c> Element<'c> {
    fn read(item: Item<'c>) -> Result<Self, PolicyError> {
        match item.as_text() {
            Some(text) => Ok(Self::Text(text)),
            None if item.is_null() => Err(PolicyError::Form),
            None => Ok(Self::Other(item)),
        }
    }
}

/// What a parameter, or an operator on it, has as its value.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'c> {
    /// Any value that is no list.
    Single(Element<'c>),
    /// A list; that of `scope` has its words.
    List(Vec<Element<'c>>),
}

impl<'c> Value<'c> {
    /// Reads the value of the parameter `name`, or of an operator on it.
    pub(super) fn read(name: &str, item: Item<'c>) -> Result<Self, PolicyError> {
        if let Some(array) = item.array() {
            let mut list = reserve::room(within(array.len(), VALUES_MAX)?)?;
            for item in array {
                list.push(Element::read(item)?);
            }
            return Ok(Self::List(list));
        }
        match item.as_text().filter(|_| name == SCOPE) {
            Some(text) => {
                let mut list = reserve::room(within(text.split_ascii_whitespace().count(), VALUES_MAX)?)?;
                list.extend(text.split_ascii_whitespace().map(Element::Text));
                Ok(Self::List(list))
            }
            None => Element::read(item).map(Self::Single),
        }
    }
}

/// `count`, if there may be that many.
pub(super) fn within(count: usize, most: usize) -> Result<usize, PolicyError> {
    if count <= most {
        Ok(count)
    } else {
        Err(PolicyError::TooMany)
    }
}

/// One metadata parameter.
#[derive(Debug)]
pub struct Parameter<'c> {
    /// The entity type that it belongs to, such as `openid_relying_party`.
    pub entity_type: &'c str,
    /// Its name.
    pub name: &'c str,
    /// Its value.
    pub value: Value<'c>,
}

/// An entity's metadata.
#[derive(Debug, Default)]
pub struct Metadata<'c> {
    types: Vec<&'c str>,
    parameters: Vec<Parameter<'c>>,
}

impl<'c> Metadata<'c> {
    /// Reads the claim `metadata`.
    ///
    /// # Errors
    /// [`PolicyError::Form`], [`PolicyError::TooMany`], [`PolicyError::Memory`].
    pub fn read(claim: Item<'c>) -> Result<Self, PolicyError> {
        let by_type = claim.map().ok_or(PolicyError::Form)?;
        let mut metadata = Self {
            types: reserve::room(within(by_type.len(), PARAMETERS_MAX)?)?,
            parameters: Vec::new(),
        };
        metadata
            .types
            .extend(by_type.iter().map(|(entity_type, _)| entity_type));
        metadata.overlay(claim)?;
        Ok(metadata)
    }

    /// Lays over it what the immediate superior says: for entity types that are there, and for no others.
    ///
    /// # Errors
    /// As [`Metadata::read`].
    pub fn overlay(&mut self, claim: Item<'c>) -> Result<(), PolicyError> {
        for (entity_type, parameters) in claim.map().ok_or(PolicyError::Form)? {
            let parameters = parameters.map().ok_or(PolicyError::Form)?;
            for (name, item) in parameters {
                let value = Value::read(name, item)?;
                if self.has_type(entity_type) {
                    self.set(entity_type, name, Some(value))?;
                }
            }
        }
        Ok(())
    }

    /// Removes all entity types that `allowed` does not list, but `federation_entity`.
    pub fn restrict_types(&mut self, allowed: Array<'_>) {
        let is_allowed = |entity_type: &str| {
            let mut allowed = allowed.iter().filter_map(Item::as_text);
            entity_type == FEDERATION_ENTITY || allowed.any(|allowed| allowed == entity_type)
        };
        self.types.retain(|entity_type| is_allowed(entity_type));
        self.parameters.retain(|parameter| is_allowed(parameter.entity_type));
    }

    /// Whether the entity has a type of its own, beside `federation_entity`.
    pub fn plays_a_role(&self) -> bool {
        self.types.iter().any(|entity_type| *entity_type != FEDERATION_ENTITY)
    }

    /// Whether the entity has that type.
    pub fn has_type(&self, entity_type: &str) -> bool {
        self.types.contains(&entity_type)
    }

    /// All parameters.
    pub fn parameters(&self) -> &[Parameter<'c>] {
        &self.parameters
    }

    /// Takes a parameter's value out.
    pub(super) fn take(&mut self, entity_type: &str, name: &str) -> Option<Value<'c>> {
        let at = self.position(entity_type, name)?;
        Some(self.parameters.swap_remove(at).value)
    }

    /// Gives a parameter another value, or none.
    pub(super) fn set(
        &mut self,
        entity_type: &'c str,
        name: &'c str,
        value: Option<Value<'c>>,
    ) -> Result<(), PolicyError> {
        self.take(entity_type, name);
        if let Some(value) = value {
            within(self.parameters.len() + 1, PARAMETERS_MAX)?;
            self.parameters.try_reserve(1).map_err(|_| PolicyError::Memory)?;
            self.parameters.push(Parameter {
                entity_type,
                name,
                value,
            });
        }
        Ok(())
    }

    fn position(&self, entity_type: &str, name: &str) -> Option<usize> {
        let mut parameters = self.parameters.iter();
        parameters.position(|parameter| parameter.entity_type == entity_type && parameter.name == name)
    }
}
