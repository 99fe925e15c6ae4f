//! An answer that asks to come back later: `Retry-After`.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::Exchange;

/// The statuses of a refusal that may be none the next time.
const LATER: [u16; 6] = [408, 429, 502, 503, 504, 524];

impl Exchange {
    /// How long the server asked to wait, where it refused for now.
    #[must_use]
    pub fn asks_to_wait(&self) -> Option<Duration> {
        let http = self.http.as_ref().filter(|http| LATER.contains(&http.status))?;
        let header = |name: &str| {
            http.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        retry_after(header("retry-after")?, header("date"))
    }

    /// Whether the server said that it is asked too often.
    #[must_use]
    pub fn is_too_often(&self) -> bool {
        self.http.as_ref().is_some_and(|http| http.status == 429)
    }
}

/// What `Retry-After` says: seconds, or a day and time, which is counted from that of the answer itself, since its clock
/// need not be ours.
pub(crate) fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let at = |text: &str| -> Option<Timestamp> { Some(rfc2822::parse(text.trim()).ok()?.timestamp()) };
    let wait = at(value)?.duration_since(at(date?)?);
    Some(Duration::try_from(wait).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::HttpAnswer;

    fn asked(status: u16, headers: &[(&str, &str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let http = HttpAnswer { status, headers, ..HttpAnswer::default() };
        Exchange { http: Some(http), ..Exchange::default() }.asks_to_wait()
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (value, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:51:07 GMT", Some(90)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-7", None),
            ("7.5", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(asked(429, &[date, ("retry-after", value)]), expected, "{value}");
        }
        // Without a clock to count from a date says nothing.
        assert_eq!(asked(429, &[("retry-after", "Sun, 06 Nov 1994 08:51:07 GMT")]), None);
    }

    #[test]
    fn only_what_may_pass_asks_to_wait() {
        for (status, asks) in
            [(408, true), (503, true), (524, true), (200, false), (401, false), (500, false)]
        {
            assert_eq!(asked(status, &[("retry-after", "1")]).is_some(), asks, "{status}");
        }
        assert_eq!(asked(429, &[]), None);
    }
}
