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
    /// Microseconds.
    #[serde(default)]
    dur: f64,
    #[serde(default)]
    args: HashMap<String, serde_json::Value>,
}

/// Sums ONNX Runtime's records (a Chrome trace) by operator and by node, longest first.
pub fn summarise(trace: &str) -> Result<Profiled> {
    let events: Vec<Event> =
        serde_json::from_str(trace).map_err(|fault| Error::internal(format!("not a trace: {fault}"), "ONNX Runtime's profile"))?;
    let mut operators: HashMap<String, OperatorTime> = HashMap::new();
    let mut nodes: HashMap<String, NodeTime> = HashMap::new();
    for event in events.iter().filter(|event| event.cat == "Node") {
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
    Ok(Profiled { operators, nodes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kernel_times_are_summed_longest_first() {
        let trace = r#"[{"cat": "Session", "name": "model_run", "dur": 99, "ts": 0, "args": {}},
            {"cat": "Node", "name": "a_fence_before", "dur": 7, "args": {"op_name": "Conv"}},
            {"cat": "Node", "name": "a_kernel_time", "dur": 2, "args": {"op_name": "Conv", "node_index": "0"}},
            {"cat": "Node", "name": "b_kernel_time", "dur": 5, "args": {"op_name": "Conv"}},
            {"cat": "Node", "name": "a_kernel_time", "dur": 2, "args": {"op_name": "Conv"}},
            {"cat": "Node", "name": "c_kernel_time", "dur": 20, "args": {"op_name": "Gemm"}}]"#;
        let profiled = summarise(trace).unwrap();
        let operators: Vec<_> = profiled.operators.iter().map(|one| (one.op.as_str(), one.calls, one.ns)).collect();
        assert_eq!(operators, [("Gemm", 1, 20_000), ("Conv", 3, 9_000)]);
        let nodes: Vec<_> = profiled.nodes.iter().map(|one| (one.name.as_str(), one.ns)).collect();
        assert_eq!(nodes, [("c", 20_000), ("b", 5_000), ("a", 4_000)]);
        assert!(summarise("{").is_err());
    }
}
