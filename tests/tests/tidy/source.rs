//! A file as the rules see it: its text, and its code with comments and literals blanked out.

/// One file of the working tree.
pub(crate) struct Source {
    /// From the root, with forward slashes.
    pub(crate) path: String,
    /// As it is on disk.
    pub(crate) text: String,
    /// Rust only: the text with comments, strings and characters blanked, line breaks kept.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let (path, text) = (path.into(), text.into());
        let code = if path.ends_with(".rs") { blanked(&text) } else { String::new() };
        Self { path, text, code }
    }

    /// The code up to a trailing `#[cfg(test)] mod tests { … }`.
    pub(crate) fn code_without_tests(&self) -> &str {
        let is_trailing_module = |start: &usize| {
            let item = after_attributes(&self.code[*start..]);
            let body = item.strip_prefix("mod ").and_then(|rest| rest.find(['{', ';']).map(|i| &rest[i..]));
            body.filter(|body| body.starts_with('{'))
                .and_then(closing)
                .is_some_and(|(_, after)| after.trim().is_empty())
        };
        let start = self.code.match_indices("#[cfg(test)]").map(|(at, _)| at).find(is_trailing_module);
        &self.code[..start.unwrap_or(self.code.len())]
    }

    /// The module's path inside its crate: `shared/src/items/payment/mod.rs` is `["items", "payment"]`.
    pub(crate) fn module(&self) -> Vec<&str> {
        let inside = self.path.split_once("/src/").map_or(self.path.as_str(), |(_, inside)| inside);
        let inside = inside.strip_suffix(".rs").unwrap_or(inside);
        let mut parts: Vec<&str> = inside.split('/').collect();
        if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
            parts.pop();
        }
        parts
    }
}

/// The number of the line in which a position lies, counted from 1.
pub(crate) fn line_at(text: &str, position: usize) -> usize {
    text[..position].matches('\n').count() + 1
}

/// Whether a character may belong to an identifier.
pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Where a word stands by itself.
pub(crate) fn word_positions<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| !code[..at].ends_with(is_word) && !code[at + word.len()..].starts_with(is_word))
}

/// For code that begins with `{`: where its closing brace stands, and what follows it.
pub(crate) fn closing(code: &str) -> Option<(usize, &str)> {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some((at, &code[at + character.len_utf8()..]));
        }
    }
    None
}

/// Skips attributes, and what says who may see the item.
pub(crate) fn after_attributes(mut code: &str) -> &str {
    loop {
        code = code.trim_start();
        let rest = if code.starts_with("#[") {
            code.split_once(']')
        } else if code.starts_with("pub(") {
            code.split_once(')')
        } else if code.starts_with("pub ") {
            code.split_once(' ')
        } else {
            None
        };
        match rest {
            Some((_, rest)) => code = rest,
            None => return code,
        }
    }
}

fn blanked(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let skipped = literal_or_comment(&characters, at);
        if skipped == 0 {
            code.push(characters[at]);
            at += 1;
        } else {
            code.extend(characters[at..at + skipped].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at += skipped;
        }
    }
    code
}

/// How many characters from here are a comment, a string or a character; 0 if code.
fn literal_or_comment(text: &[char], at: usize) -> usize {
    let rest = &text[at..];
    let length = match rest {
        ['/', '/', ..] => rest.iter().take_while(|&&c| c != '\n').count(),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => 1 + quoted(&rest[1..], '"'),
        ['\'', '\\', ..] => 1 + quoted(&rest[1..], '\''),
        ['\'', _, '\'', ..] => 3,
        ['r', '#' | '"', ..] if !at.checked_sub(1).is_some_and(|before| is_name(text, before)) => raw(rest),
        _ => 0,
    };
    length.min(rest.len())
}

/// Whether the character ends a longer name, so that an `r` after it is no prefix; `br` and `cr` are prefixes too.
fn is_name(text: &[char], at: usize) -> bool {
    let prefix = matches!(text[at], 'b' | 'c') && !at.checked_sub(1).is_some_and(|i| is_word(text[i]));
    is_word(text[at]) && !prefix
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at + 1 < rest.len() {
        match (rest[at], rest[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Characters up to and with the closing quote.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `r"…"` and `r##"…"##`; 0 for a raw identifier.
fn raw(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let start = hashes + 2;
    let ends =
        |at: &usize| rest[*at] == '"' && rest[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes;
    (start..rest.len()).find(ends).map_or(rest.len(), |at| at + 1 + hashes)
}
