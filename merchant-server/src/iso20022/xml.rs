//! A small tree of elements, read with bounds and written in order.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::FileError;

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 8 * 1024 * 1024;

/// How deep elements may lie in each other, and how many there may be.
const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 400_000;

/// An element: its name without prefix, and what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

impl Element {
    /// An element around others.
    pub(super) fn new(name: &str, children: Vec<Self>) -> Self {
        Self { name: name.to_owned(), children, ..Self::default() }
    }

    /// An element with a text.
    pub(super) fn leaf(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into(), ..Self::default() }
    }

    /// Elements in each other, the last with a text: `chain(&["Id", "IBAN"], "…")`.
    pub(super) fn chain(names: &[&str], text: &str) -> Self {
        match names {
            [name, rest @ ..] if !rest.is_empty() => Self::new(name, vec![Self::chain(rest, text)]),
            [name, ..] => Self::leaf(name, text),
            [] => Self::default(),
        }
    }

    pub(super) fn with(mut self, attribute: &str, value: &str) -> Self {
        self.attributes.push((attribute.to_owned(), value.to_owned()));
        self
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first descendant on a path such as `Acct/Id/IBAN`.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text on a path, where there is any.
    pub(super) fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The whole file.
    pub(super) fn to_file(&self) -> String {
        let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        self.write(&mut out, 0);
        out
    }

    fn write(&self, out: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        out.push_str(&indent);
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        }
        out.push('>');
        if self.children.is_empty() {
            out.push_str(&escaped(&self.text));
        } else {
            out.push('\n');
            for child in &self.children {
                child.write(out, depth + 1);
            }
            out.push_str(&indent);
        }
        out.push_str(&format!("</{}>\n", self.name));
    }
}

/// A text without what XML cannot hold, and with what it must not show.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_control()) {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Reads a file into its elements.
///
/// A document type is refused, and with it every entity of its own: what a file can name are characters, and the five that XML
/// itself defines. So nothing is fetched and nothing grows.
pub(super) fn read(bytes: &[u8]) -> Result<Element, FileError> {
    let refuse = |why: &str| Err(FileError::Xml(why.to_owned()));
    if bytes.len() > MAX_FILE {
        return refuse("it is larger than 8 MiB");
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return refuse("it is not UTF-8") };
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        let event = reader.read_event().map_err(|error| FileError::Xml(error.to_string()))?;
        match event {
            Event::Start(start) => {
                elements += 1;
                if open.len() >= MAX_DEPTH || elements > MAX_ELEMENTS {
                    return refuse("it has more elements than are read");
                }
                if root.is_some() {
                    return refuse("it has two roots");
                }
                open.push(begin(&start)?);
            }
            Event::Empty(start) => {
                elements += 1;
                if elements > MAX_ELEMENTS {
                    return refuse("it has more elements than are read");
                }
                let element = begin(&start)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return refuse("it is empty"),
                }
            }
            Event::End(_) => {
                let Some(element) = open.pop() else { return refuse("an element ends that did not begin") };
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => root = Some(element),
                }
            }
            Event::Text(content) => add(&mut open, &content.xml10_content())?,
            Event::CData(content) => add(&mut open, &content.xml10_content())?,
            Event::GeneralRef(name) => {
                let known = match name.resolve_char_ref() {
                    Ok(Some(c)) => c,
                    Ok(None) => match &*name {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return refuse("it names an entity"),
                    },
                    Err(_) => return refuse("it names a character that does not exist"),
                };
                add(&mut open, known.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return refuse("it has a document type"),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => break,
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => refuse("it ends too early"),
    }
}

fn begin(start: &quick_xml::events::BytesStart<'_>) -> Result<Element, FileError> {
    let mut element = Element::new(start.local_name().as_ref(), Vec::new());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| FileError::Xml(error.to_string()))?;
        // Amounts have a currency, the root has a name space; neither holds a reference.
        element.attributes.push((attribute.key.as_ref().to_owned(), attribute.value.into_owned()));
    }
    Ok(element)
}

fn add(open: &mut [Element], text: &str) -> Result<(), FileError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(FileError::Xml("it has a text outside of all elements".to_owned())),
    }
    Ok(())
}
