//! Whether a request came through the distribution in front, which alone knows the secret header.
//! Knows no route. Invariant: hashes are compared, so that how far they agree says nothing about the secret.

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use backend_aws::AwsCalls;
use chat::account::SecretHash;
use http::HeaderMap;

use crate::home::Home;

/// Header that only the distribution in front sends.
const ORIGIN_SECRET: &str = "x-dynamowave-origin";
/// Header to which everybody on the way adds whom it was asked by.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// What a request has to show. Nothing, where no distribution stands in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin(Option<SecretHash>);

impl Origin {
    /// Reads the secret that the settings name.
    pub(crate) async fn of(home: &Home) -> Result<Origin> {
        let Some(name) = &home.settings.origin_secret else { return Ok(Origin(None)) };
        let secret = AwsCalls::new(&home.sdk).secret(name).await;
        Ok(Origin(Some(api::hash_of(&secret.context("the secret of the origin cannot be read")?))))
    }

    /// Whether these headers show it.
    pub(crate) fn sent(self, headers: &HeaderMap) -> bool {
        self.0.is_none_or(|wanted| {
            let given = headers.get(ORIGIN_SECRET).and_then(|value| value.to_str().ok());
            given.is_some_and(|given| api::hash_of(given) == wanted)
        })
    }

    /// Who asks, where `seen` is whom API Gateway saw: a distribution in front, if there is one, which has written down
    /// whom it saw. What stands before that may be anybody's invention.
    pub(crate) fn address(self, headers: &HeaderMap, seen: IpAddr) -> IpAddr {
        if self.0.is_none() {
            return seen;
        }
        let lists = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let known: Vec<IpAddr> =
            lists.flat_map(|list| list.split(',')).filter_map(|text| text.trim().parse().ok()).collect();
        known.into_iter().rev().find(|address| *address != seen).unwrap_or(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_around_the_distribution_is_refused() {
        let headers =
            |value: &str| [(ORIGIN_SECRET.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        let origin = Origin(Some(api::hash_of("between us")));
        assert!(origin.sent(&headers("between us")));
        assert!(!origin.sent(&headers("a guess")));
        assert!(!origin.sent(&HeaderMap::new()));
        assert!(Origin(None).sent(&HeaderMap::new()), "where there is none in front");
    }

    #[test]
    fn limits_count_by_who_asked_the_distribution_and_not_by_the_distribution() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let headers =
            |value: &str| [(FORWARDED_FOR.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        let (origin, seen) = (Origin(Some([0; 32])), address("130.176.1.1"));
        let forged = headers("10.0.0.1, 203.0.113.9, 130.176.1.1");
        assert_eq!(origin.address(&forged, seen), address("203.0.113.9"));
        assert_eq!(origin.address(&headers("203.0.113.9"), seen), address("203.0.113.9"));
        assert_eq!(origin.address(&HeaderMap::new(), seen), seen);
        assert_eq!(Origin(None).address(&forged, seen), seen, "where there is none in front");
    }
}
