//! A file per good: TOML between two lines of `+++`, then the description in Markdown.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::error::CatalogueError;
use super::raw::{Field, RawGood, RawPart};

const FENCE: &str = "+++";

#[derive(Deserialize)]
#[serde(rename = "closed Front", deny_unknown_fields)]
struct Front {
    id: Spanned<String>,
    title: Spanned<String>,
    summary: Spanned<String>,
    kind: Option<Spanned<String>>,
    language: Option<Spanned<String>>,
    price: Spanned<String>,
    currency: Option<Spanned<String>>,
    vat_rate: Spanned<String>,
    account: Option<Spanned<String>>,
    picture: Option<Spanned<String>>,
    picture_alt: Option<Spanned<String>>,
    byline: Option<Spanned<String>>,
    minutes: Option<u32>,
    order: Option<i64>,
    preview: Option<Spanned<String>>,
    #[serde(default)]
    part: Vec<Spanned<Part>>,
}

#[derive(Deserialize)]
#[serde(rename = "closed Part", deny_unknown_fields)]
struct Part {
    file: Option<Spanned<String>>,
    generate: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    media_type: Option<Spanned<String>>,
}

/// Reads one good's file.
pub(super) fn read(file: &Path, text: &str) -> Result<RawGood, CatalogueError> {
    let (front, body) = split(text)
        .ok_or_else(|| CatalogueError::invalid(file, 1, "the file begins with a line `+++`, TOML, and a line `+++`"))?;
    // The front matter begins in the file's second line.
    let line = |position: usize| 2 + front.bytes().take(position).filter(|b| *b == b'\n').count();
    let front: Front = toml::from_str(front).map_err(|error: toml::de::Error| {
        CatalogueError::invalid(file, error.span().map(|span| line(span.start)), error.message().to_owned())
    })?;
    let field = |spanned: Spanned<String>| Field { line: line(spanned.span().start), text: spanned.into_inner() };
    let part = |part: Spanned<Part>| {
        let line = line(part.span().start);
        let Part { file, generate, name, title, media_type } = part.into_inner();
        RawPart {
            line,
            file: file.map(field),
            generate: generate.map(field),
            name: name.map(field),
            title: title.map(field),
            media_type: media_type.map(field),
        }
    };
    Ok(RawGood {
        file: file.to_owned(),
        line: 1,
        id: field(front.id),
        title: field(front.title),
        summary: Some(field(front.summary)),
        kind: front.kind.map(field),
        language: front.language.map(field),
        price: field(front.price),
        currency: front.currency.map(field),
        vat_rate: field(front.vat_rate),
        account: front.account.map(field),
        picture: front.picture.map(field),
        picture_alt: front.picture_alt.map(field),
        byline: front.byline.map(field),
        minutes: front.minutes,
        order: front.order,
        preview: front.preview.map(field),
        description: body.to_owned(),
        parts: front.part.into_iter().map(part).collect(),
    })
}

/// Front matter and body.
fn split(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix(FENCE)?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))?;
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == FENCE {
            return Some((rest.get(..end)?, rest.get(end + line.len()..)?));
        }
        end += line.len();
    }
    None
}
