//! Several steps in a row: each has a heading and a time, the rest still run when one fails, and a summary closes.

use std::time::Duration;

use crate::progress::{Elapsed, Work};
use crate::run::{Failure, Outcome};

/// What a stage leaves for the summary: lines to repeat there, such as a test runner's closing ones.
pub(crate) type Closing = Vec<String>;

/// One step; `C` is what all steps of a command share.
pub(crate) struct Stage<C> {
    /// Its name in headings and for `--only`.
    pub(crate) name: &'static str,
    /// Earlier stages it makes no sense without.
    pub(crate) needs: &'static [&'static str],
    /// The work. Closing lines are kept whether it succeeds or not.
    pub(crate) work: fn(&C, &mut Closing) -> Outcome,
}

enum End {
    Done,
    Failed(Failure),
    /// Not run, since this stage failed before it.
    Without(&'static str),
}

struct Report {
    name: &'static str,
    end: End,
    took: Duration,
    closing: Closing,
}

/// Runs the stages in order, or `only` one and what it needs; fails if any failed.
pub(crate) fn run_all<C>(stages: &[Stage<C>], context: &C, only: Option<&str>) -> Outcome {
    let wanted = only.map_or_else(|| stages.iter().map(|s| s.name).collect(), |o| closure(stages, o));
    let mut reports: Vec<Report> = Vec::new();
    for stage in stages.iter().filter(|stage| wanted.contains(&stage.name)) {
        let work = Work::begin(format!("{} ({} of {})", stage.name, reports.len() + 1, wanted.len()));
        let broken =
            reports.iter().find(|report| stage.needs.contains(&report.name) && !matches!(report.end, End::Done));
        let mut closing = Closing::new();
        let (how, end) = match broken {
            Some(report) => ("not run", End::Without(report.name)),
            None => match (stage.work)(context, &mut closing) {
                Ok(()) => ("ok", End::Done),
                Err(failure) => {
                    eprintln!("\n{failure}");
                    ("FAILED", End::Failed(failure))
                }
            },
        };
        reports.push(Report { name: stage.name, end, took: work.end(how), closing });
    }
    summarise(&reports)
}

/// A stage and everything it needs, through others too.
fn closure<C>(stages: &[Stage<C>], only: &str) -> Vec<&'static str> {
    let mut wanted = Vec::new();
    for stage in stages.iter().rev() {
        let needed = stages.iter().any(|s| wanted.contains(&s.name) && s.needs.contains(&stage.name));
        if needed || stage.name == only {
            wanted.push(stage.name);
        }
    }
    wanted
}

fn summarise(reports: &[Report]) -> Outcome {
    let total: Duration = reports.iter().map(|report| report.took).sum();
    println!("\n== Summary, {}", Elapsed(total));
    for report in reports {
        let how = match &report.end {
            End::Done => "ok".to_owned(),
            End::Failed(_) => "FAILED".to_owned(),
            End::Without(name) => format!("not run: {name} failed"),
        };
        println!("   {:<14} {:>12}  {how}", report.name, Elapsed(report.took));
        for line in &report.closing {
            println!("      {line}");
        }
    }
    let failed: Vec<&Report> = reports.iter().filter(|report| !matches!(report.end, End::Done)).collect();
    let Some(first) = failed.iter().find_map(|report| match &report.end {
        End::Failed(failure) => Some(failure),
        End::Done | End::Without(_) => None,
    }) else {
        return Ok(());
    };
    let names: Vec<&str> = failed.iter().map(|report| report.name).collect();
    Err(Failure::new(names.join(", "), format!("Begin with the first: {}", first.to_string().replace('\n', "\n  "))))
}

/// A stage that needs one which does not come before it: a mistake in the table, for the commands' tests to find.
#[cfg(test)]
pub(crate) fn out_of_order<C>(stages: &[Stage<C>]) -> Option<&'static str> {
    let known = |before: &[Stage<C>], need| before.iter().any(|stage| stage.name == need);
    let wrong = (0..stages.len()).find(|&i| !stages[i].needs.iter().all(|need| known(&stages[..i], *need)));
    wrong.map(|i| stages[i].name)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    type Trace = RefCell<Vec<&'static str>>;

    const STAGES: &[Stage<Trace>] = &[
        Stage { name: "tools", needs: &[], work: |t, _| note(t, "tools") },
        Stage { name: "wasm", needs: &["tools"], work: |_, _| Err(Failure::new("wasm", "mend it")) },
        Stage { name: "rust", needs: &["tools"], work: |t, _| note(t, "rust") },
        Stage { name: "browser", needs: &["wasm"], work: |t, _| note(t, "browser") },
    ];

    #[allow(clippy::unnecessary_wraps, reason = "it stands for a stage's work")]
    fn note(trace: &Trace, name: &'static str) -> Outcome {
        trace.borrow_mut().push(name);
        Ok(())
    }

    #[test]
    fn later_stages_run_after_a_failure_unless_they_need_it() {
        let trace = Trace::default();
        let text = run_all(STAGES, &trace, None).err().map(|f| f.to_string()).unwrap_or_default();
        assert_eq!(trace.into_inner(), ["tools", "rust"]);
        assert!(text.contains("failed: wasm, browser") && text.contains("mend it"), "{text}");
    }

    #[test]
    fn one_stage_brings_what_it_needs_and_nothing_else() {
        let trace = Trace::default();
        assert!(run_all(STAGES, &trace, Some("rust")).is_ok());
        assert_eq!(trace.into_inner(), ["tools", "rust"]);
        assert_eq!(closure(STAGES, "browser"), ["browser", "wasm", "tools"]);
    }
}
