//! Time per node, from ONNX Runtime's own profiler in a session that is thrown away.

use std::collections::HashMap;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::protocol::{NodeTime, OperatorTime, Profiled};

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    #[serde(default)]
    name: String,
    /// Microseconds, as `dur`.
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    args: HashMap<String, serde_json::Value>,
}

/// Sums ONNX Runtime's records (a Chrome trace) after the first forward by operator and by node, longest first.
pub fn summarise(trace: &str, wall_ns: u64) -> Result<Profiled> {
    let events: Vec<Event> =
        serde_json::from_str(trace).map_err(|fault| Error::internal(format!("not a trace: {fault}"), "ONNX Runtime's profile"))?;
    let mut operators: HashMap<String, OperatorTime> = HashMap::new();
    let mut nodes: HashMap<String, NodeTime> = HashMap::new();
    let warm = events.iter().filter(|event| event.name == "model_run").map(|event| event.ts + event.dur).fold(f64::INFINITY, f64::min);
    for event in events.iter().filter(|event| event.cat == "Node" && event.ts >= warm) {
        let (Some(name), Some(op)) = (event.name.strip_suffix("_kernel_time"), event.args.get("op_name").and_then(|op| op.as_str())) else {
            continue;
        };
        let ns = (event.dur * 1000.0).round() as u64;
        let operator = operators.entry(op.to_owned()).or_insert_with(|| OperatorTime { op: op.to_owned(), calls: 0, ns: 0 });
        operator.calls += 1;
        operator.ns += ns;
        let node = nodes.entry(name.to_owned()).or_insert_with(|| NodeTime { name: name.to_owned(), op: op.to_owned(), ns: 0 });
        node.ns += ns;
    }
    let mut operators: Vec<_> = operators.into_values().collect();
    let mut nodes: Vec<_> = nodes.into_values().collect();
    operators.sort_by(|one, other| other.ns.cmp(&one.ns).then_with(|| one.op.cmp(&other.op)));
    nodes.sort_by(|one, other| other.ns.cmp(&one.ns).then_with(|| one.name.cmp(&other.name)));
    Ok(Profiled { operators, nodes, wall_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kernel_times_after_the_first_forward_are_summed_longest_first() {
        let trace = r#"[{"cat": "Session", "name": "model_run", "dur": 99, "ts": 0, "args": {}},
            {"cat": "Node", "name": "a_kernel_time", "dur": 70, "ts": 10, "args": {"op_name": "Conv"}},
            {"cat": "Session", "name": "model_run", "dur": 50, "ts": 99, "args": {}},
            {"cat": "Node", "name": "a_fence_before", "dur": 7, "ts": 100, "args": {"op_name": "Conv"}},
            {"cat": "Node", "name": "a_kernel_time", "dur": 2, "ts": 110, "args": {"op_name": "Conv", "node_index": "0"}},
            {"cat": "Node", "name": "b_kernel_time", "dur": 5, "ts": 120, "args": {"op_name": "Conv"}},
            {"cat": "Node", "name": "a_kernel_time", "dur": 2, "ts": 130, "args": {"op_name": "Conv"}},
            {"cat": "Node", "name": "c_kernel_time", "dur": 20, "ts": 140, "args": {"op_name": "Gemm"}}]"#;
        let profiled = summarise(trace, 49_000).unwrap();
        let operators: Vec<_> = profiled.operators.iter().map(|one| (one.op.as_str(), one.calls, one.ns)).collect();
        assert_eq!(operators, [("Gemm", 1, 20_000), ("Conv", 3, 9_000)]);
        let nodes: Vec<_> = profiled.nodes.iter().map(|one| (one.name.as_str(), one.ns)).collect();
        assert_eq!(nodes, [("c", 20_000), ("b", 5_000), ("a", 4_000)]);
        assert_eq!(profiled.wall_ns, 49_000);
        assert!(summarise("{", 0).is_err());
    }
}
