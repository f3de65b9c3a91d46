//! How long files and functions may be. The figures are those of the Rust services that are pleasant
//! to read; ARCHITECTURE.md names them.

use super::assert_none;
use super::repository::{product_files, rust_files};
use super::rust_source::RustSource;

/// Lines of a file, without what stands under `#[cfg(test)]`.
const FILES: Budget = Budget { what: "files", median: Some(150), p90: 350, max: 400 };
/// Lines of a function, from `fn` to the closing brace.
const FUNCTIONS: Budget = Budget { what: "functions", median: None, p90: 40, max: 80 };

#[derive(Clone, Copy)]
struct Budget {
    what: &'static str,
    median: Option<usize>,
    p90: usize,
    max: usize,
}

/// Something with a length, and where it is.
#[derive(Clone, Debug)]
struct Measured {
    place: String,
    lines: usize,
}

#[test]
fn files_of_the_product_are_short() {
    let files = product_files().into_iter().map(|file| Measured {
        lines: RustSource::of(&file).product_line_count(),
        place: format!("{}:1", file.path),
    });
    assert_none("Split what does more than one thing.", &FILES.overruns(files.collect()));
}

#[test]
fn functions_of_the_product_are_short() {
    let functions = product_files().into_iter().flat_map(|file| {
        let source = RustSource::of(&file);
        let measured = source.product_functions().map(|function| Measured {
            place: format!("{}:{} {}", file.path, function.line, function.name),
            lines: function.length,
        });
        measured.collect::<Vec<_>>()
    });
    assert_none("Name the steps of a long function.", &FUNCTIONS.overruns(functions.collect()));
}

#[test]
fn files_of_tests_keep_the_longest_length() {
    let too_long = rust_files()
        .into_iter()
        .filter(|file| !file.is_product())
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > FILES.max)
        .map(|(lines, path)| format!("{path}:1 has {lines} lines"))
        .collect::<Vec<_>>();
    assert_none("Test files have at most 400 lines, too.", &too_long);
}

impl Budget {
    /// What is over budget, the longest first; at least ten of them when it is the median or the p90.
    fn overruns(self, mut measured: Vec<Measured>) -> Vec<String> {
        assert!(!measured.is_empty(), "no {} found", self.what);
        measured.sort_by_key(|one| one.lines);
        let median = percentile(&measured, 50);
        let p90 = percentile(&measured, 90);
        let mut overruns = Vec::new();
        if let Some(limit) = self.median.filter(|limit| median > *limit) {
            overruns.push(format!("the median of {} is {median} lines, over {limit}", self.what));
        }
        if p90 > self.p90 {
            overruns.push(format!("the p90 of {} is {p90} lines, over {}", self.what, self.p90));
        }
        let over_max = measured.iter().filter(|one| one.lines > self.max).count();
        let worst = if overruns.is_empty() { over_max } else { over_max.max(10) };
        overruns.extend(measured.iter().rev().take(worst).map(|one| {
            let Measured { place, lines } = one;
            format!("{place} has {lines} lines (at most {})", self.max)
        }));
        overruns
    }
}

/// The length that this many of a hundred do not exceed, by the nearest-rank method.
fn percentile(sorted: &[Measured], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted[rank - 1].lines
}

#[test]
fn a_budget_names_what_is_over_it() {
    const SMALL: Budget = Budget { what: "things", median: Some(5), p90: 9, max: 10 };
    let lengths = |lengths: &[usize]| {
        let place = |lines| Measured { place: format!("at {lines}"), lines };
        SMALL.overruns(lengths.iter().copied().map(place).collect())
    };
    assert_eq!(lengths(&[1, 2, 3, 4, 5, 9, 9, 9, 9, 10]), [""; 0]);
    assert_eq!(lengths(&[11, 1, 2, 3, 4, 5, 6, 7, 8, 9]), ["at 11 has 11 lines (at most 10)"]);
    assert_eq!(lengths(&[6, 6])[0], "the median of things is 6 lines, over 5");
    assert_eq!(lengths(&[1, 1, 10])[0], "the p90 of things is 10 lines, over 9");
}
