//! Saying what is being done, and how long it took. All of it goes to standard error, as cargo's own progress does.

use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// One piece of work on a clock, announced by its heading.
pub(crate) struct Work {
    title: String,
    started: Instant,
}

impl Work {
    /// Prints the heading and starts the clock.
    pub(crate) fn begin(title: impl Into<String>) -> Self {
        let title = title.into();
        eprintln!("\n{}", bold(&format!("== {title}")));
        Self { title, started: Instant::now() }
    }

    /// Prints how it went and returns how long it took.
    pub(crate) fn end(self, how: &str) -> Duration {
        let took = self.started.elapsed();
        eprintln!("   {}: {how} after {}", self.title, Elapsed(took));
        took
    }
}

/// A line about what happens inside the current piece of work.
pub(crate) fn note(text: &str) {
    eprintln!("   {text}");
}

/// A duration as people read it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) struct Elapsed(pub(crate) Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let text = match seconds {
            0..10 => format!("{:.1} s", self.0.as_secs_f64()),
            10..60 => format!("{seconds} s"),
            _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
        };
        f.pad(&text)
    }
}

fn bold(text: &str) -> String {
    if io::stderr().is_terminal() { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let shown = |ms| Elapsed(Duration::from_millis(ms)).to_string();
        assert_eq!(shown(430), "0.4 s");
        assert_eq!(shown(12_900), "12 s");
        assert_eq!(shown(185_000), "3 min 05 s");
    }
}
