//! Descriptions: Markdown to HTML that cannot run anything.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// Renders a description. HTML in it is dropped, and links lead only to the web, to mail or within the page.
pub(super) fn to_html(text: &str) -> String {
    let events =
        Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_SMART_PUNCTUATION).filter_map(|event| {
            Some(match event {
                Event::Html(_) | Event::InlineHtml(_) => return None,
                Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => return None,
                Event::Start(Tag::Link { link_type, dest_url, title, id }) if !is_harmless(&dest_url) => {
                    tracing::debug!("a link was disarmed");
                    Event::Start(Tag::Link { link_type, dest_url: "#".into(), title, id })
                }
                Event::Start(Tag::Image { link_type, dest_url, title, id }) if !is_harmless(&dest_url) => {
                    Event::Start(Tag::Image { link_type, dest_url: "".into(), title, id })
                }
                event => event,
            })
        });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

fn is_harmless(url: &str) -> bool {
    let lower = url.trim().to_ascii_lowercase();
    ["https://", "http://", "mailto:", "#", "/"].iter().any(|start| lower.starts_with(start))
}

/// The first paragraph as plain text of at most `max` characters.
pub(super) fn first_words(text: &str, max: usize) -> String {
    let mut words = String::new();
    for event in Parser::new(text) {
        match event {
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            Event::SoftBreak | Event::HardBreak => words.push(' '),
            Event::End(TagEnd::Paragraph) => break,
            _ => {}
        }
    }
    let words: String = words.chars().filter(|c| !c.is_control()).collect();
    if words.chars().count() <= max {
        return words.trim().to_owned();
    }
    let cut: String = words.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole))
}

/// The first thing in a piece of HTML that would run or load something: its line, and what it is.
pub(super) fn first_active(text: &str) -> Option<(usize, &'static str)> {
    const ACTIVE: [(&str, &str); 9] = [
        ("<script", "scripts"),
        ("<iframe", "frames"),
        ("<object", "objects"),
        ("<embed", "objects"),
        ("<form", "forms"),
        ("<base", "a base address"),
        ("<meta", "meta elements"),
        ("<link", "links to style sheets"),
        ("javascript:", "scripts"),
    ];
    (1..).zip(text.lines()).find_map(|(number, line)| {
        let line = line.to_ascii_lowercase();
        let active = ACTIVE.iter().find(|(mark, _)| line.contains(mark)).map(|(_, what)| *what);
        active.or_else(|| has_handler(&line).then_some("event handlers")).map(|what| (number, what))
    })
}

/// Whether a tag in the line has an attribute such as `onclick=`.
fn has_handler(line: &str) -> bool {
    line.split('<').skip(1).any(|tag| {
        let attributes = tag.split_once('>').map_or(tag, |(attributes, _)| attributes);
        attributes.split([' ', '\t', '/', '"', '\'']).any(|word| {
            word.strip_prefix("on").is_some_and(|rest| {
                rest.split_once('=').is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()))
            })
        })
    })
}
