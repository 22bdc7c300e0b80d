//! The specification as a book: its pages, in the order of its table, typeset as one HTML file that needs nothing else.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use semper_shared::foundation::Digest;

/// The pages of the book: name and text. The first is the page that lists the others.
pub(super) struct Book {
    chapters: Vec<(String, String)>,
}

impl Book {
    /// Reads the specification's folder: `README.md`, and the pages that it links to.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let contents = fs::read_to_string(folder.join("README.md"))?;
        let mut names: Vec<String> = Vec::new();
        for event in Parser::new_ext(&contents, Options::ENABLE_TABLES) {
            if let Event::Start(Tag::Link { dest_url, .. }) = event
                && let Some(name) = page_name(&dest_url)
                && !names.iter().any(|known| known == name)
            {
                names.push(name.to_owned());
            }
        }
        let mut chapters = vec![("contents".to_owned(), contents)];
        for name in names {
            let text = fs::read_to_string(folder.join(format!("{name}.md")))?;
            chapters.push((name, text));
        }
        Ok(Self { chapters })
    }

    /// Names this edition: it changes with every letter.
    pub(super) fn edition(&self) -> String {
        let texts: Vec<_> = self.chapters.iter().map(|(_, text)| Digest::of(text.as_bytes())).collect();
        let parts: Vec<&[u8]> = texts.iter().map(AsRef::as_ref).collect();
        Digest::of_parts(&parts).to_string()
    }

    /// Writes the book.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(include_bytes!("book/head.html"))?;
        for (name, text) in &self.chapters {
            let mut section = String::new();
            html::push_html(&mut section, self.events(text));
            writeln!(out, "<section id=\"{name}\">\n{section}</section>")?;
        }
        writeln!(out, "<footer>Edition {}</footer>\n</main>\n</body>\n</html>", self.edition())
    }

    /// The page's text, with links to other pages made links within the book, and those that lead out of it made plain.
    fn events<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Event<'a>> {
        let mut plain_links = 0_u32;
        Parser::new_ext(text, Options::ENABLE_TABLES).filter_map(move |event| match event {
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => match self.target(&dest_url) {
                Some(dest_url) => Some(Event::Start(Tag::Link { link_type: LinkType::Inline, dest_url, title, id })),
                None if link_type == LinkType::Autolink || dest_url.starts_with("https:") => {
                    Some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
                }
                None => {
                    plain_links += 1;
                    None
                }
            },
            Event::End(TagEnd::Link) if plain_links > 0 => {
                plain_links -= 1;
                None
            }
            // What is HTML in the source shows as it is written there.
            Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
            other => Some(other),
        })
    }

    fn target(&self, link: &str) -> Option<CowStr<'static>> {
        let name = page_name(link)?;
        let known = self.chapters.iter().any(|(chapter, _)| chapter == name);
        known.then(|| CowStr::from(format!("#{name}")))
    }
}

/// The page that a link such as `deal.md#order` leads to.
fn page_name(link: &str) -> Option<&str> {
    let (page, _) = link.split_once('#').unwrap_or((link, ""));
    let name = page.strip_suffix(".md")?;
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    plain.then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pages_become_chapters_and_links_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("README.md", "# Contents\n\n[two](two.md), [one](one.md#part), [vectors](../vectors/)");
        write("one.md", "# One\n\nsee [two](two.md) <script>");
        write("two.md", "# Two");
        write("unlisted.md", "# Unlisted");
        let book = Book::read(folder.path()).unwrap();
        let mut text = Vec::new();
        book.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.find("<h1>Two").unwrap() < text.find("<h1>One").unwrap(), "in the order of the table");
        assert!(text.contains(r##"<a href="#two">two</a>"##) && text.contains(", vectors</p>"), "{text}");
        assert!(!text.contains("Unlisted") && !text.contains("<script"));
        let edition = book.edition();
        write("two.md", "# Two!");
        assert_ne!(Book::read(folder.path()).unwrap().edition(), edition);
    }

    #[test]
    fn the_specification_is_one() {
        let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/spec");
        let book = Book::read(&spec).unwrap();
        assert!(book.chapters.len() > 8);
    }
}
