//! Metadata policies: how those of a chain are combined, and what they do to the leaf's metadata (OpenID Federation 1.0,
//! section 6.1).
//!
//! The superior's policy comes first, and each subordinate's may only narrow it: what contradicts it is an error, not a
//! choice. Operators that are not standard are ignored, as the text demands; statements that call one critical are
//! refused where they are read.

use std::vec::Vec;

use super::metadata::{Element, Metadata, PARAMETERS_MAX, VALUES_MAX, Value, within};
use super::{Operator, PolicyError};
use crate::cbor::{Item, Map};
use crate::trust::reserve;

/// What `value` does.
#[derive(Debug, PartialEq, Eq)]
pub enum Assignment<'c> {
    /// The parameter gets this value.
    Set(Value<'c>),
    /// The parameter is removed (`null`).
    Remove,
}

/// The operators on one parameter.
#[derive(Debug, Default)]
pub struct Operators<'c> {
    /// `value`
    pub value: Option<Assignment<'c>>,
    /// `add`
    pub add: Option<Vec<Element<'c>>>,
    /// `default`
    pub default: Option<Value<'c>>,
    /// `one_of`
    pub one_of: Option<Vec<Element<'c>>>,
    /// `subset_of`
    pub subset_of: Option<Vec<Element<'c>>>,
    /// `superset_of`
    pub superset_of: Option<Vec<Element<'c>>>,
    /// `essential`
    pub essential: Option<bool>,
}

/// The policy on one parameter.
#[derive(Debug)]
pub struct Entry<'c> {
    /// The entity type that the parameter belongs to.
    pub entity_type: &'c str,
    /// The parameter's name.
    pub parameter: &'c str,
    /// The operators on it.
    pub operators: Operators<'c>,
}

/// The policies of a chain's statements, combined.
#[derive(Debug, Default)]
pub struct Policy<'c> {
    entries: Vec<Entry<'c>>,
}

impl<'c> Policy<'c> {
    /// The combined policy of each parameter, in the order in which they were met.
    pub fn entries(&self) -> &[Entry<'c>] {
        &self.entries
    }

    /// Narrows the policy by that of the next subordinate statement: its claim `metadata_policy`.
    ///
    /// # Errors
    /// [`PolicyError`]; the chain is invalid then, and the policy of no more use.
    pub fn narrow(&mut self, claim: Item<'c>) -> Result<(), PolicyError> {
        for (entity_type, parameters) in claim.map().ok_or(PolicyError::Form)? {
            for (parameter, operators) in parameters.map().ok_or(PolicyError::Form)? {
                let operators = Operators::read(parameter, operators.map().ok_or(PolicyError::Form)?)?;
                operators.may_be_combined()?;
                let known = |entry: &&mut Entry<'_>| entry.entity_type == entity_type && entry.parameter == parameter;
                if let Some(entry) = self.entries.iter_mut().find(known) {
                    entry.operators.merge(operators)?;
                    entry.operators.may_be_combined()?;
                } else {
                    within(self.entries.len() + 1, PARAMETERS_MAX)?;
                    self.entries.try_reserve(1).map_err(|_| PolicyError::Memory)?;
                    self.entries.push(Entry {
                        entity_type,
                        parameter,
                        operators,
                    });
                }
            }
        }
        Ok(())
    }

    /// Applies the policy to the metadata of the chain's subject: to the entity types that it has.
    ///
    /// # Errors
    /// [`PolicyError::ParameterKind`], [`PolicyError::Unfulfilled`], [`PolicyError::TooMany`], [`PolicyError::Memory`];
    /// the chain is invalid then, and the metadata of no more use.
    pub fn apply(self, metadata: &mut Metadata<'c>) -> Result<(), PolicyError> {
        for entry in self.entries {
            if metadata.has_type(entry.entity_type) {
                let value = metadata.take(entry.entity_type, entry.parameter);
                let value = entry.operators.apply(value)?;
                metadata.set(entry.entity_type, entry.parameter, value)?;
            }
        }
        Ok(())
    }
}

impl<'c> Operators<'c> {
    fn read(parameter: &str, operators: Map<'c>) -> Result<Self, PolicyError> {
        let value = |operator: Operator| {
            let read = |item| match Value::read(parameter, item) {
                Err(PolicyError::Form) => Err(PolicyError::OperatorValue(operator)),
                other => other,
            };
            operators.get(operator.as_str()).map(read).transpose()
        };
        let list = |operator| match value(operator)? {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(Value::Single(_)) => Err(PolicyError::OperatorValue(operator)),
        };
        let removes = operators.get(Operator::Value.as_str()).is_some_and(Item::is_null);
        let truth = |item: Item<'_>| item.as_bool().ok_or(PolicyError::OperatorValue(Operator::Essential));
        Ok(Self {
            value: if removes {
                Some(Assignment::Remove)
            } else {
                value(Operator::Value)?.map(Assignment::Set)
            },
            add: list(Operator::Add)?,
            default: value(Operator::Default)?,
            one_of: list(Operator::OneOf)?,
            subset_of: list(Operator::SubsetOf)?,
            superset_of: list(Operator::SupersetOf)?,
            essential: operators.get(Operator::Essential.as_str()).map(truth).transpose()?,
        })
    }

    /// Whether the operators may stand together, and with these values (section 6.1.3.1).
    fn may_be_combined(&self) -> Result<(), PolicyError> {
        use Operator::{Add, Default, Essential, OneOf, SubsetOf, SupersetOf, Value as Val};
        let rule = |holds: bool, one, other| {
            if holds {
                Ok(())
            } else {
                Err(PolicyError::Combination(one, other))
            }
        };
        if let Some(value) = &self.value {
            let (single, list) = match value {
                Assignment::Set(Value::Single(single)) => (Some(single), None),
                Assignment::Set(Value::List(list)) => (None, Some(list)),
                Assignment::Remove => (None, None),
            };
            let removes = *value == Assignment::Remove;
            let holds = |other: &Option<Vec<_>>, check: fn(&[Element<'c>], &[Element<'c>]) -> bool| {
                other
                    .as_ref()
                    .is_none_or(|other| list.is_some_and(|list| check(list, other)))
            };
            rule(holds(&self.add, |value, add| contains_all(value, add)), Val, Add)?;
            rule(!(removes && self.default.is_some()), Val, Default)?;
            let among = |one_of: &Vec<Element<'_>>| single.is_some_and(|single| one_of.contains(single));
            rule(self.one_of.as_ref().is_none_or(among), Val, OneOf)?;
            rule(
                holds(&self.subset_of, |value, of| contains_all(of, value)),
                Val,
                SubsetOf,
            )?;
            rule(
                holds(&self.superset_of, |value, of| contains_all(value, of)),
                Val,
                SupersetOf,
            )?;
            rule(!(removes && self.essential == Some(true)), Val, Essential)?;
        }
        if self.one_of.is_some() {
            rule(self.add.is_none(), Add, OneOf)?;
            rule(self.subset_of.is_none(), OneOf, SubsetOf)?;
            rule(self.superset_of.is_none(), OneOf, SupersetOf)?;
        }
        if let Some(subset_of) = &self.subset_of {
            let holds = |other: &Option<Vec<_>>| other.as_ref().is_none_or(|other| contains_all(subset_of, other));
            rule(holds(&self.add), Add, SubsetOf)?;
            rule(holds(&self.superset_of), SubsetOf, SupersetOf)?;
        }
        Ok(())
    }

    /// Merges a subordinate's operators on the same parameter.
    fn merge(&mut self, subordinate: Self) -> Result<(), PolicyError> {
        merge(&mut self.value, subordinate.value, |own, other| {
            equal(own, &other, Operator::Value)
        })?;
        merge(&mut self.add, subordinate.add, unite)?;
        merge(&mut self.default, subordinate.default, |own, other| {
            equal(own, &other, Operator::Default)
        })?;
        merge(&mut self.one_of, subordinate.one_of, |own, other| {
            own.retain(|each| other.contains(each));
            if own.is_empty() {
                Err(PolicyError::Merge(Operator::OneOf))
            } else {
                Ok(())
            }
        })?;
        merge(&mut self.subset_of, subordinate.subset_of, |own, other| {
            own.retain(|each| other.contains(each));
            Ok(())
        })?;
        merge(&mut self.superset_of, subordinate.superset_of, unite)?;
        merge(&mut self.essential, subordinate.essential, |own, other| {
            *own |= other;
            Ok(())
        })
    }

    /// What becomes of a parameter, in the order of the operators.
    fn apply(self, parameter: Option<Value<'c>>) -> Result<Option<Value<'c>>, PolicyError> {
        let mut parameter = match self.value {
            Some(Assignment::Set(value)) => Some(value),
            Some(Assignment::Remove) => None,
            None => parameter,
        };
        if let Some(add) = self.add {
            match list_of(&mut parameter, Operator::Add)? {
                Some(list) => unite(list, add)?,
                None => parameter = Some(Value::List(add)),
            }
        }
        parameter = parameter.or(self.default);
        if let (Some(one_of), Some(value)) = (&self.one_of, &parameter) {
            let Value::Single(single) = value else {
                return Err(PolicyError::ParameterKind(Operator::OneOf));
            };
            fulfilled(one_of.contains(single), Operator::OneOf)?;
        }
        if let Some(subset_of) = &self.subset_of
            && let Some(list) = list_of(&mut parameter, Operator::SubsetOf)?
        {
            list.retain(|each| subset_of.contains(each));
        }
        if let Some(superset_of) = &self.superset_of
            && let Some(list) = list_of(&mut parameter, Operator::SupersetOf)?
        {
            fulfilled(contains_all(list, superset_of), Operator::SupersetOf)?;
        }
        fulfilled(parameter.is_some() || self.essential != Some(true), Operator::Essential)?;
        Ok(parameter)
    }
}

fn merge<T>(
    own: &mut Option<T>,
    other: Option<T>,
    both: impl FnOnce(&mut T, T) -> Result<(), PolicyError>,
) -> Result<(), PolicyError> {
    match (own.as_mut(), other) {
        (Some(own), Some(other)) => both(own, other),
        (None, other) => {
            *own = other;
            Ok(())
        }
        (Some(_), None) => Ok(()),
    }
}

fn equal<T: PartialEq>(own: &T, other: &T, operator: Operator) -> Result<(), PolicyError> {
    if own == other {
        Ok(())
    } else {
        Err(PolicyError::Merge(operator))
    }
}

fn fulfilled(holds: bool, operator: Operator) -> Result<(), PolicyError> {
    if holds {
        Ok(())
    } else {
        Err(PolicyError::Unfulfilled(operator))
    }
}

/// The list that a parameter is, if it is there.
fn list_of<'p, 'c>(
    parameter: &'p mut Option<Value<'c>>,
    operator: Operator,
) -> Result<Option<&'p mut Vec<Element<'c>>>, PolicyError> {
    match parameter {
        Some(Value::List(list)) => Ok(Some(list)),
        Some(Value::Single(_)) => Err(PolicyError::ParameterKind(operator)),
        None => Ok(None),
    }
}

fn contains_all(list: &[Element<'_>], others: &[Element<'_>]) -> bool {
    others.iter().all(|other| list.contains(other))
}

/// Adds to `list` what it does not have yet.
fn unite<'c>(list: &mut Vec<Element<'c>>, others: Vec<Element<'c>>) -> Result<(), PolicyError> {
    list.try_reserve(others.len()).map_err(|_| reserve::NoMemory)?;
    for other in others {
        if !list.contains(&other) {
            list.push(other);
        }
    }
    within(list.len(), VALUES_MAX).map(|_| ())
}
