//! One JPEG from its file to the tensor, and its stages: `cargo bench --bench preprocess`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails by panicking; its entry point is a macro's")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use infer_rs::image::decode_file;
use infer_rs::preprocess::Preprocess;
use infer_rs::spec::Spec;

/// torchvision's preset of ResNet and RegNet V1.
const SPEC: &str = r#"{"format":1,"colour":"RGB","orient":false,"resize":{"kind":"shorter","size":256},"interpolation":"bilinear",
"crop":{"kind":"center","width":224,"height":224},"scale":"x/255","mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225],"layout":"NCHW"}"#;

fn file(size: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/data").join(format!("{size}.jpg"))
}

fn preprocess(criterion: &mut Criterion) {
    let preprocess = Preprocess::new(&Spec::from_json(SPEC, "bench").unwrap());
    let mut group = criterion.benchmark_group("preprocess");
    for size in ["224x224", "640x480", "1000x667"] {
        let path = file(size);
        let decoded = decode_file(&path).unwrap();
        let small = preprocess.shrink(&decoded, &path).unwrap();
        let mut tensor = vec![0.0; small.data.len()];
        group.bench_function(BenchmarkId::new("whole", size), |bencher| bencher.iter(|| preprocess.image(black_box(&path)).unwrap()));
        group.bench_function(BenchmarkId::new("decode", size), |bencher| bencher.iter(|| decode_file(black_box(&path)).unwrap()));
        group.bench_function(BenchmarkId::new("resize", size), |bencher| {
            bencher.iter(|| preprocess.shrink(black_box(&decoded), &path).unwrap());
        });
        group.bench_function(BenchmarkId::new("normalise", size), |bencher| {
            bencher.iter(|| preprocess.normalise(black_box(&small), black_box(&mut tensor)));
        });
    }
    group.finish();
}

criterion_group!(benches, preprocess);
criterion_main!(benches);
