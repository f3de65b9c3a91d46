//! Reads OpenMetrics text strictly: whatever the specification of its text format forbids, and this
//! reader can tell, fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// Everything that a process showed.
#[derive(Debug)]
pub(super) struct Exposition {
    /// The kinds of the families, by name.
    pub(super) families: BTreeMap<String, String>,
    samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) family: String,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

impl Exposition {
    pub(super) fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
        assert!(!body.contains("# EOF"), "there is one end");
        let mut read = Self { families: BTreeMap::new(), samples: Vec::new() };
        let (mut helped, mut current) = (String::new(), String::new());
        for line in body.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(help.ends_with('.') && !help.ends_with(".."), "a sentence: {line}");
                name.clone_into(&mut helped);
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, helped, "a help text comes first");
                let before = read.families.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} is there twice");
                name.clone_into(&mut current);
            } else {
                let sample = sample(line, &current);
                assert_belongs(&sample, &read.families[&current]);
                read.samples.push(sample);
            }
        }
        read.check();
        read
    }

    /// The value of the sample of this name with these labels and no others; 0 when it is not there.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_default()
    }

    /// The same, if it is there.
    pub(super) fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned()));
        let labels: BTreeMap<_, _> = labels.collect();
        let mut found =
            self.samples.iter().filter(|sample| sample.name == name && sample.labels == labels);
        found.next().map(|sample| sample.value)
    }

    /// The sum over all samples of this name.
    pub(super) fn sum(&self, name: &str) -> f64 {
        self.samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }

    /// The labels that each family has on any of its samples, but for a bucket's bound.
    pub(super) fn labels(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for sample in &self.samples {
            let names = sample.labels.keys().map(String::as_str).filter(|name| *name != "le");
            labels.entry(&sample.family).or_default().extend(names);
        }
        labels
    }

    /// What is not at zero, for people.
    pub(super) fn what_happened(&self) -> String {
        let happened = |sample: &&Sample| sample.value > 0.0 && !sample.labels.contains_key("le");
        let lines = self.samples.iter().filter(happened);
        let lines = lines.map(|one| format!("{} {:?} {}", one.name, one.labels, one.value));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn check(&self) {
        let mut seen = BTreeSet::new();
        let mut families = Vec::new();
        for sample in &self.samples {
            let series = format!("{} {:?}", sample.name, sample.labels);
            assert!(seen.insert(series.clone()), "{series} is there twice");
            if families.last() != Some(&&sample.family) {
                families.push(&sample.family);
            }
        }
        let distinct: BTreeSet<_> = families.iter().collect();
        assert_eq!(distinct.len(), families.len(), "the samples of a family stand together");
        self.check_histograms();
    }

    /// Buckets count what is below them, and the last one everything.
    fn check_histograms(&self) {
        let mut last: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for sample in self.samples.iter().filter(|sample| sample.labels.contains_key("le")) {
            let mut labels = sample.labels.clone();
            let bound: f64 = match labels.remove("le").expect("a bound").as_str() {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().expect("a bound"),
            };
            let series = format!("{} {labels:?}", sample.family);
            let (bound_before, count_before) =
                last.insert(series, (bound, sample.value)).unwrap_or((f64::NEG_INFINITY, 0.0));
            assert!(bound > bound_before && sample.value >= count_before, "{sample:?}");
            if bound.is_infinite() {
                let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                let count = self.find(&format!("{}_count", sample.family), &labels);
                assert_eq!(count, Some(sample.value), "{sample:?}");
            }
        }
        assert!(last.values().all(|(bound, _)| bound.is_infinite()), "{last:?}");
    }
}

fn sample(line: &str, family: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, labels(rest)),
        None => (series, BTreeMap::new()),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    assert!(!name.is_empty() && name.chars().all(allowed), "a name: {line}");
    let value = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
    Sample { family: family.to_owned(), name: name.to_owned(), labels, value }
}

/// The labels before the closing brace. Ours hold nothing that would have to be escaped.
fn labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while rest != "}" {
        let (name, after) = rest.split_once("=\"").expect("a label");
        let (value, after) = after.split_once('"').expect("a label's value");
        assert!(!value.contains('\\'), "{text}");
        let before = labels.insert(name.to_owned(), value.to_owned());
        assert_eq!(before, None, "{name} is there twice: {text}");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    labels
}

fn assert_belongs(sample: &Sample, kind: &str) {
    let suffixes: &[&str] = match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_sum", "_count", "_bucket"],
        "info" => &["_info"],
        other => panic!("a kind that we do not have: {other}"),
    };
    let suffix = sample.name.strip_prefix(&sample.family);
    assert!(suffix.is_some_and(|suffix| suffixes.contains(&suffix)), "{sample:?}");
    let is_bucket = sample.name.ends_with("_bucket") && kind == "histogram";
    assert_eq!(sample.labels.contains_key("le"), is_bucket, "{sample:?}");
    let natural = sample.value >= 0.0 && (kind == "gauge" || sample.value.is_finite());
    assert!(natural, "{sample:?}");
}

#[test]
fn text_that_is_not_well_formed_is_refused() {
    let counter = "# HELP a A.\n# TYPE a counter\n";
    for wrong in [
        "a_total 1\n# EOF\n".to_owned(),
        format!("{counter}a_total 1\n"),
        format!("{counter}a 1\n# EOF\n"),
        format!("{counter}a_total one\n# EOF\n"),
        format!("{counter}a_total 1\na_total 2\n# EOF\n"),
        format!("{counter}a_total 1\n{counter}# EOF\n"),
        format!("{counter}a_total{{b=\"1\",b=\"2\"}} 1\n# EOF\n"),
    ] {
        let read = std::panic::catch_unwind(|| Exposition::parse(&wrong));
        assert!(read.is_err(), "{wrong}");
    }
    let right = format!("{counter}a_total{{b=\"1\"}} 2\n# EOF\n");
    assert!((Exposition::parse(&right).value("a_total", &[("b", "1")]) - 2.0).abs() < f64::EPSILON);
}
