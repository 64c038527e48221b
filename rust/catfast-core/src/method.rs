//! How a destination pixel gets its label from the codes under it.

use crate::error::{Result, value};

/// Codes that the decoder writes, 255 last.
const CODES: [u8; 6] = [0, 1, 2, 3, 4, 255];
const CLOUD: usize = 1;
const IGNORE: usize = 5;

/// Centres this close (source pixels) before an edge belong behind it: ties do not hang on rounding.
pub(crate) const SNAP: f64 = 1e-8;
/// Shares of a footprint closer than this are equal; less than this of it is nothing.
const SLIVER: f64 = 1e-6;

/// What a destination pixel becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The code of the source pixel that holds the destination pixel's centre.
    Nearest,
    /// The code that covers the largest part of the destination pixel's footprint, 255 among them; what lies
    /// outside the source counts as 255. A tie goes to the code at the centre, then to the smallest.
    Majority,
    /// The code with the largest bilinear weight at the centre among the four source pixels whose centres
    /// surround it, 255 and what lies outside the source among them: edges between codes are smooth, not
    /// steps of source pixels. A tie goes as that of `Majority`.
    Bilinear,
    /// 200 times the share of cloud (code 1) in what is not 255 under the footprint, rounded; 255 where all is.
    Fraction,
}

impl Method {
    /// The method called `name`: `nearest`, `majority`, `bilinear` or `fraction`.
    ///
    /// # Errors
    /// [`crate::Error::Value`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        match name {
            "nearest" => Ok(Self::Nearest),
            "majority" => Ok(Self::Majority),
            "bilinear" => Ok(Self::Bilinear),
            "fraction" => Ok(Self::Fraction),
            other => {
                Err(value("method", "'nearest', 'majority', 'bilinear' or 'fraction'", format!("'{other}'")))
            }
        }
    }

    /// Whether it weighs by area.
    #[inline(always)]
    pub(crate) fn is_by_area(self) -> bool {
        matches!(self, Self::Majority | Self::Fraction)
    }

    /// What a footprint becomes where all of it is `code`.
    #[inline(always)]
    pub(crate) fn of_one(self, code: u8) -> u8 {
        match (self, code) {
            (Self::Fraction, 1) => 200,
            (Self::Fraction, code) if code != 255 => 0,
            (_, code) => code,
        }
    }

    /// What a footprint becomes that `areas` of [`CODES`] and `total` source pixels describe.
    pub(crate) fn of_areas(self, mut areas: [f64; 6], total: f64, centre: u8) -> u8 {
        if self == Self::Fraction {
            let seen: f64 = areas[..IGNORE].iter().sum();
            // A half within rounding goes up, however the areas were found.
            let share = (200.0 * areas[CLOUD] / seen + 0.5 + SLIVER).floor();
            return if seen > SLIVER * total { share.clamp(0.0, 200.0) as u8 } else { 255 };
        }
        areas[IGNORE] += total - areas.iter().sum::<f64>();
        let most = areas.iter().copied().fold(0.0, f64::max) - SLIVER * total;
        let tied = |place: usize| areas[place] >= most;
        if tied(slot(centre)) {
            return centre;
        }
        (0..CODES.len()).find(|&place| tied(place)).map_or(centre, |place| CODES[place])
    }
}

/// Place of a code in [`CODES`].
pub(crate) fn slot(code: u8) -> usize {
    usize::from(code).min(IGNORE)
}

/// See [`Method::Bilinear`]: what becomes of a place `ways` (0 to 1) down and along between four pixels.
#[inline(always)]
pub(crate) fn bilinear(codes: [u8; 4], ways: [f64; 2]) -> u8 {
    let [down, along] = ways;
    let weights = [(1.0 - down) * (1.0 - along), (1.0 - down) * along, down * (1.0 - along), down * along];
    let near = |way: f64| usize::from(way >= 0.5 - SNAP);
    let under = codes[2 * near(down) + near(along)];
    let same = |k: usize| if codes[k] == under { weights[k] } else { 0.0 };
    if same(0) + same(1) + same(2) + same(3) > 0.5 + SLIVER {
        return under;
    }
    if !(down + along).is_finite() {
        return 255;
    }
    let mut areas = [0.0; 6];
    codes.iter().zip(weights).for_each(|(&code, weight)| areas[slot(code)] += weight);
    Method::Bilinear.of_areas(areas, 1.0, under)
}
