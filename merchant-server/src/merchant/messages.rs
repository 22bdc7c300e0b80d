//! What the merchant writes, and how it stands in the API's description.

use semper_shared::commerce::deal::{Acknowledgement, DealStatus, State};
use semper_shared::foundation::{Amount, Digest, base64};
use semper_shared::items::statement::Compact;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::catalogue::Good;
use crate::http::schema::{AmountSchema, StatementSchema};

/// What a shop window shows of a good.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Card {
    /// Its name in addresses.
    pub id: String,
    /// What it is, in a few words.
    pub title: String,
    /// The same in a sentence.
    pub summary: String,
    /// What kind of thing.
    #[schema(example = "article")]
    pub kind: String,
    /// Its language (BCP 47).
    #[schema(example = "en")]
    pub language: String,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byline: Option<String>,
    /// How long it takes, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// What it costs, VAT included.
    #[schema(value_type = AmountSchema)]
    pub total: Amount,
    /// Where the cover lies.
    #[schema(example = "/pictures/receipts.svg?v=1f0a")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// What the cover shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture_alt: Option<String>,
    /// Where the signed offer lies.
    pub url: String,
    /// Its place in the shop, ascending.
    pub order: i64,
}

/// The shop window.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Offers {
    /// In the order of the shop.
    pub offers: Vec<Card>,
}

/// A good's page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GoodPage {
    /// What the window shows.
    #[serde(flatten)]
    pub card: Card,
    /// The description; it holds nothing that runs.
    pub description_html: String,
    /// How the good begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_html: Option<String>,
    /// The files that the customer gets.
    pub parts: Vec<PartCard>,
    /// Where the signed offer lies.
    pub offer_url: String,
    /// The VAT in the total.
    #[schema(value_type = AmountSchema)]
    pub vat: Amount,
    /// The VAT rate, in hundredths of a percent.
    pub vat_rate_bp: u16,
}

/// One file of a good.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PartCard {
    /// Its file name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Its media type.
    #[schema(example = "text/html")]
    pub media_type: String,
    /// Its size, in bytes.
    pub size: u64,
}

impl Card {
    pub(super) fn new(good: &Good, shop: &str, picture_version: Option<Digest>) -> Self {
        let version = picture_version.map(|digest| base64::encode(&digest.as_bytes()[..6])).unwrap_or_default();
        let picture = good.picture.as_ref().map(|cover| format!("/pictures/{}?v={version}", percent(&cover.file)));
        Self {
            id: good.id.clone(),
            title: good.title.clone(),
            summary: good.summary.clone(),
            kind: good.kind.clone(),
            language: good.language.clone(),
            byline: good.byline.clone(),
            minutes: good.minutes,
            total: good.price,
            picture,
            picture_alt: good.picture.as_ref().map(|cover| cover.alt.clone()),
            url: format!("{shop}/offers/{}", good.id),
            order: good.order,
        }
    }
}

impl GoodPage {
    pub(super) fn new(good: &Good, card: Card, vat: Amount) -> Self {
        let part = |part: &super::catalogue::GoodPart| PartCard {
            name: part.name.clone(),
            title: part.title.clone(),
            media_type: part.commitment.media_type.clone(),
            size: part.commitment.size,
        };
        Self {
            offer_url: card.url.clone(),
            card,
            description_html: good.description_html.clone(),
            preview_html: good.preview_html.clone(),
            parts: good.parts.iter().map(part).collect(),
            vat,
            vat_rate_bp: good.vat_rate_bp,
        }
    }
}

/// A file name as it stands in an address (RFC 3986).
fn percent(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// How a deal stands, and, where it was refused, the problem that was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DealAnswer {
    #[serde(flatten)]
    pub(super) status: DealStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Value>,
    /// What the payment's module has to say of how it goes on, such as an invoice and how it stands: statements, compact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notices: Vec<String>,
}

/// The customer's word that the keys came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "closed AcknowledgementBody", deny_unknown_fields)]
pub struct AcknowledgementBody {
    /// The signed acknowledgement.
    pub acknowledgement: Compact<Acknowledgement>,
}

/// An order and its payment.
#[derive(Serialize, ToSchema)]
#[schema(as = DealBody)]
pub(super) struct DealBodySchema {
    /// The order, signed with the deal's key.
    order: StatementSchema,
    /// The payment; null where nothing is to be paid.
    payment: Option<PaymentSchema>,
}

/// A payment, which only its module understands.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct PaymentSchema {
    /// The module.
    #[schema(example = "ecash")]
    module: String,
    /// The version of its protocol.
    #[schema(example = 1)]
    version: u32,
    /// What the module defines.
    body: Value,
}

/// How a deal stands.
#[derive(Serialize, ToSchema)]
#[schema(as = DealStatus)]
pub(super) struct DealStatusSchema {
    /// The deal's name.
    deal: String,
    /// `ordered`, `delivered`, `acknowledged` or `refused`.
    state: String,
    /// The receipt, once it is paid.
    receipt: Option<StatementSchema>,
    /// The content keys, sealed to the deal's key, once it is paid.
    delivery: Option<StatementSchema>,
    /// What proves the payment.
    proofs: Option<Vec<StatementSchema>>,
    /// What was given back, oldest first: `{refund, proofs}`, signed statements.
    refunds: Option<Vec<Value>>,
    /// Why it was refused.
    problem: Option<Value>,
    /// What the payment's module has to say, such as an invoice and how it stands.
    notices: Option<Vec<StatementSchema>>,
}

/// The customer's word that the keys came.
#[derive(Serialize, ToSchema)]
#[schema(as = AcknowledgementBody)]
pub(super) struct AcknowledgementSchema {
    /// Signed with the deal's key.
    acknowledgement: StatementSchema,
}

/// The answer to an acknowledgement.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Acknowledged {
    /// The deal's name.
    #[schema(value_type = String)]
    pub(super) deal: Digest,
    /// `acknowledged`.
    #[schema(value_type = String)]
    pub(super) state: State,
}
