//! The wallet in a Worker: what JavaScript sees of it. Everything here translates, and nothing here decides.

mod bindings;
mod ports;

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Error, Function, JSON, Object, Promise, Reflect, Uint8Array};
use semper_shared::foundation::{Code, Coded};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::core::{Answer, Progress, Wallet, WalletError, take_list};
use bindings::JsPorts;
use ports::Browser;

/// The parameter that is a file, in the calls that have one.
const BYTES: &str = "bytes";

/// The wallet's core. Calls are answered one after the other.
#[wasm_bindgen]
pub struct WalletCore {
    /// The wallet, while no call has it.
    wallet: Rc<RefCell<Option<Wallet<Browser>>>>,
    /// The last call, for which the next one waits.
    last: RefCell<Promise>,
}

#[wasm_bindgen]
impl WalletCore {
    /// A wallet over the ports `{http, store: {load, commit}, session: {save, load, clear}, now}`.
    #[wasm_bindgen(constructor)]
    pub fn new(ports: JsPorts) -> Self {
        let wallet = Wallet::new(Browser::new(ports));
        Self { wallet: Rc::new(RefCell::new(Some(wallet))), last: RefCell::new(Promise::resolve(&JsValue::UNDEFINED)) }
    }

    /// Calls a method: a promise of its answer, or of an error with `code` and `message`.
    pub fn call(&self, method: String, params: JsValue, on_progress: Option<Function>) -> Promise {
        let wallet = Rc::clone(&self.wallet);
        let before = self.last.borrow().clone();
        let promise = future_to_promise(async move {
            // How the call before ended is not this one's concern.
            let _ = JsFuture::from(before).await;
            let Some(mut taken) = wallet.borrow_mut().take() else {
                return Err(thrown(Code::IN_PROGRESS, "the call before has not ended"));
            };
            let result = perform(&mut taken, &method, params, on_progress).await;
            *wallet.borrow_mut() = Some(taken);
            result
        });
        *self.last.borrow_mut() = promise.clone();
        promise
    }
}

async fn perform(
    wallet: &mut Wallet<Browser>,
    method: &str,
    params: JsValue,
    on_progress: Option<Function>,
) -> Result<JsValue, JsValue> {
    let (params, bytes) = split(&params)?;
    let report = |progress: &serde_json::Value| {
        let text = serde_json::to_string(progress).unwrap_or_default();
        if let (Some(listener), Ok(value)) = (&on_progress, JSON::parse(&text)) {
            // A listener that fails is no reason to stop a payment.
            let _ = listener.call1(&JsValue::UNDEFINED, &value);
        }
    };
    match wallet.call(method, &params, bytes.as_deref(), Progress::new(&report)).await {
        Ok(Answer::Json(json)) => JSON::parse(&json),
        Ok(Answer::Bytes(bytes)) => Ok(Uint8Array::from(bytes.as_slice()).into()),
        Err(error) => Err(error_of(&error)),
    }
}

/// Parameters as JSON, and the one that is a file.
fn split(params: &JsValue) -> Result<(String, Option<Vec<u8>>), JsValue> {
    if !params.is_object() {
        return Ok(("{}".to_owned(), None));
    }
    let copy = Object::assign(&Object::new(), params.unchecked_ref());
    let bytes = Reflect::get(&copy, &BYTES.into())?.dyn_into::<Uint8Array>().ok().map(|bytes| bytes.to_vec());
    Reflect::delete_property(&copy, &BYTES.into())?;
    Ok((String::from(JSON::stringify(&copy)?), bytes))
}

/// Takes the list of recovery words, which the module does not contain; throws where it is another. Whoever calls `make_words`,
/// `create` or `restore` has to see to it before.
#[allow(unreachable_pub, reason = "JavaScript reaches it")]
#[wasm_bindgen]
pub fn take_words(list: String) -> Result<(), JsValue> {
    take_list(list).map_err(|error| error_of(&error))
}

fn error_of(error: &WalletError) -> JsValue {
    thrown(error.code(), &error.message())
}

fn thrown(code: Code, message: &str) -> JsValue {
    let error = Error::new(message);
    // Setting a member of a new error cannot fail; without it the message still says everything.
    let _ = Reflect::set(&error, &"code".into(), &code.as_str().into());
    error.into()
}

/// Runs one published test vector of a module; throws what differs.
#[cfg(feature = "vectors")]
#[allow(unreachable_pub, reason = "JavaScript reaches it")]
#[wasm_bindgen]
pub fn run_vectors(module: &str, json: &str) -> Result<(), JsValue> {
    semper_shared::vectors::run(module, json).map_err(|difference| Error::new(&difference).into())
}
