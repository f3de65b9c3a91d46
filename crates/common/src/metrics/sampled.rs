//! A gauge that may have nothing to say: while its engine is away, it is not shown.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A value that was asked for, until it is known no more. Clones share it.
#[derive(Clone, Debug)]
pub struct Sampled(Arc<AtomicU64>);

/// Stands for "not known".
const UNKNOWN: f64 = f64::NAN;

impl Default for Sampled {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(UNKNOWN.to_bits())))
    }
}

impl Sampled {
    /// Shows a value from now on; `None` shows nothing.
    pub fn set(&self, value: Option<f64>) {
        self.0.store(value.unwrap_or(UNKNOWN).to_bits(), Ordering::Relaxed);
    }

    fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl EncodeMetric for Sampled {
    fn encode(&self, mut encoder: MetricEncoder) -> Result<(), fmt::Error> {
        encoder.encode_gauge(&self.value())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.value().is_nan()
    }
}
