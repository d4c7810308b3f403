//! The options of an ONNX model, named as ONNX Runtime names its own.

use ort::ep::{CUDA, ExecutionProvider as _};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::signature::BatchAxis;
use crate::{InferenceError, ModelDefinition};

/// Bytes of tensors that a session may hold, the model's own included.
pub(super) const MEMORY_LIMIT: &str = "memory.limit";
const BATCH_AXIS: &str = "batch-axis";
const MEMORY: usize = 2 << 30;
const INTRA_OP_THREADS: &str = "intra-op-threads";
const INTER_OP_THREADS: &str = "inter-op-threads";
const EXECUTION_MODE: &str = "execution-mode";
const GRAPH_OPTIMIZATION_LEVEL: &str = "graph-optimization-level";
const DETERMINISTIC_COMPUTE: &str = "deterministic-compute";
const ENABLE_MEM_PATTERN: &str = "enable-mem-pattern";
const SET_DENORMAL_AS_ZERO: &str = "set-denormal-as-zero";
const EXECUTION_PROVIDER: &str = "execution-provider";
const DEVICE_ID: &str = "device-id";
const DISABLE_CPU_EP_FALLBACK: &str = "disable-cpu-ep-fallback";

const OPTIONS: &[&str] = &[
    "path",
    BATCH_AXIS,
    INTRA_OP_THREADS,
    INTER_OP_THREADS,
    EXECUTION_MODE,
    GRAPH_OPTIMIZATION_LEVEL,
    DETERMINISTIC_COMPUTE,
    ENABLE_MEM_PATTERN,
    SET_DENORMAL_AS_ZERO,
    EXECUTION_PROVIDER,
    DEVICE_ID,
    DISABLE_CPU_EP_FALLBACK,
    MEMORY_LIMIT,
];

/// More would not be threads that compute, but memory for their stacks.
const MOST_THREADS: usize = 1024;

/// What a `CREATE MODEL` statement says of a session.
pub(super) struct SessionOptions {
    pub batch_axis: BatchAxis,
    /// Bytes that a session may allocate.
    pub memory: usize,
    pub execution_provider: ExecutionProvider,
    intra_op_threads: usize,
    inter_op_threads: usize,
    parallel: bool,
    optimization: Option<Optimization>,
    deterministic_compute: Option<bool>,
    memory_pattern: Option<bool>,
    denormal_as_zero: Option<bool>,
    disable_cpu_fallback: Option<bool>,
}

/// Who computes the nodes of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExecutionProvider {
    Cpu,
    Cuda { device: i32 },
}

#[derive(Debug, Clone, Copy)]
enum Optimization {
    DisableAll,
    Basic,
    Extended,
    Layout,
    All,
}

impl From<Optimization> for GraphOptimizationLevel {
    fn from(level: Optimization) -> Self {
        match level {
            Optimization::DisableAll => Self::Disable,
            Optimization::Basic => Self::Level1,
            Optimization::Extended => Self::Level2,
            Optimization::Layout => Self::Level3,
            Optimization::All => Self::All,
        }
    }
}

impl SessionOptions {
    /// Reads the options of a definition, and refuses those that there are not.
    pub fn read(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        definition.check_options(OPTIONS)?;
        let threads = |key: &str| {
            let threads = definition.number(key, 1)?;
            if (1..=MOST_THREADS).contains(&threads) {
                return Ok(threads);
            }
            let message =
                format!("the option '{key}' must be between 1 and {MOST_THREADS}, not {threads}");
            Err(InferenceError::definition(&definition.name, message)
                .with_hint("one thread is the one that calls the model"))
        };
        let device: u16 = definition.number(DEVICE_ID, 0)?;
        let device = i32::from(device);
        let execution_providers = [
            ("cpu", ExecutionProvider::Cpu),
            ("cuda", ExecutionProvider::Cuda { device }),
        ];
        let levels = [
            ("disable-all", Optimization::DisableAll),
            ("basic", Optimization::Basic),
            ("extended", Optimization::Extended),
            ("layout", Optimization::Layout),
            ("all", Optimization::All),
        ];
        let axes = [("0", BatchAxis::First), ("none", BatchAxis::None)];
        let modes = [("sequential", false), ("parallel", true)];
        let execution_provider = definition.choice(EXECUTION_PROVIDER, &execution_providers)?;
        Ok(Self {
            batch_axis: definition
                .choice(BATCH_AXIS, &axes)?
                .unwrap_or(BatchAxis::First),
            memory: definition.memory_size(MEMORY_LIMIT, MEMORY)?,
            execution_provider: execution_provider.unwrap_or(ExecutionProvider::Cpu),
            intra_op_threads: threads(INTRA_OP_THREADS)?,
            inter_op_threads: threads(INTER_OP_THREADS)?,
            parallel: definition.choice(EXECUTION_MODE, &modes)?.unwrap_or(false),
            optimization: definition.choice(GRAPH_OPTIMIZATION_LEVEL, &levels)?,
            deterministic_compute: definition.flag(DETERMINISTIC_COMPUTE)?,
            memory_pattern: definition.flag(ENABLE_MEM_PATTERN)?,
            denormal_as_zero: definition.flag(SET_DENORMAL_AS_ZERO)?,
            disable_cpu_fallback: definition.flag(DISABLE_CPU_EP_FALLBACK)?,
        })
    }

    /// Says them to a builder; what the statement leaves open is as ONNX Runtime has it.
    pub fn apply(&self, mut builder: SessionBuilder) -> Result<SessionBuilder, ort::Error> {
        builder = builder
            .with_intra_threads(self.intra_op_threads)?
            .with_inter_threads(self.inter_op_threads)?
            .with_parallel_execution(self.parallel)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_log_level(ort::logging::LogLevel::Fatal)?
            .with_env_allocators()?;
        if let Some(level) = self.optimization {
            builder = builder.with_optimization_level(level.into())?;
        }
        if let Some(enable) = self.deterministic_compute {
            builder = builder.with_deterministic_compute(enable)?;
        }
        if let Some(enable) = self.memory_pattern {
            builder = builder.with_memory_pattern(enable)?;
        }
        if let Some(enable) = self.denormal_as_zero {
            builder = builder.with_config_entry("session.set_denormal_as_zero", digit(enable))?;
        }
        if let Some(disable) = self.disable_cpu_fallback {
            builder =
                builder.with_config_entry("session.disable_cpu_ep_fallback", digit(disable))?;
        }
        if let ExecutionProvider::Cuda { device } = self.execution_provider {
            builder = builder.with_config_entry("session.record_ep_graph_assignment_info", "1")?;
            // Device memory is not the counted allocator's.
            CUDA::default()
                .with_device_id(device)
                .with_memory_limit(self.memory)
                .register(&mut builder)?;
        }
        Ok(builder)
    }
}

fn digit(flag: bool) -> &'static str {
    if flag { "1" } else { "0" }
}
