//! Guided edges of arbitrary probabilities and brightness, and brightness of arbitrary counts.

use catfast_core::classify::{Blended, ClassRule, classify_rows_into};
use catfast_core::guided::{Guide, REACH, brightness_into};
use ndarray::{Array1, Array2, Array3, s};

use super::Bytes;

/// Everything that rows are classified by.
struct Scene {
    acc: Array3<f32>,
    weight: Array2<f32>,
    coarse: Array2<f32>,
    fine: Array2<u16>,
    valid: Array2<u8>,
    codes: Array1<u8>,
    factor: (f64, f64),
    threshold: Option<f64>,
    cloud: usize,
}

impl Scene {
    fn of(bytes: &mut Bytes) -> Self {
        let (classes, height, width) = (bytes.side(4), 1 + bytes.side(5), 1 + bytes.side(5));
        let factor = (1.0 + f64::from(bytes.byte()) / 64.0, 1.0 + f64::from(bytes.byte()) / 64.0);
        let size = (bytes.side(20), bytes.side(20));
        let grid = (height, width);
        Self {
            acc: Array3::from_shape_vec((classes, height, width), bytes.singles(classes * height * width))
                .expect("its size"),
            weight: Array2::from_shape_vec(grid, bytes.singles(height * width)).expect("its size"),
            coarse: Array2::from_shape_vec(grid, bytes.singles(height * width)).expect("its size"),
            fine: Array2::from_shape_simple_fn(size, || bytes.word()),
            valid: Array2::from_shape_simple_fn(size, || bytes.byte() % 2),
            codes: (0..classes).map(|_| bytes.byte() % 5).collect(),
            factor,
            threshold: bytes.byte().is_multiple_of(2).then(|| f64::from(bytes.byte()) / 255.0),
            cloud: bytes.side(classes),
        }
    }

    /// Codes of scene rows `first..last`, from no more network rows than they need.
    fn rows(&self, first: usize, last: usize) -> Option<Array2<u8>> {
        let most = self.weight.nrows() - 1;
        let place = |row: usize| ((row as f64 + 0.5) / self.factor.0 - 0.5).clamp(0.0, most as f64) as usize;
        let (low, high) = (place(first).saturating_sub(REACH), (place(last) + 2 + REACH).min(most + 1));
        let acc = self.acc.slice(s![.., low..high, ..]).as_standard_layout().into_owned();
        let blended = Blended { acc: acc.view(), weight: self.weight.slice(s![low..high, ..]) };
        let guide = Guide {
            fine: self.fine.slice(s![first..last, ..]),
            coarse: self.coarse.slice(s![low..high, ..]),
        };
        let valid = self.valid.slice(s![first..last, ..]);
        let mut out = Array2::from_elem(valid.raw_dim(), 77);
        let rule = ClassRule {
            factor: self.factor,
            first_row: first as i64,
            grid_row: low as i64,
            codes: self.codes.view(),
            threshold: self.threshold,
            cloud: self.cloud,
        };
        let counts = classify_rows_into(&blended, Some(&guide), valid, out.view_mut(), None, &rule).ok()?;
        let mut found = [0; 256];
        out.iter().for_each(|&code| found[usize::from(code)] += 1);
        assert_eq!(counts[..], found[..]);
        Some(out)
    }
}

/// Codes are of the classes or nodata, and the same by parts.
pub fn guided(data: &[u8]) {
    let mut bytes = Bytes(data);
    brightness(&mut bytes);
    let scene = Scene::of(&mut bytes);
    let rows = scene.valid.nrows();
    let Some(out) = scene.rows(0, rows) else { return };
    for (code, &valid) in out.iter().zip(&scene.valid) {
        assert_eq!(*code == 255, valid == 0);
        assert!(*code == 255 || scene.codes.iter().any(|known| known == code));
    }
    let cut = bytes.side(rows);
    for (first, last) in [(0, cut), (cut, rows)] {
        assert_eq!(scene.rows(first, last).expect("as the whole"), out.slice(s![first..last, ..]));
    }
}

/// The mean of three bands, whatever the calibration.
fn brightness(bytes: &mut Bytes) {
    let (bands, height, width) = (bytes.side(4), bytes.side(3), bytes.side(9));
    let gain = [bytes.real() / 1e6, bytes.real() / 1e6, bytes.real() / 1e6];
    let offset = bytes.real() / 100.0;
    let dn = Array3::from_shape_simple_fn((bands, height, width), || bytes.word());
    let mut out = Array2::from_elem((height, width), 77);
    let done = brightness_into(dn.view(), gain, offset, out.view_mut());
    assert_eq!(done.is_ok(), bands >= 3);
    // Beyond these a step is no longer a number of 32 bits.
    let sane = done.is_ok() && gain.iter().all(|gain| gain.abs() < 1e6) && offset.abs() < 1e6;
    for ((row, col), &found) in out.indexed_iter().filter(|_| sane) {
        let parts = [0, 1, 2].map(|band| f64::from(dn[[band, row, col]]) * gain[band] / 3.0);
        let (mean, size) =
            (parts.iter().sum::<f64>() + offset, parts.iter().map(|part| part.abs()).sum::<f64>());
        let off = (f64::from(found) - (mean * 1e4).clamp(0.0, 65_535.0)).abs();
        // Sums of 32 bits, of which large ones cancel.
        let near = off <= 0.51 + 1e-2 * (size + offset.abs());
        assert!(near, "{found} for {mean}");
    }
}
