//! Fields that a template gives in plain are sealed for their audience (OHP §5.3; interpretations, rows 17 and 18).

use zeroize::Zeroizing;

use super::IssueError;
use crate::cbor::{Item, Writer};
use crate::crypto::hpke;
use crate::envelope::{Draft, Field, Value};
use crate::time::Timestamp;
use crate::trust::jwk::{HPKE, JwkSet};
use crate::trust::sealing::{self, Binding, RECIPIENTS_MAX, Recipient, SealError};

/// Room for `audience.recipientKeys`: kids are short, thumbprints for the most part.
const RECIPIENT_KEYS_MAX: usize = 4096;

/// The map `sealed.fields` of `template`, dotted names to values; `None` if it has no `sealed`.
///
/// # Errors
/// [`IssueError::NotPlain`].
pub fn plain_fields(template: Item<'_>) -> Result<Option<Item<'_>>, IssueError> {
    let Some(sealed) = template.map().and_then(|map| map.get(Field::Sealed.path())) else {
        return Ok(None);
    };
    let sealed = sealed.map().filter(|sealed| sealed.len() == 1);
    let fields = sealed.and_then(|sealed| sealed.get("fields"));
    let fields = fields.filter(|fields| fields.map().is_some());
    fields.map(Some).ok_or(IssueError::NotPlain)
}

/// Names in `audience.recipientKeys`, unless the draft does, every key of the audience that fields may be sealed for.
///
/// # Errors
/// [`IssueError::Seal`] where there are more than [`RECIPIENTS_MAX`], [`IssueError::Draft`].
pub fn name_recipients(draft: &mut Draft<'_>, audience: &JwkSet, now: Timestamp) -> Result<(), IssueError> {
    if draft.contains(Field::AudienceRecipientKeys) {
        return Ok(());
    }
    let kids = || {
        let usable = audience.keys().iter().filter(|key| key.sealing_key(now).is_some());
        usable.filter_map(|key| key.kid.as_deref())
    };
    let count = kids().count();
    if count == 0 {
        return Ok(());
    }
    if count > RECIPIENTS_MAX {
        return Err(IssueError::Seal(SealError::Recipients));
    }
    let mut list = [0; RECIPIENT_KEYS_MAX];
    let mut writer = Writer::new(&mut list);
    writer.array(count)?;
    for kid in kids() {
        writer.map(2)?;
        writer.text("alg")?;
        writer.text(HPKE)?;
        writer.text("kid")?;
        writer.text(kid)?;
    }
    let list = Item::trusted(writer.into_written());
    draft.set(Field::AudienceRecipientKeys.path(), Value::Item(list))?;
    Ok(())
}

/// Seals `fields` for each key that the draft's `audience.recipientKeys` names, with the keys of `audience`, and sets
/// `sealed`. The draft has its `id`, `issuedAt`, `audience.did` and `session.callId`, none of which may change afterwards.
///
/// `random` gives a fresh random value for each recipient. `scratch` takes [`sealing::SCRATCH_LEN`] bytes, `out`
/// [`crate::envelope::SURFACE_MAX`]; no plaintext is left in either.
///
/// # Errors
/// [`IssueError::NoRecipient`], [`IssueError::NoRecipientKey`], [`IssueError::Seal`], [`IssueError::Draft`].
pub fn seal_fields(
    draft: &mut Draft<'_>,
    fields: Item<'_>,
    audience: &JwkSet,
    now: Timestamp,
    random: impl Fn(u8) -> Zeroizing<[u8; hpke::RANDOM_LEN]>,
    scratch: &mut [u8],
    out: &mut [u8],
) -> Result<(), IssueError> {
    let mut recipients = [Recipient {
        kid: "",
        key: &[0; hpke::KEY_LEN],
    }; RECIPIENTS_MAX];
    let mut randoms = Zeroizing::new([[0; hpke::RANDOM_LEN]; RECIPIENTS_MAX]);
    let named = draft.item(Field::AudienceRecipientKeys).and_then(Item::array);
    let named = named.filter(|named| !named.is_empty()).ok_or(IssueError::NoRecipient)?;
    if named.len() > RECIPIENTS_MAX {
        return Err(IssueError::Seal(SealError::Recipients));
    }
    for (nth, each) in named.iter().enumerate() {
        let kid = each.map().and_then(|each| each.get("kid")?.as_text());
        let key = kid
            .and_then(|kid| audience.get(kid))
            .and_then(|key| key.sealing_key(now));
        // INVARIANT: `nth` is below RECIPIENTS_MAX, which fits either width.
        let (Some(kid), Some(key)) = (kid, key) else {
            return Err(IssueError::NoRecipientKey(nth as u16));
        };
        recipients[nth] = Recipient { kid, key };
        randoms[nth] = *random(nth as u8);
    }
    let count = named.len();
    let binding = Binding::of_draft(draft).ok_or(IssueError::Seal(SealError::Unbound))?;
    let (recipients, randoms) = (&recipients[..count], &randoms[..count]);
    let block = sealing::seal(fields, &binding, recipients, randoms, scratch, out).map_err(IssueError::Seal)?;
    draft.set(Field::Sealed.path(), Value::Item(block))?;
    Ok(())
}
