//! What stands in a catalogue's files, and the rules that make a good of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use semper_shared::foundation::{Amount, Currency};

use super::error::CatalogueError;
use super::good::{Cover, Good};
use super::markdown;

/// The largest cover or preview, in bytes.
const MAX_SIDE_FILE: u64 = 4 << 20;

/// A text and the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) text: String,
    pub(super) line: usize,
}

/// A good as its file says it, nothing checked yet.
#[derive(Debug, Clone)]
pub(super) struct RawGood {
    pub(super) file: PathBuf,
    /// Where its entry begins.
    pub(super) line: usize,
    pub(super) id: Field,
    pub(super) title: Field,
    pub(super) summary: Option<Field>,
    pub(super) kind: Option<Field>,
    pub(super) language: Option<Field>,
    pub(super) price: Field,
    pub(super) currency: Option<Field>,
    pub(super) vat_rate: Field,
    pub(super) account: Option<Field>,
    pub(super) picture: Option<Field>,
    pub(super) picture_alt: Option<Field>,
    pub(super) byline: Option<Field>,
    pub(super) minutes: Option<u32>,
    pub(super) order: Option<i64>,
    pub(super) preview: Option<Field>,
    pub(super) description: String,
    pub(super) parts: Vec<RawPart>,
}

/// A part as its file says it.
#[derive(Debug, Clone, Default)]
pub(super) struct RawPart {
    pub(super) line: usize,
    pub(super) file: Option<Field>,
    pub(super) generate: Option<Field>,
    pub(super) name: Option<Field>,
    pub(super) title: Option<Field>,
    pub(super) media_type: Option<Field>,
}

/// A good that is right, whose parts are still to be encrypted.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    /// Without its parts.
    pub(super) good: Good,
    pub(super) picture: Option<PathBuf>,
    pub(super) parts: Vec<DraftPart>,
}

/// A part to be encrypted.
#[derive(Debug, Clone)]
pub(super) struct DraftPart {
    pub(super) line: usize,
    pub(super) source: Source,
    pub(super) name: String,
    pub(super) title: String,
    pub(super) media_type: String,
}

/// Where a part's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Generator(String),
}

impl RawGood {
    /// Checks everything that can be said without reading the parts. `folder` is canonical.
    pub(super) fn check(self, folder: &Path) -> Result<Draft, CatalogueError> {
        let rules = Rules { file: &self.file, folder };
        let currency = match &self.currency {
            Some(field) => field.text.parse().map_err(|error| rules.wrong(field, format!("`currency`: {error}")))?,
            None => Currency::EUR,
        };
        let price = Amount::parse_decimal(&self.price.text, currency)
            .map_err(|error| rules.wrong(&self.price, format!("`price`: {error}, such as \"3.20\"")))?;
        let vat_rate_bp = rate(&self.vat_rate.text)
            .ok_or_else(|| rules.wrong(&self.vat_rate, "`vat_rate` is a percentage such as \"7\" or \"5.5\""))?;
        let (cover, picture) = rules.picture(self.picture.as_ref(), self.picture_alt.as_ref())?;
        let title = rules.words("title", &self.title, 200)?;
        let summary = match &self.summary {
            Some(summary) => rules.words("summary", summary, 500)?,
            None => markdown::first_words(&self.description, 200),
        };
        let good = Good {
            id: rules.name("id", &self.id, 64)?,
            summary,
            kind: self.kind.as_ref().map_or_else(|| Ok("file".to_owned()), |kind| rules.name("kind", kind, 32))?,
            language: rules.language(self.language.as_ref())?,
            price,
            vat_rate_bp,
            account: self.account.as_ref().map(|account| rules.name("account", account, 32)).transpose()?,
            picture: cover,
            byline: self.byline.as_ref().map(|byline| rules.words("byline", byline, 200)).transpose()?,
            minutes: self.minutes,
            order: self.order.unwrap_or(1_000),
            description_html: markdown::to_html(&self.description),
            preview_html: self.preview.as_ref().map(|preview| rules.preview(preview)).transpose()?,
            parts: Vec::new(),
            title,
        };
        if self.parts.is_empty() || self.parts.len() > 256 {
            return Err(CatalogueError::invalid(&self.file, self.line, "a good has 1 to 256 parts"));
        }
        let parts = self.parts.iter().map(|part| rules.part(part, &good.title)).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        if let Some(twice) = parts.iter().find(|part| !names.insert(part.name.as_str())) {
            let what = format!("two parts are named `{}`", twice.name);
            return Err(CatalogueError::invalid(&self.file, twice.line, what));
        }
        Ok(Draft { line: self.line, good, picture, parts, file: self.file })
    }
}

/// The rules, and where to point when one is broken.
struct Rules<'a> {
    file: &'a Path,
    folder: &'a Path,
}

impl Rules<'_> {
    fn wrong(&self, field: &Field, what: impl Into<String>) -> CatalogueError {
        CatalogueError::invalid(self.file, field.line, what)
    }

    fn words(&self, member: &str, field: &Field, max: usize) -> Result<String, CatalogueError> {
        let text = field.text.trim();
        let fits = (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        let what = || format!("`{member}` is 1 to {max} characters on one line");
        if fits { Ok(text.to_owned()) } else { Err(self.wrong(field, what())) }
    }

    fn name(&self, member: &str, field: &Field, max: usize) -> Result<String, CatalogueError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=max).contains(&field.text.len()) && field.text.bytes().all(allowed);
        let what = || format!("`{member}` is 1 to {max} of a-z, 0-9 and -");
        if fits { Ok(field.text.clone()) } else { Err(self.wrong(field, what())) }
    }

    fn language(&self, field: Option<&Field>) -> Result<String, CatalogueError> {
        let Some(field) = field else { return Ok("en".to_owned()) };
        let subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
        let fits = field.text.len() >= 2 && field.text.len() <= 35 && field.text.split('-').all(subtag);
        if fits {
            Ok(field.text.clone())
        } else {
            Err(self.wrong(field, "`language` is a tag such as \"en\" (BCP 47)"))
        }
    }

    /// A file that the catalogue names: below its folder, also after links are followed.
    fn path(&self, member: &str, field: &Field) -> Result<PathBuf, CatalogueError> {
        let relative = Path::new(&field.text);
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) || field.text.is_empty() {
            return Err(self.wrong(field, format!("`{member}` is a path below the catalogue's folder")));
        }
        let path = fs::canonicalize(self.folder.join(relative))
            .map_err(|error| self.wrong(field, format!("`{member}` names `{}`: {error}", field.text)))?;
        if !path.starts_with(self.folder) || !path.is_file() {
            return Err(self.wrong(field, format!("`{member}` is not a file below the catalogue's folder")));
        }
        Ok(path)
    }

    /// A file that is kept whole: a cover, a preview.
    fn side_file(&self, member: &str, field: &Field) -> Result<PathBuf, CatalogueError> {
        let path = self.path(member, field)?;
        let length = fs::metadata(&path).map_err(CatalogueError::io(&path))?.len();
        if length > MAX_SIDE_FILE {
            return Err(self.wrong(field, format!("`{member}` is larger than 4 MiB")));
        }
        Ok(path)
    }

    fn picture(
        &self,
        picture: Option<&Field>,
        alt: Option<&Field>,
    ) -> Result<(Option<Cover>, Option<PathBuf>), CatalogueError> {
        let Some(picture) = picture else { return Ok((None, None)) };
        let path = self.side_file("picture", picture)?;
        let alt = alt.ok_or_else(|| self.wrong(picture, "a picture needs `picture_alt`: what it shows, in words"))?;
        let file = file_name(&path).filter(|name| is_file_name(name));
        let file = file.ok_or_else(|| self.wrong(picture, "`picture` has no usable file name"))?;
        if picture_type(&file).is_none() {
            return Err(self.wrong(picture, "`picture` is an .svg, .webp, .png or .jpg"));
        }
        let cover = Cover { file, alt: self.words("picture_alt", alt, 500)? };
        Ok((Some(cover), Some(path)))
    }

    /// A preview: HTML of the merchant's own, or Markdown. It becomes part of the shop's page, so it may not run anything.
    fn preview(&self, field: &Field) -> Result<String, CatalogueError> {
        let path = self.side_file("preview", field)?;
        let text = fs::read_to_string(&path).map_err(CatalogueError::io(&path))?;
        if path.extension().is_some_and(|extension| extension == "md") {
            return Ok(markdown::to_html(&text));
        }
        match markdown::first_active(&text) {
            Some((line, what)) => Err(CatalogueError::invalid(&path, line, format!("a preview may not hold {what}"))),
            None => Ok(text),
        }
    }

    fn part(&self, part: &RawPart, good: &str) -> Result<DraftPart, CatalogueError> {
        let here = |what: &str| CatalogueError::invalid(self.file, part.line, what);
        let (source, default_name) = match (&part.file, &part.generate) {
            (Some(file), None) => {
                let path = self.path("file", file)?;
                let name = file_name(&path);
                (Source::File(path), name)
            }
            (None, Some(generator)) => (Source::Generator(self.name("generate", generator, 64)?), None),
            _ => return Err(here("a part has either `file` or `generate`")),
        };
        let name = match &part.name {
            Some(name) => Some(name.text.clone()),
            None => default_name,
        };
        let name = name.ok_or_else(|| here("a part that is generated needs a `name`"))?;
        if !is_file_name(&name) {
            return Err(here("a part's `name` is a file name of at most 128 bytes, without path"));
        }
        let media_type = match &part.media_type {
            Some(field) if is_media_type(&field.text) => field.text.clone(),
            Some(field) => return Err(self.wrong(field, "`media_type` is a type such as \"text/html\"")),
            None => media_type_of(&name).to_owned(),
        };
        let title = part.title.as_ref().map_or_else(|| Ok(good.to_owned()), |title| self.words("title", title, 200))?;
        Ok(DraftPart { line: part.line, source, name, title, media_type })
    }
}

/// A percentage of at most two places, as hundredths of a percent.
fn rate(text: &str) -> Option<u16> {
    let hundredths = Amount::parse_decimal(text, Currency::EUR).ok()?.minor();
    u16::try_from(hundredths).ok().filter(|bp| *bp <= 10_000)
}

fn file_name(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_str()?.to_owned())
}

/// What a wallet can use as a file's name; the offer's check asks the same.
fn is_file_name(name: &str) -> bool {
    let harmless = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | ':');
    (1..=128).contains(&name.len()) && !name.starts_with('.') && name.chars().all(harmless)
}

fn is_media_type(text: &str) -> bool {
    let token = |part: &str| {
        (1..=127).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'-' | b'_'))
    };
    text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

/// The type of a cover, by its name.
pub(super) fn picture_type(name: &str) -> Option<&'static str> {
    match extension(name).as_str() {
        "svg" => Some("image/svg+xml"),
        "webp" => Some("image/webp"),
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        _ => None,
    }
}

fn media_type_of(name: &str) -> &'static str {
    match extension(name).as_str() {
        "html" | "htm" => "text/html",
        "md" => "text/markdown",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "epub" => "application/epub+zip",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "ogg" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => picture_type(name).unwrap_or("application/octet-stream"),
    }
}

fn extension(name: &str) -> String {
    name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}
