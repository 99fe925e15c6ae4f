//! Numbers and times in their order, exactly: never through a cast.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Number, Value};

use super::node::{Bound, Unit};
use super::render;

/// The order of two numbers as mathematics has it.
pub(crate) fn order(a: &Number, b: &Number) -> Ordering {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => order_mixed(a, float(b)),
        (None, Some(b)) => order_mixed(b, float(a)).reverse(),
        // JSON has neither infinity nor NaN.
        (None, None) => float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal),
    }
}

fn integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(0.0)
}

/// An integer of 64 bits beside a double.
fn order_mixed(integer: i128, float: f64) -> Ordering {
    // Beyond this every integer of 64 bits is on one side; below it the whole part fits without loss.
    const FAR: f64 = 1e30;
    if float >= FAR {
        return Ordering::Less;
    }
    if float <= -FAR {
        return Ordering::Greater;
    }
    integer
        .cmp(&(float.trunc() as i128))
        .then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

/// Whether a number has no fraction.
pub(super) fn is_integer(number: &Number) -> bool {
    integer(number).is_some() || float(number).fract() == 0.0
}

/// Whether two numbers are no further apart than `tolerance`, in the decimal numbers that they are written
/// as: 1.1 and 1.0 are 0.1 apart, though the doubles are not.
pub(super) fn near(a: &Number, b: &Number, tolerance: &Number) -> bool {
    let exact = || {
        let (a, b, tolerance) = (Decimal::of(a)?, Decimal::of(b)?, Decimal::of(tolerance)?);
        let least = a.exponent.min(b.exponent).min(tolerance.exponent);
        let distance = a.at(least)?.checked_sub(b.at(least)?)?.checked_abs()?;
        Some(distance <= tolerance.at(least)?)
    };
    exact().unwrap_or_else(|| (float(a) - float(b)).abs() <= float(tolerance))
}

struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    fn of(number: &Number) -> Option<Self> {
        let text = number.to_string();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        Some(Self { digits, exponent })
    }

    fn at(&self, exponent: i32) -> Option<i128> {
        let power = u32::try_from(self.exponent.checked_sub(exponent)?).ok()?;
        self.digits.checked_mul(10_i128.checked_pow(power)?)
    }
}

/// The seconds of a duration.
fn seconds(duration: std::time::Duration) -> Option<Number> {
    match duration.subsec_nanos() {
        0 => Some(duration.as_secs().into()),
        _ => Number::from_f64(duration.as_secs_f64()),
    }
}

/// A number as an operand.
pub(super) fn read_number(value: &Value, unit: Unit) -> Result<Number, String> {
    match value {
        Value::Number(number) => Ok(number.clone()),
        Value::String(text) if unit == Unit::Duration => {
            let duration = crate::model::duration(text)?;
            seconds(duration).ok_or_else(|| format!("`{}` is no duration", render::short(text)))
        }
        other => {
            Err(format!("a number is wanted here, and this is {}", crate::template::with_article(other)))
        }
    }
}

impl Bound {
    /// What an operand of `$gt` and its like says.
    pub(super) fn read(value: &Value, unit: Unit) -> Result<Self, String> {
        match value {
            Value::String(text) if unit == Unit::Plain => Self::of_time(text).ok_or_else(|| {
                "texts have no order here: a number, an RFC 3339 time such as `2026-11-23T05:10:00Z`, or a date \
                 is wanted"
                    .to_owned()
            }),
            Value::String(_) if unit == Unit::Length => Err("a number is wanted here".to_owned()),
            other => read_number(other, unit).map(Self::Number),
        }
    }

    fn of_time(text: &str) -> Option<Self> {
        // A length that is checked first: a time zone in brackets would be read from the system's tables.
        if text.len() == 10 {
            return text.parse::<Date>().ok().map(Self::Date);
        }
        if text.contains('[') { None } else { text.parse::<Timestamp>().ok().map(Self::Time) }
    }

    /// The order of a value beside it; none where the two cannot be compared.
    pub(super) fn order_of(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Self::Number(bound), Value::Number(number)) => Some(order(number, bound)),
            (Self::Time(_) | Self::Date(_), Value::String(text)) => match (self, Self::of_time(text)?) {
                (Self::Time(bound), Self::Time(time)) => Some(time.cmp(bound)),
                (Self::Date(bound), Self::Date(date)) => Some(date.cmp(bound)),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Number(number) => format!("number {number}"),
            Self::Time(time) => format!("time {time}"),
            Self::Date(date) => format!("date {date}"),
        }
    }
}
