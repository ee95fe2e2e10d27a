//! Single requests to services of which only a question or two is asked: identity, buckets, quotas. Signed by the
//! library of AWS and sent as they are, because the whole SDK of each would be the largest part of every build.
//! Invariant: nothing here changes anything but what its caller spells out; what is sent and answered is never logged.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};

use crate::limits::REQUEST_TRY_MS;

/// The way to those services.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    client: reqwest::Client,
    sdk: SdkConfig,
}

/// One request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// As signatures name it.
    pub(crate) service: &'static str,
    pub(crate) method: &'static str,
    /// Where it is, without an endpoint of the environment; `{region}` is filled in.
    pub(crate) host: String,
    /// Path and query there.
    pub(crate) path: String,
    /// Path and query at an endpoint of the environment, if they differ.
    pub(crate) endpoint_path: Option<String>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: String,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header `date`, as it is.
    pub(crate) date: Option<String>,
    pub(crate) body: String,
}

impl Signed {
    pub(crate) fn new(sdk: &SdkConfig) -> Signed {
        Signed { client: reqwest::Client::new(), sdk: sdk.clone() }
    }

    /// Sends it once.
    ///
    /// # Errors
    /// A sentence, when there are no credentials, or nothing answers.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, String> {
        let request = self.signed(request).await?;
        let sent = self.client.execute(request).await;
        let answer = sent.map_err(|error| said(&error.without_url()))?;
        let date = answer.headers().get("date").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = answer.status().as_u16();
        let body = answer.text().await.map_err(|error| said(&error.without_url()))?;
        Ok(Answer { status, date, body })
    }

    async fn signed(&self, request: Request) -> Result<reqwest::Request, String> {
        let region = self.sdk.region().ok_or("no region is set")?;
        let url = match self.sdk.endpoint_url() {
            Some(endpoint) => {
                let path = request.endpoint_path.as_ref().unwrap_or(&request.path);
                format!("{}{path}", endpoint.trim_end_matches('/'))
            }
            None => format!("https://{}{}", located(&request.host, region.as_ref()), request.path),
        };
        let provider = self.sdk.credentials_provider().ok_or("there are no credentials")?;
        let credentials = provider.provide_credentials().await.map_err(|error| said(&error))?;
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region.as_ref())
            .name(request.service)
            .time(SystemTime::now())
            .settings(settings(request.service))
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let body = request.body.as_bytes();
        let headers = request.headers.iter().copied();
        let signable = SignableRequest::new(request.method, &url, headers, SignableBody::Bytes(body))
            .map_err(|error| error.to_string())?;
        let signed = sign(signable, &parameters).map_err(|error| error.to_string())?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|error| said(&error))?;
        let mut built = self.client.request(method, &url).timeout(Duration::from_millis(REQUEST_TRY_MS));
        for (name, value) in request.headers.iter().copied().chain(signed.output().headers()) {
            built = built.header(name, value);
        }
        built.body(request.body).build().map_err(|error| said(&error.without_url()))
    }
}

/// Buckets have rules of their own.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}

/// A host in its region; those of China have another ending.
fn located(host: &str, region: &str) -> String {
    let ending = if region.starts_with("cn-") { ".amazonaws.com.cn" } else { ".amazonaws.com" };
    host.replace("{region}", region) + ending
}

/// An error with its causes, in one line.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// What stands between the first pair of tags of this name.
pub(crate) fn between_tags<'a>(xml: &'a str, tag: &str) -> Option<&'a str> {
    let (_, after) = xml.split_once(&format!("<{tag}>"))?;
    Some(after.split_once(&format!("</{tag}>"))?.0.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_in_their_region() {
        assert_eq!(located("sts.{region}", "eu-west-1"), "sts.eu-west-1.amazonaws.com");
        assert_eq!(located("files.s3.{region}", "cn-north-1"), "files.s3.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn values_are_found_between_their_tags() {
        let xml = "<A><Status> Enabled </Status><Status>Other</Status></A>";
        assert_eq!(between_tags(xml, "Status"), Some("Enabled"));
        assert_eq!(between_tags(xml, "Days"), None);
    }
}
