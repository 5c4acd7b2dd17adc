//! The findings as one page that needs nothing beside it.

use super::{Finding, accepted, judgement};
use crate::bench::plot::svg;
use crate::bench::validate::check::Check;
use crate::cli::output::significant;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap }
.holds { color: #17692b } .missed { color: #b3001b; font-weight: 600 } .control td { color: #666 }
.share { display: inline-block; width: 6rem; height: .6rem; background: #eee; overflow: hidden }
.share span { display: block; height: 100%; background: #4a7fb5 } .share span.beyond { background: #c9871f }
svg { max-width: 100%; height: auto }
";

/// The page. `explained` says on which device; `quick` that grids were coarser.
pub fn page(findings: &[Finding], explained: &str, quick: bool) -> String {
    let held = findings.iter().filter(|f| f.report.passed()).count();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "softscape: physical laws" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Physical laws" }
                p { (held) " of " (findings.len()) " laws hold, every control included. " (explained)
                    @if quick { " Coarser grids and shorter runs (--quick)." } }
                p { "A control is a set-up made wrong on purpose: the same check has to reject it. The \
                     bar shows how much of what is accepted a number uses up; a full bar is the limit, \
                     another colour is beyond it." }
                table {
                    tr { th { "law" } th {} th { "verdict" } th { "time" } }
                    @for finding in findings {
                        tr {
                            td.number { (finding.law.number) }
                            td { a href={"#law-" (finding.law.number)} { (finding.law.name) } }
                            td { (verdict(finding.report.passed())) }
                            td.number { (significant((10.0 * finding.wall_secs).round() / 10.0)) " s" }
                        }
                    }
                }
                @for finding in findings { (section(finding)) }
            }
        }
    }
    .into_string()
}

fn section(finding: &Finding) -> Markup {
    let Finding { law, report, .. } = finding;
    html! {
        h2 id={"law-" (law.number)} { (law.number) " " (law.name) ": " (verdict(report.passed())) }
        p { (law.about) }
        table {
            tr { th { "what" } th { "measured" } th { "accepted" } th {} th { "verdict" } }
            @for check in &report.checks { (row(check)) }
        }
        @for remark in &report.remarks { p { (remark) } }
        @if let Some(plot) = &report.plot {
            @match svg(plot) {
                Ok(drawing) => (PreEscaped(drawing)),
                Err(problem) => p.missed { "no plot: " (problem) },
            }
        }
    }
}

fn row(check: &Check) -> Markup {
    let share = check.accept.share(check.measured);
    let width = if share.is_finite() { (100.0 * share).min(100.0) } else { 100.0 };
    html! {
        tr.control[check.control.is_some()] {
            td { (check.what)
                @if let Some(wrong) = &check.control { br; "control: " (wrong) } }
            td.number { (significant(check.measured)) }
            td.number { (accepted(&check.accept)) }
            td { span.share {
                span.beyond[!check.accept.accepts(check.measured)] style={"width:" (format!("{width:.0}")) "%"} {}
            } }
            td class=(if check.passed() { "holds" } else { "missed" }) { (judgement(check)) }
        }
    }
}

fn verdict(passed: bool) -> Markup {
    if passed {
        html! { span.holds { "holds" } }
    } else {
        html! { span.missed { "missed" } }
    }
}
