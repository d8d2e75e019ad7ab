//! `infer-rs serve`: one request a line on stdin, one reply a line on the duplicate of stdout.

pub(crate) mod hello;
mod models;
mod predict;
mod profile;
mod split;
mod stages;
pub(crate) mod timing;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::error::{Error, Result, guarded};
use crate::ffi;
use crate::protocol::{self, Failure, Nothing, Reply, Request};
use crate::runtime::Source;

use models::Models;
pub use split::Ways;

/// What a runner holds between requests.
pub struct Server {
    source: Source,
    threads: Option<usize>,
    models: Models,
    ways: Ways,
}

/// Serves stdin until `quit` or its end; `ways`: what differs from the runner, for a comparison.
pub fn serve(source: Source, threads: Option<usize>, ways: Ways) -> Result<()> {
    ffi::die_with_parent();
    let replies = ffi::claim_stdout().map_err(|fault| Error::environment(fault, "stdout", "start infer-rs with an open stdout"))?;
    let mut server = Server { source, threads, models: Models::default(), ways };
    match server.answer_all(io::stdin().lock(), replies) {
        Err(fault) if fault.kind() != io::ErrorKind::BrokenPipe => Err(Error::environment(fault, "stdin or stdout", "check the pipes")),
        // Somebody closed our output: nobody is left to be told.
        _ => Ok(()),
    }
}

impl Server {
    fn answer_all(&mut self, mut requests: impl BufRead, mut replies: impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if requests.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            let (reply, last) = self.answer(&line);
            let mut text = serde_json::to_vec(&reply)?;
            text.push(b'\n');
            replies.write_all(&text)?;
            replies.flush()?;
            if last {
                return Ok(());
            }
        }
    }

    fn answer(&mut self, line: &[u8]) -> (Reply<Box<RawValue>>, bool) {
        let seq = protocol::seq_of(line);
        let result = std::str::from_utf8(line)
            .map_err(|fault| Error::usage(format!("not UTF-8: {fault}"), "request", "see bench/PROTOCOL.md"))
            .and_then(|text| protocol::parse::<Request>(text.trim(), "request"))
            .and_then(|request| Ok((guarded(|| self.verb(&request))?, request.verb == "quit")));
        match result {
            Ok((result, last)) => (Reply { seq, ok: true, result: Some(result), error: None }, last),
            Err(error) => (Reply { seq, ok: false, result: None, error: Some(Failure::from(&error)) }, false),
        }
    }

    fn verb(&mut self, request: &Request) -> Result<Box<RawValue>> {
        match request.verb.as_str() {
            "hello" => raw(&hello::receipt(&protocol::arguments(request)?, &self.source)?),
            "load" => raw(&self.models.load(&protocol::arguments(request)?, &self.source, self.threads, self.ways)?),
            "predict" => raw(&predict::predict(&mut self.models, &protocol::arguments(request)?)?),
            "stages" => raw(&stages::stages(&mut self.models, &protocol::arguments(request)?)?),
            "time" => raw(&timing::time(&mut self.models, &protocol::arguments(request)?, self.ways)?),
            "profile" => raw(&profile::profile(&mut self.models, &protocol::arguments(request)?)?),
            "unload" => raw(&self.models.unload(&protocol::arguments(request)?)?),
            "quit" => raw(&protocol::arguments::<Nothing>(request)?),
            other => {
                let next = "known: hello, load, predict, stages, time, profile, unload, quit";
                Err(Error::unsupported(format!("this runtime has no verb '{other}'"), "request.verb", next))
            }
        }
    }
}

fn raw(result: &impl Serialize) -> Result<Box<RawValue>> {
    to_raw_value(result).map_err(|fault| Error::internal(fault, "reply"))
}

/// zlib's crc32 over the raw little-endian bytes.
pub(crate) fn crc32(values: &[f32]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    let mut block = Vec::with_capacity(4096);
    for part in values.chunks(1024) {
        block.clear();
        block.extend(part.iter().flat_map(|value| value.to_le_bytes()));
        sum.update(&block);
    }
    sum.finalize()
}

/// Index of the first largest value, as NumPy's argmax: a NaN counts as largest.
pub fn top1(logits: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in logits.iter().enumerate() {
        if value.is_nan() {
            return index;
        }
        if *value > logits[best] {
            best = index;
        }
    }
    best
}

fn infos(arrays: &[(String, crate::npy::Array)]) -> BTreeMap<String, protocol::ArrayInfo> {
    let info = |array: &crate::npy::Array| protocol::ArrayInfo {
        shape: array.shape.iter().map(|size| *size as u64).collect(),
        dtype: array.dtype.to_owned(),
    };
    arrays.iter().map(|(name, array)| (name.clone(), info(array))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converse(requests: &str) -> Vec<serde_json::Value> {
        let mut server = Server { source: Source::default(), threads: None, models: Models::default(), ways: Ways::default() };
        let mut replies = Vec::new();
        server.answer_all(requests.as_bytes(), &mut replies).unwrap();
        String::from_utf8(replies).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn bad_requests_are_answered_and_leave_the_runner_usable() {
        let replies = converse(concat!(
            "not json\n",
            "{\"seq\": 1, \"verb\": \"fly\", \"args\": {}}\n",
            "\n",
            "{\"seq\": 2, \"verb\": \"hello\", \"args\": {\"protocol\": 2}}\n",
            "{\"seq\": 3, \"verb\": \"unload\", \"args\": {\"id\": \"m1\"}}\n",
            "{\"seq\": 4, \"verb\": \"quit\", \"args\": {\"now\": true}}\n",
            "{\"seq\": 7, \"verb\": \"quit\", \"args\": {}, \"x\": 1}\n",
            "{\"seq\": 8, \"verb\": \"quit\", \"args\": []}\n",
            "[9, \"quit\", {}]\n",
            "{\"seq\": 5, \"verb\": \"quit\", \"args\": {}}\n",
            "{\"seq\": 6, \"verb\": \"quit\", \"args\": {}}\n",
        ));
        let kinds: Vec<_> = replies.iter().map(|reply| reply["error"]["kind"].as_str().unwrap_or("ok")).collect();
        assert_eq!(kinds, ["usage", "unsupported", "usage", "usage", "usage", "usage", "usage", "usage", "ok"]);
        let seqs: Vec<_> = replies.iter().map(|reply| reply["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs, [0, 1, 2, 3, 4, 7, 8, 0, 5], "quit ends the conversation, and a bad one does not");
        let both = replies[2]["error"]["what"].as_str().unwrap();
        assert!(both.contains('2') && both.contains('3'), "{both}");
    }

    #[test]
    fn the_end_of_stdin_ends_the_conversation() {
        assert_eq!(converse("").len(), 0);
    }

    #[test]
    fn crc32_is_zlibs() {
        // zlib.crc32(numpy.array([1, -2.5], "<f4").tobytes())
        assert_eq!(crc32(&[1.0, -2.5]), crc32fast::hash(&[0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0]));
        assert_eq!(crc32(&vec![0.0; 5000]), crc32fast::hash(&vec![0; 20_000]));
    }

    #[test]
    fn the_first_largest_logit_wins() {
        assert_eq!(top1(&[1.0, 3.0, 3.0, -1.0]), 1);
        assert_eq!(top1(&[1.0, f32::NAN, 3.0]), 1);
        assert_eq!(top1(&[f32::NEG_INFINITY, -5.0]), 1);
    }
}
