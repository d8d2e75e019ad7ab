//! The recorded conversation that Python's side is tested against, too: every message is read, and written back the same.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

use std::path::Path;

use infer_rs::protocol::{
    Failure, HelloArgs, LoadArgs, Loaded, Nothing, PredictArgs, Predicted, ProfileArgs, Profiled, Receipt, Request, Staged, StagesArgs,
    TimeArgs, Timed, UnloadArgs, arguments, parse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn round_trip<T: DeserializeOwned + Serialize>(value: &Value) {
    let parsed: T = parse(&value.to_string(), "message").unwrap();
    assert_eq!(serde_json::to_value(parsed).unwrap(), *value);
}

fn request(line: &str) -> (u64, String) {
    let request: Request = parse(line, "request").unwrap();
    let value: Value = serde_json::from_str(request.args.get()).unwrap();
    match request.verb.as_str() {
        "hello" => round_trip::<HelloArgs>(&value),
        "load" => round_trip::<LoadArgs>(&value),
        "predict" => round_trip::<PredictArgs>(&value),
        "stages" => round_trip::<StagesArgs>(&value),
        "time" => round_trip::<TimeArgs>(&value),
        "profile" => round_trip::<ProfileArgs>(&value),
        "unload" => round_trip::<UnloadArgs>(&value),
        "quit" => round_trip::<Nothing>(&value),
        other => panic!("unknown verb {other}"),
    }
    (request.seq, request.verb)
}

fn reply(line: &str, seq: u64, verb: &str) {
    let reply: Value = serde_json::from_str(line).unwrap();
    assert_eq!(reply["seq"], seq);
    let result = &reply["result"];
    match (reply["ok"].as_bool().unwrap(), verb) {
        (false, _) => round_trip::<Failure>(&reply["error"]),
        (_, "hello") => round_trip::<Receipt>(result),
        (_, "load") => round_trip::<Loaded>(result),
        (_, "predict") => round_trip::<Predicted>(result),
        (_, "stages") => round_trip::<Staged>(result),
        (_, "time") => round_trip::<Timed>(result),
        (_, "profile") => round_trip::<Profiled>(result),
        _ => round_trip::<Nothing>(result),
    }
}

#[test]
fn the_recorded_conversation_is_understood() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/protocol/conversation.jsonl");
    let recorded = std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let lines: Vec<&str> = recorded.lines().filter(|line| !line.trim().is_empty()).collect();
    assert!(lines.len() >= 16 && lines.len().is_multiple_of(2));
    for pair in lines.chunks_exact(2) {
        let (seq, verb) = request(pair[0]);
        reply(pair[1], seq, &verb);
    }
}

#[test]
fn every_field_that_is_taken_away_is_missed() {
    let full = r#"{"id":"m1","scenario":"e2e","images":["/a"],"tensor":null,"batch":1,"warmup":0,"samples":1,"max_ns":null,"split":true}"#;
    let whole: serde_json::Map<String, Value> = serde_json::from_str(full).unwrap();
    for name in whole.keys() {
        let mut without = whole.clone();
        without.remove(name);
        let line = format!(r#"{{"seq":1,"verb":"time","args":{}}}"#, Value::Object(without));
        let error = arguments::<TimeArgs>(&parse(&line, "request").unwrap()).unwrap_err();
        assert!(error.what.contains(name.as_str()), "{error}");
    }
}
