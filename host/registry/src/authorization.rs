//! Showing a registry who asks: basic authentication, or a token that its token service gives.

use reqwest::Response;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde::Deserialize;
use url::Url;

use crate::connection::{Connection, shown};
use crate::credentials::secret;
use crate::error::RegistryError;

const TOKEN_BYTES: u64 = 256 << 10;

/// Where a token is to be had.
struct TokenService {
    realm: String,
    service: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Connection {
    /// The header that the registry wants, by what it says in its refusal.
    pub(crate) fn authorize(
        &self,
        refusal: &Response,
    ) -> impl Future<Output = Result<HeaderValue, RegistryError>> + Send {
        let mut basic = false;
        let mut token_service = None;
        let wanted = refusal.headers().get_all(WWW_AUTHENTICATE);
        for header in wanted.iter().filter_map(|value| value.to_str().ok()) {
            for challenge in http_auth::parse_challenges(header).into_iter().flatten() {
                basic |= challenge.scheme.eq_ignore_ascii_case("basic");
                if challenge.scheme.eq_ignore_ascii_case("bearer") {
                    let parameter = |name: &str| {
                        let mut all = challenge.params.iter();
                        let found = all.find(|(key, _)| key.eq_ignore_ascii_case(name));
                        found.map(|(_, value)| value.to_unescaped())
                    };
                    token_service = parameter("realm").map(|realm| TokenService {
                        realm,
                        service: parameter("service"),
                    });
                }
            }
        }
        async move {
            if let Some(service) = token_service {
                return self.token(&service).await;
            }
            let credentials = self.credentials.as_ref().filter(|_| basic);
            let header = credentials.and_then(|credentials| credentials.header());
            header.ok_or_else(|| self.denied(None))
        }
    }

    async fn token(&self, service: &TokenService) -> Result<HeaderValue, RegistryError> {
        let url = Url::parse(&service.realm).ok();
        let mut url = url.ok_or_else(|| self.answer("names no token service"))?;
        let place = shown(&url);
        self.check_place(&url, "names a token service at")?;
        let actions = if self.writes { "pull,push" } else { "pull" };
        let scope = format!("repository:{}:{actions}", self.name);
        if let Some(service) = &service.service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &scope);
        let mut headers = HeaderMap::new();
        let credentials = self.credentials.as_ref();
        if let Some(header) = credentials.and_then(|credentials| credentials.header()) {
            headers.insert(AUTHORIZATION, header);
        }
        let response = self.ask(url, headers).await?;
        if matches!(response.status().as_u16(), 401 | 403) {
            return Err(self.denied(None));
        }
        if !response.status().is_success() {
            let status = response.status();
            return Err(self.answer(&format!(
                "names a token service at {place}, which answers {status}"
            )));
        }
        let token = self.read(response, TOKEN_BYTES).await?;
        let token = token.and_then(|body| serde_json::from_slice::<Token>(&body).ok());
        let token = token.and_then(|token| token.token.or(token.access_token));
        let header = token.and_then(|token| secret(&format!("Bearer {token}")));
        header.ok_or_else(|| {
            self.answer(&format!(
                "names a token service at {place}, which gives no token"
            ))
        })
    }
}
