//! What a process is told about traces, by the variables that OpenTelemetry's specification gives
//! their names. Those of the SDK that need no judgement here (`OTEL_BSP_*`, `OTEL_SPAN_*`,
//! `OTEL_EXPORTER_OTLP_HEADERS`, `…_TIMEOUT`, `OTEL_RESOURCE_ATTRIBUTES`) are read by the SDK itself.

use opentelemetry_sdk::trace::Sampler;

/// What the flags stand under in the help.
const HEADING: &str = "Traces (OpenTelemetry)";

/// The only protocol that is spoken.
const GRPC: &str = "grpc";

/// Where traces go, and which of them.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct TraceConfig {
    /// Collector that traces are exported to, as in `http://localhost:4317`; without one none are
    /// made
    #[arg(
        long,
        help_heading = HEADING,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub otlp_endpoint: Option<String>,
    /// The same, for traces alone
    #[arg(
        long,
        help_heading = HEADING,
        env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub otlp_traces_endpoint: Option<String>,
    /// How to speak to the collector: grpc is the only way
    #[arg(
        long,
        help_heading = HEADING,
        env = "OTEL_EXPORTER_OTLP_PROTOCOL",
        value_name = "PROTOCOL"
    )]
    pub otlp_protocol: Option<String>,
    /// The same, for traces alone
    #[arg(
        long,
        help_heading = HEADING,
        env = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        value_name = "PROTOCOL"
    )]
    pub otlp_traces_protocol: Option<String>,
    /// The service's name in traces [default: the binary's]
    #[arg(long, help_heading = HEADING, env = "OTEL_SERVICE_NAME", value_name = "NAME")]
    pub otel_service_name: Option<String>,
    /// Which traces are kept: `always_on`, `always_off`, `traceidratio`, or one of them after
    /// `parentbased_` [default: `parentbased_always_on`]
    #[arg(long, help_heading = HEADING, env = "OTEL_TRACES_SAMPLER", value_name = "SAMPLER")]
    pub traces_sampler: Option<String>,
    /// The ratio of traces that traceidratio keeps, 0 to 1 [default: 1]
    #[arg(long, help_heading = HEADING, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "RATIO")]
    pub traces_sampler_arg: Option<String>,
    /// `otlp`, or `none` to make no traces whatever else is said
    #[arg(long, help_heading = HEADING, env = "OTEL_TRACES_EXPORTER", value_name = "EXPORTER")]
    pub traces_exporter: Option<String>,
}

/// Traces cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// Another protocol than we speak.
    #[error("{variable} must be grpc, the only protocol that is supported, and not {value:?}")]
    Protocol {
        /// The variable that says so.
        variable: &'static str,
        /// What it says.
        value: String,
    },
    /// Another exporter than we have.
    #[error("OTEL_TRACES_EXPORTER must be otlp or none, and not {0:?}")]
    Exporter(String),
    /// A sampler that there is not.
    #[error(
        "OTEL_TRACES_SAMPLER must be always_on, always_off or traceidratio, alone or after \
         parentbased_, and not {0:?}"
    )]
    Sampler(String),
    /// No ratio.
    #[error("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, and not {0:?}")]
    Ratio(String),
    /// The endpoint cannot be understood. It is not shown, for it may hold a password.
    #[error("{variable} must be a URL such as http://localhost:4317")]
    Endpoint {
        /// The variable that gave it.
        variable: &'static str,
    },
    /// Traces were set up in this process before.
    #[error("traces are already set up")]
    Twice,
}

/// What there is to set up.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) endpoint: String,
    /// The variable that gave the endpoint.
    pub(super) variable: &'static str,
    pub(super) sampler: Sampler,
    pub(super) service_name: Option<String>,
}

impl TraceConfig {
    /// Where traces go; `None` when none are to be made. A variable that is empty is as if it were
    /// not there, as the specification says.
    pub(super) fn target(&self) -> Result<Option<Target>, TraceError> {
        let traces =
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", given(self.otlp_traces_endpoint.as_ref()));
        let general = ("OTEL_EXPORTER_OTLP_ENDPOINT", given(self.otlp_endpoint.as_ref()));
        let endpoint = [traces, general].into_iter().find_map(|(name, url)| Some((name, url?)));
        let Some((variable, endpoint)) = endpoint else {
            return Ok(None);
        };
        match given(self.traces_exporter.as_ref()) {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => return Err(TraceError::Exporter(other.to_owned())),
        }
        self.check_protocol()?;
        Ok(Some(Target {
            endpoint: endpoint.to_owned(),
            variable,
            sampler: self.sampler()?,
            service_name: given(self.otel_service_name.as_ref()).map(str::to_owned),
        }))
    }

    fn check_protocol(&self) -> Result<(), TraceError> {
        let traces =
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", given(self.otlp_traces_protocol.as_ref()));
        let general = ("OTEL_EXPORTER_OTLP_PROTOCOL", given(self.otlp_protocol.as_ref()));
        let chosen = [traces, general].into_iter().find_map(|(name, value)| Some((name, value?)));
        match chosen {
            None | Some((_, GRPC)) => Ok(()),
            Some((variable, value)) => {
                Err(TraceError::Protocol { variable, value: value.to_owned() })
            }
        }
    }

    fn sampler(&self) -> Result<Sampler, TraceError> {
        let name = given(self.traces_sampler.as_ref()).unwrap_or("parentbased_always_on");
        let (parent_based, own) = match name.strip_prefix("parentbased_") {
            Some(own) => (true, own),
            None => (false, name),
        };
        let own = match own {
            "always_on" => Sampler::AlwaysOn,
            "always_off" => Sampler::AlwaysOff,
            "traceidratio" => Sampler::TraceIdRatioBased(self.ratio()?),
            _ => return Err(TraceError::Sampler(name.to_owned())),
        };
        Ok(if parent_based { Sampler::ParentBased(Box::new(own)) } else { own })
    }

    fn ratio(&self) -> Result<f64, TraceError> {
        let Some(text) = given(self.traces_sampler_arg.as_ref()) else {
            return Ok(1.0);
        };
        let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| TraceError::Ratio(text.to_owned()))
    }
}

fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: &str) -> TraceConfig {
        TraceConfig { otlp_endpoint: Some(endpoint.to_owned()), ..TraceConfig::default() }
    }

    #[test]
    fn nothing_is_traced_unless_there_is_somewhere_to_export_to() {
        assert!(TraceConfig::default().target().unwrap().is_none());
        assert!(at("").target().unwrap().is_none());
        let odd =
            TraceConfig { otlp_protocol: Some("http/json".to_owned()), ..TraceConfig::default() };
        assert!(odd.target().unwrap().is_none(), "who exports nothing speaks no protocol");
        let off =
            TraceConfig { traces_exporter: Some("none".to_owned()), ..at("http://collector") };
        assert!(off.target().unwrap().is_none());
    }

    #[test]
    fn what_is_said_of_traces_goes_before_what_is_said_in_general() {
        let both =
            TraceConfig { otlp_traces_endpoint: Some("http://b".to_owned()), ..at("http://a") };
        assert_eq!(both.target().unwrap().unwrap().endpoint, "http://b");
        let refused = TraceConfig {
            otlp_protocol: Some("grpc".to_owned()),
            otlp_traces_protocol: Some("http/protobuf".to_owned()),
            ..at("http://a")
        };
        let said = refused.target().unwrap_err().to_string();
        assert!(said.contains("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), "{said}");
    }

    #[test]
    fn samplers_have_the_names_of_the_specification() {
        let sampler = |name: &str, argument: &str| {
            let config = TraceConfig {
                traces_sampler: Some(name.to_owned()),
                traces_sampler_arg: Some(argument.to_owned()),
                ..at("http://a")
            };
            config.target().map(|target| format!("{:?}", target.unwrap().sampler))
        };
        assert_eq!(sampler("", ""), Ok("ParentBased(AlwaysOn)".to_owned()));
        assert_eq!(sampler("always_off", ""), Ok("AlwaysOff".to_owned()));
        let ratio = sampler("parentbased_traceidratio", "0.25");
        assert_eq!(ratio, Ok("ParentBased(TraceIdRatioBased(0.25))".to_owned()));
        assert_eq!(sampler("xray", ""), Err(TraceError::Sampler("xray".to_owned())));
        for bad in ["-0.1", "1.1", "NaN", "half"] {
            assert_eq!(sampler("traceidratio", bad), Err(TraceError::Ratio(bad.to_owned())));
        }
    }
}
