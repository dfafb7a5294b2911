//! Moments in milliseconds since the Unix epoch, and their RFC 3339 text.
//!
//! Time always enters the library as an argument; nothing here reads a clock.

use core::fmt;

use crate::error::At;

/// Clock skew that the protocol tolerates in every comparison (OHP §4.4, §8.4).
pub const CLOCK_SKEW_MS: i64 = 5_000;

/// Longest lifetime of an envelope, `notAfter − issuedAt` (OHP §4.4).
pub const MAX_LIFETIME_MS: i64 = 300_000;

/// Time that ACCEPTED may last without an ASSUME (OHP §8.4).
pub const ASSUME_TIMEOUT_MS: i64 = 10_000;

/// How long after its issuance a serious-incident report is due with the authority: fifteen days (OHP §6.5; EU AI Act,
/// Art. 73 (2)). Days of 24 hours from the very moment, which never ends later than calendar days counted by Regulation
/// 1182/71 do. The Act's shorter terms, for deaths and for widespread infringements, are not the protocol's.
pub const INCIDENT_REPORT_MS: i64 = 15 * 24 * 3_600_000;

/// Length of the text that [`Timestamp::to_text`] writes.
pub const TIMESTAMP_TEXT_LEN: usize = 24;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A day of the proleptic Gregorian calendar, from 0000-01-01 to 9999-12-31 where it comes from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// Reads an RFC 3339 `full-date`, `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`TimeError`] with the offset of the offending byte.
    pub fn parse(text: &str) -> Result<Self, At<TimeError>> {
        let mut at = Scanner {
            bytes: text.as_bytes(),
            pos: 0,
        };
        let date = at.date()?;
        at.end()?;
        Ok(date)
    }

    /// The same day of the month, `months` later; the month's last day where it has no such day.
    #[must_use]
    pub fn plus_months(self, months: u16) -> Self {
        let month = self.month - 1 + i64::from(months);
        let (year, month) = (self.year + month / 12, month % 12 + 1);
        Self {
            year,
            month,
            day: self.day.min(days_in_month(year, month)),
        }
    }
}

/// Why a text is no RFC 3339 date-time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// A digit or a separator was expected.
    Syntax,
    /// The month, day, hour, minute, second or offset is out of its range.
    Range,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeError::Syntax => "not an RFC 3339 date-time such as 2026-05-28T13:42:11.250Z",
            TimeError::Range => "a date-time field is out of range",
        })
    }
}

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The moment `millis` later (earlier if negative), saturating.
    #[must_use]
    pub const fn plus(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// `self − earlier` in milliseconds, saturating.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads an RFC 3339 `date-time` (section 5.6): any number of fraction digits, any offset, `t` and `z` in either
    /// case. Digits past the millisecond are cut off; second 60 is read as the first second of the next minute.
    ///
    /// # Errors
    /// [`TimeError`] with the offset of the offending byte.
    pub fn parse_rfc3339(text: &str) -> Result<Self, At<TimeError>> {
        Self::parse_bytes(text.as_bytes())
    }

    /// As [`Timestamp::parse_rfc3339`], of a text's bytes; other bytes than a text's are an error as well.
    pub(crate) fn parse_bytes(bytes: &[u8]) -> Result<Self, At<TimeError>> {
        match usual(bytes) {
            Some(moment) => Ok(moment),
            None => Self::parse_any(bytes),
        }
    }

    fn parse_any(bytes: &[u8]) -> Result<Self, At<TimeError>> {
        let mut at = Scanner { bytes, pos: 0 };
        let Date { year, month, day } = at.date()?;
        at.one_of(b"Tt")?;
        let hour = at.number(2, 0, 23)?;
        at.one_of(b":")?;
        let minute = at.number(2, 0, 59)?;
        at.one_of(b":")?;
        let second = at.number(2, 0, 60)?;
        let fraction = at.fraction()?;
        let offset_minutes = match at.one_of(b"Zz+-")? {
            sign @ (b'+' | b'-') => {
                let hours = at.number(2, 0, 23)?;
                at.one_of(b":")?;
                let minutes = at.number(2, 0, 59)?;
                let offset = hours * 60 + minutes;
                if sign == b'-' { -offset } else { offset }
            }
            _ => 0,
        };
        at.end()?;
        let minutes = days_since_epoch(year, month, day) * 1440 + hour * 60 + minute - offset_minutes;
        Ok(Self((minutes * 60 + second) * 1000 + fraction))
    }

    /// The day that it is in UTC at that moment.
    pub fn date(self) -> Date {
        let (year, month, day) = civil_from_days(self.0.div_euclid(86_400_000));
        Date { year, month, day }
    }

    /// The moment as `YYYY-MM-DDThh:mm:ss.mmmZ`, the form that this library emits (OHP §4.4 asks for milliseconds).
    ///
    /// Moments outside the years 0000 to 9999 are clamped to that range.
    pub fn to_text(self) -> TimestampText {
        const FIRST: i64 = -62_167_219_200_000;
        const LAST: i64 = 253_402_300_799_999;
        let millis = self.0.clamp(FIRST, LAST);
        let days = millis.div_euclid(86_400_000);
        let in_day = millis.rem_euclid(86_400_000);
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |at: usize, width: usize, mut value: i64| {
            for digit in text[at..at + width].iter_mut().rev() {
                *digit = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(0, 4, year);
        put(5, 2, month);
        put(8, 2, day);
        put(11, 2, in_day / 3_600_000);
        put(14, 2, in_day / 60_000 % 60);
        put(17, 2, in_day / 1000 % 60);
        put(20, 3, in_day % 1000);
        TimestampText(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_text().as_str())
    }
}

/// A moment's RFC 3339 text, 24 bytes of ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampText([u8; TIMESTAMP_TEXT_LEN]);

impl TimestampText {
    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Reads `YYYY-MM-DDThh:mm:ssZ`, with milliseconds or without, which is what senders write; `None` for what is anything
/// else, or no moment.
fn usual(bytes: &[u8]) -> Option<Timestamp> {
    let (date, rest) = bytes.split_first_chunk()?;
    let (day_and_time, rest) = rest.split_first_chunk()?;
    let [year_1, year_2, year_3, year_4, _, month_1, month_2, _] = digits(date, b"0000-00-")?;
    let [day_1, day_2, _, hour_1, hour_2, _, minute_1, minute_2] = digits(day_and_time, b"00T00:00")?;
    let rest = match *rest {
        [a, b, c, b'Z'] => [a, b, c, b'.', b'0', b'0', b'0', b'Z'],
        _ => rest.try_into().ok()?,
    };
    let [_, second_1, second_2, _, milli_1, milli_2, milli_3, _] = digits(&rest, b":00.000Z")?;
    let year = (year_1 * 10 + year_2) * 100 + year_3 * 10 + year_4;
    let (month, day) = (month_1 * 10 + month_2, day_1 * 10 + day_2);
    let (hour, minute, second) = (hour_1 * 10 + hour_2, minute_1 * 10 + minute_2, second_1 * 10 + second_2);
    let is_moment = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    let seconds = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    let millis = milli_1 * 100 + milli_2 * 10 + milli_3;
    is_moment.then_some(Timestamp(seconds * 1000 + millis))
}

/// The digits of `text`, where `form` has a zero; `None` unless there are digits and everything else is as in `form`.
#[inline(always)]
fn digits(text: &[u8; 8], form: &[u8; 8]) -> Option<[i64; 8]> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // What brings a byte's high bit about when it is added to more than 9, or elsewhere to more than 0.
    let beyond = u64::from_le_bytes(form.map(|wanted| if wanted == b'0' { 0x7f - 9 } else { 0x7f }));
    let values = u64::from_le_bytes(*text) ^ u64::from_le_bytes(*form);
    // No sum carries into the next byte unless a high bit is set already.
    if (values | (values & !HIGH).wrapping_add(beyond)) & HIGH != 0 {
        return None;
    }
    Some(values.to_le_bytes().map(i64::from))
}

struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl Scanner<'_> {
    fn date(&mut self) -> Result<Date, At<TimeError>> {
        let year = self.number(4, 0, 9999)?;
        self.one_of(b"-")?;
        let month = self.number(2, 1, 12)?;
        self.one_of(b"-")?;
        let day = self.number(2, 1, days_in_month(year, month))?;
        Ok(Date { year, month, day })
    }

    fn end(&self) -> Result<(), At<TimeError>> {
        if self.pos == self.bytes.len() {
            Ok(())
        } else {
            Err(At::new(TimeError::Syntax, self.pos))
        }
    }

    fn one_of(&mut self, wanted: &[u8]) -> Result<u8, At<TimeError>> {
        match self.bytes.get(self.pos) {
            Some(byte) if wanted.contains(byte) => {
                self.pos += 1;
                Ok(*byte)
            }
            _ => Err(At::new(TimeError::Syntax, self.pos)),
        }
    }

    fn number(&mut self, width: usize, least: i64, most: i64) -> Result<i64, At<TimeError>> {
        let start = self.pos;
        let mut value = 0;
        for _ in 0..width {
            value = value * 10 + i64::from(self.one_of(b"0123456789")? - b'0');
        }
        if (least..=most).contains(&value) {
            Ok(value)
        } else {
            Err(At::new(TimeError::Range, start))
        }
    }

    fn fraction(&mut self) -> Result<i64, At<TimeError>> {
        if self.bytes.get(self.pos) != Some(&b'.') {
            return Ok(0);
        }
        self.pos += 1;
        let mut millis = i64::from(self.one_of(b"0123456789")? - b'0') * 100;
        let mut scale = 10;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.pos) {
            millis += i64::from(digit - b'0') * scale;
            scale /= 10;
            self.pos += 1;
        }
        Ok(millis)
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counting years from March so that the leap day is last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> i64 {
        Timestamp::parse_rfc3339(text).expect(text).millis()
    }

    #[test]
    fn rfc_3339_examples_are_read() {
        assert_eq!(millis("1985-04-12T23:20:50.52Z"), 482_196_050_520);
        assert_eq!(millis("1996-12-19T16:39:57-08:00"), millis("1996-12-20T00:39:57Z"));
        assert_eq!(millis("1990-12-31T15:59:60-08:00"), millis("1991-01-01T00:00:00Z"));
        assert_eq!(millis("1937-01-01T12:00:27.87+00:20"), -1_041_337_172_130);
        assert_eq!(millis("2026-05-28t13:42:11.2509z"), 1_779_975_731_250);
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused_with_its_offset() {
        for (text, offset) in [
            ("", 0),
            ("2026-05-28", 10),
            ("2026-05-28 13:42:11Z", 10),
            ("2026-13-01T00:00:00Z", 5),
            ("2026-02-29T00:00:00Z", 8),
            ("2026-05-28T24:00:00Z", 11),
            ("2026-05-28T13:42:11", 19),
            ("2026-05-28T13:42:11.Z", 20),
            ("2026-05-28T13:42:11Zx", 20),
            ("2026-05-28T13:42:11+24:00", 20),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text).unwrap_err().offset, offset, "{text}");
        }
    }

    #[test]
    fn the_usual_form_is_read_as_any_other() {
        for text in ["2028-02-29T23:59:60Z", "2026-11-30T19:09:01.250Z"] {
            let mut bytes = text.as_bytes().to_vec();
            assert_eq!(usual(&bytes).map(Ok), Some(Timestamp::parse_any(&bytes)), "{text}");
            for at in 0..bytes.len() {
                for other in 0..=u8::MAX {
                    let kept = core::mem::replace(&mut bytes[at], other);
                    if let Some(moment) = usual(&bytes) {
                        assert_eq!(Timestamp::parse_any(&bytes), Ok(moment), "{text} with {other} at {at}");
                    }
                    bytes[at] = kept;
                }
                assert_eq!(usual(&bytes[..at]), None, "{text} cut at {at}");
            }
        }
    }

    #[test]
    fn text_and_moment_agree_on_every_day_of_eight_centuries() {
        for day in -146_097..146_097 {
            let moment = Timestamp::from_millis(day * 86_400_000 + 45_296_789);
            let text = moment.to_text();
            assert_eq!(Timestamp::parse_rfc3339(text.as_str()), Ok(moment), "{}", text.as_str());
        }
    }

    #[test]
    fn twelve_months_later_is_the_same_day_or_the_months_last() {
        let date = |text| Date::parse(text).expect(text);
        assert_eq!(date("2025-05-28").plus_months(12), date("2026-05-28"));
        assert_eq!(date("2024-02-29").plus_months(12), date("2025-02-28"));
        assert_eq!(date("2025-11-30").plus_months(3), date("2026-02-28"));
        assert!(date("2026-05-28").plus_months(12) < date("2027-05-29"));
        assert_eq!(Timestamp::from_millis(-1).date(), date("1969-12-31"));
        assert_eq!(Date::parse("2026-02-30").unwrap_err().offset, 8);
        assert_eq!(Date::parse("2026-02-03T").unwrap_err().offset, 10);
    }

    #[test]
    fn moments_outside_four_digit_years_are_clamped_in_text() {
        assert_eq!(
            Timestamp::from_millis(i64::MIN).to_text().as_str(),
            "0000-01-01T00:00:00.000Z"
        );
        assert_eq!(
            Timestamp::from_millis(i64::MAX).to_text().as_str(),
            "9999-12-31T23:59:59.999Z"
        );
    }
}
