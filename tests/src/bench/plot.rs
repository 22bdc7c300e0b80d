//! The figures as a picture: SVG that is readable on light and on dark pages.

use std::fmt::Write as _;

use super::report::{ByStore, Figures, Report};

const WIDTH: u32 = 760;
const LEFT: u32 = 250;
const BAR_WIDTH: u32 = 330;
const ROW: u32 = 24;
const GAP: u32 = 14;
const TITLE: u32 = 30;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1d2433}.title{font-weight:600;font-size:15px}\
    .quiet{fill:#5b6475}.sqlite{fill:#2f6f8f}.postgres{fill:#8a5a9e}.postgres_2_replicas{fill:#b5762d}\
    .frame{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#e8ebf2}.quiet{fill:#a3acbd}\
    .sqlite{fill:#6db3d3}.postgres{fill:#c39bd6}.postgres_2_replicas{fill:#e0a861}.frame{fill:#14181f}}";

/// Draws three charts: operations a second, latency at half load, and CPU time.
pub fn svg(report: &Report) -> String {
    let rates = [
        ("purchase", &report.purchase),
        ("withdraw one coin", &report.withdraw),
        ("refresh one coin", &report.refresh),
        ("refund", &report.refund),
        ("purchase by card", &report.card),
    ];
    let empty = ByStore::new();
    let half = |operation: &str| report.half_load.get(operation).unwrap_or(&empty);
    let latency = [
        ("purchase", half("purchase")),
        ("withdraw one coin", half("withdraw")),
        ("refresh one coin", half("refresh")),
        ("refund", half("refund")),
        ("purchase by card", half("card")),
    ];
    let mut drawing = Drawing::default();
    drawing.chart("Operations a second, closed loop", &rates, |figures| figures.per_s, |value| format!("{value:.0}"));
    drawing.chart(
        "99th percentile at half load, ms",
        &latency,
        |figures| figures.p99_ms,
        |value| format!("{value:.1}"),
    );
    drawing.chart(
        "CPU of the parties, µs an operation",
        &rates,
        |figures| figures.cpu_us,
        |value| format!("{value:.0}"),
    );
    drawing.done(report.fdatasync_p50_ms)
}

#[derive(Default)]
struct Drawing {
    body: String,
    y: u32,
}

impl Drawing {
    fn chart(
        &mut self,
        title: &str,
        groups: &[(&str, &ByStore)],
        value: impl Fn(&Figures) -> f64,
        label: impl Fn(f64) -> String,
    ) {
        self.y += TITLE;
        self.text(20, "title", title);
        let largest = groups.iter().flat_map(|(_, stores)| stores.values()).map(&value).fold(1e-9, f64::max);
        for (name, stores) in groups {
            for (number, (store, figures)) in stores.iter().enumerate() {
                self.y += ROW;
                if number == 0 {
                    self.text(20, "", name);
                }
                let value = value(figures);
                let width = f64::from(BAR_WIDTH) * value / largest;
                self.text(LEFT - 110, "quiet", shown(store));
                let (x, top) = (LEFT + 20, self.y - 13);
                self.put(format_args!(
                    "<rect class=\"{store}\" x=\"{x}\" y=\"{top}\" width=\"{width:.1}\" height=\"16\" rx=\"2\"/>"
                ));
                let end = f64::from(x) + width + 6.0;
                let y = self.y;
                self.put(format_args!("<text x=\"{end:.1}\" y=\"{y}\">{}</text>", label(value)));
            }
            self.y += GAP;
        }
    }

    fn text(&mut self, x: u32, class: &str, text: &str) {
        let y = self.y;
        self.put(format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"));
    }

    fn put(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.body, "{what}");
    }

    fn done(mut self, fdatasync_p50_ms: f64) -> String {
        self.y += ROW;
        self.text(20, "quiet", &format!("fdatasync of 4 KiB: {fdatasync_p50_ms:.2} ms (median)"));
        let height = self.y + 20;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-label=\"What was measured\">\n<style>{STYLE}</style>\n\
             <rect class=\"frame\" width=\"{WIDTH}\" height=\"{height}\"/>\n{}</svg>\n",
            self.body
        )
    }
}

fn shown(store: &str) -> &str {
    match store {
        "sqlite" => "SQLite",
        "postgres" => "PostgreSQL",
        _ => "PostgreSQL × 2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_stands_in_the_picture() {
        let figures = Figures { per_s: 2_345.0, p50_ms: 1.0, p99_ms: 17.25, cpu_us: 678.0, bytes: 0.0 };
        let by_store = ByStore::from([("sqlite", figures), ("postgres_2_replicas", figures)]);
        let half_load = [("purchase", by_store.clone())].into();
        let report = Report { purchase: by_store, half_load, ..Report::default() };
        let svg = svg(&report);
        for text in [">2345<", ">17.2<", ">678<", "SQLite", "PostgreSQL × 2", "</svg>"] {
            assert!(svg.contains(text), "{text}");
        }
        assert_eq!(svg.matches("<rect class=\"sqlite\"").count(), 3);
    }
}
