//! Progress bars, on the error stream and only when that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar with its name, its rate and the time that is left.
pub fn bar(name: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:24} {bar:32} {pos:>9}/{len:9} {per_sec:>12}  {eta} left");
    let bar = ProgressBar::new(0).with_message(name);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
