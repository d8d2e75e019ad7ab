//! `infer-rs overhead`: what calling ONNX Runtime through this program adds to a bare call, in blocks that take turns.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::commands::print;
use crate::error::{Error, Result};
use crate::protocol::{HelloArgs, PROTOCOL, Receipt};
use crate::runtime::{Library, Options, Source, Way, Ways};
use crate::serve::hello;

/// Calls before a block: the caches hold what the way before it needed.
const WARM_UP: usize = 5;

/// What was asked.
#[derive(Debug)]
pub struct Asked {
    /// Calls in a block.
    pub calls: usize,
    /// Blocks of each way.
    pub blocks: usize,
    /// Of the order.
    pub seed: u64,
    /// Threads of the session.
    pub threads: Option<usize>,
    /// One JSON document instead of a table.
    pub json: bool,
}

/// contract/overhead.py has the same: nanoseconds of each block, by way.
#[derive(Debug, Serialize)]
struct Counted {
    receipt: Receipt,
    threads: usize,
    calls: usize,
    seed: u64,
    ways: BTreeMap<Way, Vec<u64>>,
}

/// Takes blocks of all ways, in an order that is drawn anew for each round, so that drift falls on all alike.
pub fn overhead(model: &Path, asked: &Asked, source: &Source, mut out: impl Write) -> Result<ExitCode> {
    Library::open(source)?;
    let options = Options::with_threads(asked.threads);
    let mut ways = Ways::load(model, &options)?;
    let mut order = Way::ALL;
    let mut taken: BTreeMap<Way, Vec<u64>> = BTreeMap::new();
    let mut state = asked.seed;
    for _ in 0..asked.blocks {
        shuffle(&mut order, &mut state);
        for way in order {
            ways.block(way, WARM_UP)?;
            let ns = ways.block(way, asked.calls)?;
            taken.entry(way).or_default().push(ns);
        }
    }
    let receipt = hello::receipt(&HelloArgs { protocol: PROTOCOL }, source)?;
    let counted = Counted { receipt, threads: options.threads, calls: asked.calls, seed: asked.seed, ways: taken };
    let json = || serde_json::to_string(&counted).map_err(|fault| Error::internal(fault, "overhead"));
    print(&mut out, &if asked.json { json()? + "\n" } else { table(&counted) })?;
    Ok(ExitCode::SUCCESS)
}

/// The median block of each way, in nanoseconds a call.
fn table(counted: &Counted) -> String {
    let line = |(way, blocks): (&Way, &Vec<u64>)| {
        let mut sorted = blocks.clone();
        sorted.sort_unstable();
        let name = format!("{way:?}");
        format!("{name:<16}{:>10.1} ns a call\n", sorted[sorted.len() / 2] as f64 / counted.calls as f64)
    };
    counted.ways.iter().map(line).collect()
}

/// Fisher and Yates, with the numbers of splitmix64: the same seed gives the same order.
fn shuffle(ways: &mut [Way], state: &mut u64) {
    for last in (1..ways.len()).rev() {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ways.swap(last, ((mixed ^ (mixed >> 31)) % (last as u64 + 1)) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_every_way_and_follows_from_the_seed() {
        let orders = |seed: u64| {
            let (mut order, mut state) = (Way::ALL, seed);
            (0..50).map(|_| (shuffle(&mut order, &mut state), order).1).collect::<Vec<_>>()
        };
        assert_eq!(orders(3), orders(3));
        assert_ne!(orders(3), orders(4));
        for mut order in orders(5) {
            order.sort_unstable();
            assert_eq!(order, Way::ALL);
        }
        let first: Vec<Way> = orders(6).iter().map(|order| order[0]).collect();
        assert!(Way::ALL.iter().all(|way| first.contains(way)), "each is the first at times: {first:?}");
    }
}
