//! The JavaScript side of the ports, as the Worker hands it over.

use js_sys::Uint8Array;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `{http, store, session, now}`.
    #[derive(Clone)]
    pub type JsPorts;

    #[wasm_bindgen(method, catch)]
    pub(super) async fn http(this: &JsPorts, request: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub(super) fn store(this: &JsPorts) -> JsStore;
    #[wasm_bindgen(method, getter)]
    pub(super) fn session(this: &JsPorts) -> JsSession;
    #[wasm_bindgen(method)]
    pub(super) fn now(this: &JsPorts) -> f64;

    /// `{load, commit}`.
    pub(super) type JsStore;

    #[wasm_bindgen(method, catch)]
    pub(super) async fn load(this: &JsStore) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) async fn commit(
        this: &JsStore,
        expected_generation: f64,
        meta: Option<Uint8Array>,
        puts: &JsValue,
        deletes: &JsValue,
    ) -> Result<JsValue, JsValue>;

    /// `{save, load, clear}`.
    pub(super) type JsSession;

    #[wasm_bindgen(method, catch)]
    pub(super) async fn save(this: &JsSession, vault_key: Uint8Array) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = load)]
    pub(super) async fn load_key(this: &JsSession) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) async fn clear(this: &JsSession) -> Result<(), JsValue>;

    /// The Worker's own timer.
    #[wasm_bindgen(js_name = setTimeout)]
    pub(super) fn set_timeout(done: &js_sys::Function, ms: u32) -> JsValue;
}
