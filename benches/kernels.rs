//! Throughput of every kernel on a strip of a `PlanetScope` scene, in pixels (a band each) a second.
//!
//! `cargo bench -p catfast-core`; the Python side, with rivals, is `bench_kernels.py`.

use std::hint::black_box;

use catfast_core::blend::{Taper, blend_tiles_into};
use catfast_core::classify::{Blended, ClassRule, classify_rows_into};
use catfast_core::patch::{Normalisation, Tiles, cut_tiles_into};
use catfast_core::qa::{DILATED, FILL, MEDIUM, QaRule, Scheme, decode_qa_into};
use catfast_core::resample::{Area, resample_area_into};
use catfast_core::valid::valid_mask_into;
use catfast_core::warp::{Method, Placement, warp_qa_into};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array1, Array2, Array3, Array4};

const BANDS: usize = 4;
const CLASSES: usize = 3;
const SCENE: (usize, usize) = (1000, 8000);
const GRID: (usize, usize) = (300, 2400);
const FACTOR: f64 = 10.0 / 3.0;
const TILE: usize = 256;

fn scene() -> Array3<u16> {
    Array3::from_shape_fn((BANDS, SCENE.0, SCENE.1), |(b, y, x)| {
        (1 + (b * 31 + y * 7 + x * 13) % 9000) as u16
    })
}

fn places() -> (Array1<i64>, Array1<i64>) {
    let place = |step: i64, end: i64| Array1::from_shape_fn(8, |t| (t as i64 * step) % end - 20);
    (place(61, 100), place(190, 2200))
}

fn scenes(c: &mut Criterion) {
    let mut group = c.benchmark_group("scene");
    let dn = scene();
    let mut valid = Array2::ones(SCENE);
    group.throughput(Throughput::Elements(dn.len() as u64));
    group.bench_function("valid_mask", |bench| {
        bench.iter(|| valid_mask_into(dn.view(), Some(0.0), valid.view_mut()).expect("shapes that fit"));
    });
    let gain = Array1::from_elem(BANDS, 1e-4);
    let mut out = Array3::zeros((BANDS, GRID.0, GRID.1));
    let area = Area { factor: (FACTOR, FACTOR), ..Area::default() };
    group.bench_function("resample_area", |bench| {
        bench.iter(|| resample_area_into(dn.view(), valid.view(), gain.view(), out.view_mut(), &area));
    });
    let qa = dn.index_axis(ndarray::Axis(0), 0);
    let rule = QaRule { scheme: Scheme::Full, cloud: 0, ignore: FILL | DILATED | MEDIUM };
    let mut codes = Array2::zeros(SCENE);
    group.throughput(Throughput::Elements(qa.len() as u64));
    group.bench_function("decode_qa", |bench| bench.iter(|| decode_qa_into(qa, codes.view_mut(), &rule)));
    group.finish();
}

/// Clouds some 40 Landsat pixels wide, sheared as from one UTM zone to the next.
fn labels(c: &mut Criterion) {
    const STEP: usize = 32;
    let mut group = c.benchmark_group("labels");
    let wave = |n: usize, length: f64| (n as f64 / length).sin();
    let qa = Array2::from_shape_fn((SCENE.0 / 10 + 80, SCENE.1 / 10 + 80), |(y, x)| {
        match wave(x + y / 3, 13.0) + wave(y + x / 5, 7.0) + wave(x * y, 3.0) / 8.0 {
            depth if depth > 0.6 => 22280_u16,
            depth if depth > 0.4 => 21762,
            _ => 21824,
        }
    });
    let nodes = (SCENE.0.div_ceil(STEP) + 1, SCENE.1.div_ceil(STEP) + 1, 2);
    let nodes = Array3::from_shape_fn(nodes, |(k, l, axis)| {
        let (y, x) = ((k * STEP) as f64, (l * STEP) as f64);
        if axis == 0 { 60.0 + 0.0998 * y - 0.0055 * x } else { 10.0 + 0.0998 * x + 0.0055 * y }
    });
    let (valid, mut out) = (Array2::ones(SCENE), Array2::zeros(SCENE));
    let place = Placement { step: STEP, first_row: 0, node_row: 0, origin: (0, 0) };
    let rule = QaRule { scheme: Scheme::Full, cloud: 0, ignore: FILL | DILATED | MEDIUM };
    group.throughput(Throughput::Elements(out.len() as u64));
    for name in ["nearest", "majority", "bilinear", "fraction"] {
        let method = Method::from_name(name).expect("a method");
        group.bench_function(name, |bench| {
            bench.iter(|| {
                warp_qa_into(qa.view(), nodes.view(), valid.view(), out.view_mut(), &place, method, &rule)
            });
        });
    }
    group.finish();
}

fn tiles(c: &mut Criterion) {
    let mut group = c.benchmark_group("tiles");
    let image = Array3::from_shape_fn((BANDS, GRID.0, GRID.1), |(b, y, x)| (b + y + x) as f32 / 2000.0);
    let (rows, cols) = places();
    let tiles = Tiles { rows: rows.view(), cols: cols.view() };
    let mut cut = Array4::zeros((rows.len(), BANDS, TILE, TILE));
    let (mean, std) = (Array1::zeros(BANDS), Array1::ones(BANDS));
    let norm = Normalisation { mean: mean.view(), std: std.view(), clip: (0.0, 2.0) };
    group.throughput(Throughput::Elements(cut.len() as u64));
    group.bench_function("cut_tiles", |bench| {
        bench.iter(|| cut_tiles_into(image.view(), &tiles, cut.view_mut(), &norm));
    });
    let prob = Array4::from_elem((rows.len(), CLASSES, TILE, TILE), 0.25);
    let taper = Array1::ones(TILE);
    let taper = Taper { y: taper.view(), x: taper.view() };
    let (mut acc, mut weight) = (Array3::zeros((CLASSES, GRID.0, GRID.1)), Array2::zeros(GRID));
    group.throughput(Throughput::Elements(prob.len() as u64));
    group.bench_function("blend_tiles", |bench| {
        bench.iter(|| blend_tiles_into(prob.view(), &tiles, &taper, acc.view_mut(), weight.view_mut()));
    });
    group.finish();
}

fn classes(c: &mut Criterion) {
    let mut group = c.benchmark_group("classes");
    let acc = Array3::from_shape_fn((CLASSES, GRID.0, GRID.1), |(c, y, x)| ((c * 5 + y * 3 + x) % 17) as f32);
    let (weight, valid) = (Array2::ones(GRID), Array2::ones(SCENE));
    let codes = Array1::from_iter(0..CLASSES as u8);
    let mut out = Array2::zeros(SCENE);
    group.throughput(Throughput::Elements(out.len() as u64));
    for (name, threshold) in [("argmax", None), ("threshold", Some(0.5))] {
        let factor = (FACTOR, FACTOR);
        let rule = ClassRule { factor, first_row: 0, grid_row: 0, codes: codes.view(), threshold, cloud: 1 };
        let blended = Blended { acc: acc.view(), weight: weight.view() };
        group.bench_function(name, |bench| {
            bench.iter(|| {
                black_box(classify_rows_into(&blended, None, valid.view(), out.view_mut(), None, &rule))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, scenes, labels, tiles, classes);
criterion_main!(benches);
