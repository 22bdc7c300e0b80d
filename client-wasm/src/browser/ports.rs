//! The wallet's ports in a Worker.

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use semper_shared::foundation::UnixSeconds;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::bindings::JsPorts;
use crate::core::ports::{
    Change, Clock, Http, HttpError, HttpRequest, HttpResponse, Ports, Session, Store, StoreError, Stored,
};

/// The Worker, as a wallet's world.
pub(super) struct Browser(JsPorts);

impl Browser {
    pub(super) const fn new(ports: JsPorts) -> Self {
        Self(ports)
    }
}

impl Ports for Browser {
    type Http = Self;
    type Store = Self;
    type Clock = Self;
    type Session = Self;
    type Rng = UnwrapErr<SysRng>;

    fn http(&self) -> &Self {
        self
    }

    fn store(&self) -> &Self {
        self
    }

    fn clock(&self) -> &Self {
        self
    }

    fn session(&self) -> &Self {
        self
    }

    fn rng(&self) -> UnwrapErr<SysRng> {
        UnwrapErr(SysRng)
    }
}

impl Clock for Browser {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(whole(self.0.now()).unwrap_or(0))
    }

    async fn sleep(&self, ms: u32) {
        let timer = Promise::new(&mut |resolve, _| {
            super::bindings::set_timeout(&resolve, ms);
        });
        // A timer does not fail.
        let _ = JsFuture::from(timer).await;
    }
}

impl Http for Browser {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = request_of(request).map_err(|_| HttpError::Unreachable)?;
        match self.0.http(&request).await {
            Ok(answer) => response_of(&answer).ok_or(HttpError::Unreachable),
            Err(error) if code_of(&error).as_deref() == Some("peer-invalid") => Err(HttpError::TooLong),
            Err(_) => Err(HttpError::Unreachable),
        }
    }
}

fn request_of(request: &HttpRequest) -> Result<JsValue, JsValue> {
    let object = Object::new();
    let headers: Array = request.headers.iter().map(|(name, value)| pair(&(*name).into(), &value.into())).collect();
    let body = request.body.as_deref().map_or(JsValue::NULL, |body| Uint8Array::from(body).into());
    Reflect::set(&object, &"method".into(), &request.method.into())?;
    Reflect::set(&object, &"url".into(), &request.url.as_str().into())?;
    Reflect::set(&object, &"headers".into(), &headers)?;
    Reflect::set(&object, &"body".into(), &body)?;
    Ok(object.into())
}

fn response_of(answer: &JsValue) -> Option<HttpResponse> {
    let headers = list(&member(answer, "headers")?)
        .filter_map(|header| {
            let header: Array = header.dyn_into().ok()?;
            Some((header.get(0).as_string()?.to_ascii_lowercase(), header.get(1).as_string()?))
        })
        .collect();
    Some(HttpResponse {
        status: u16::try_from(whole(member(answer, "status")?.as_f64()?)?).ok()?,
        headers,
        body: bytes(&member(answer, "body")?)?,
    })
}

impl Store for Browser {
    async fn load(&self, known: Option<u64>) -> Result<Option<Stored>, StoreError> {
        let loaded = self.0.store().load().await.map_err(|error| store_error(&error))?;
        let stored = stored_of(&loaded).ok_or_else(|| StoreError::Failed("it gave something else".to_owned()))?;
        Ok((known != Some(stored.generation)).then_some(stored))
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        let puts: Array =
            change.puts.iter().map(|(key, value)| pair(&key.into(), &Uint8Array::from(value.as_slice()))).collect();
        let deletes: Array = change.deletes.iter().map(JsValue::from).collect();
        let meta = change.meta.as_deref().map(Uint8Array::from);
        let expected = number(change.expected_generation);
        let generation = self.0.store().commit(expected, meta, &puts, &deletes).await;
        let generation = generation.map_err(|error| store_error(&error))?;
        let generation = generation.as_f64().and_then(whole);
        generation.ok_or_else(|| StoreError::Failed("it gave no generation".to_owned()))
    }
}

fn stored_of(loaded: &JsValue) -> Option<Stored> {
    let meta = member(loaded, "meta")?;
    let records = list(&member(loaded, "records")?).map(|record| {
        let record: Array = record.dyn_into().ok()?;
        Some((record.get(0).as_string()?, bytes(&record.get(1))?))
    });
    Some(Stored {
        generation: whole(member(loaded, "generation")?.as_f64()?)?,
        meta: if meta.is_null() || meta.is_undefined() { None } else { Some(bytes(&meta)?) },
        records: records.collect::<Option<_>>()?,
    })
}

impl Session for Browser {
    async fn save(&self, vault_key: &[u8; 32]) -> Result<(), StoreError> {
        let saved = self.0.session().save(Uint8Array::from(vault_key.as_slice())).await;
        saved.map_err(|error| store_error(&error))
    }

    async fn load(&self) -> Result<Option<[u8; 32]>, StoreError> {
        let key = self.0.session().load_key().await.map_err(|error| store_error(&error))?;
        Ok(bytes(&key).and_then(|key| key.try_into().ok()))
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.0.session().clear().await.map_err(|error| store_error(&error))
    }
}

fn store_error(error: &JsValue) -> StoreError {
    if code_of(error).as_deref() == Some("store-conflict") {
        return StoreError::Conflict;
    }
    let message = member(error, "message").and_then(|message| message.as_string());
    StoreError::Failed(message.unwrap_or_else(|| "it gave no reason".to_owned()))
}

fn code_of(error: &JsValue) -> Option<String> {
    member(error, "code")?.as_string()
}

fn member(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok()
}

fn bytes(value: &JsValue) -> Option<Vec<u8>> {
    value.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
}

fn list(value: &JsValue) -> impl Iterator<Item = JsValue> + use<> {
    value.dyn_ref::<Array>().cloned().unwrap_or_default().to_vec().into_iter()
}

fn pair(first: &JsValue, second: &JsValue) -> JsValue {
    Array::of2(first, second).into()
}

/// A number of JavaScript that is whole and not negative.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn whole(number: f64) -> Option<u64> {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    (number.fract() == 0.0 && (0.0..=LARGEST).contains(&number)).then_some(number as u64)
}

/// A count as a number of JavaScript; commits do not come near 2^53.
#[allow(clippy::cast_precision_loss, reason = "counts of commits are small")]
const fn number(count: u64) -> f64 {
    count as f64
}
