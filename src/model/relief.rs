//! The height of unbounded ground: a sum of noise, ramps, steps and height fields, with its slope.

use super::height_field::HeightField;
use std::sync::Arc;

/// One part of the height [m] over world x and y [m].
#[derive(Clone, Debug, PartialEq)]
pub enum Relief {
    Level {
        height: f64,
    },
    Noise {
        seed: u64,
        /// Amplitude and wavelength of each octave [m].
        octaves: Vec<[f64; 2]>,
    },
    /// Rises by `height` along the way from a point, over its length; in so many steps, or evenly.
    Rise {
        from: [f64; 2],
        /// Unit.
        along: [f64; 2],
        length: f64,
        height: f64,
        steps: Option<u32>,
    },
    Heights {
        position: [f64; 2],
        field: Arc<HeightField>,
    },
    /// Vertical steps around nodes.
    Blocks {
        position: [f64; 2],
        size: [f64; 2],
        counts: [usize; 2],
        /// x fastest.
        heights: Vec<f64>,
    },
}

impl Relief {
    /// The lowest and the highest that it can be [m].
    pub fn range(&self) -> [f64; 2] {
        match self {
            Relief::Level { height } => [*height; 2],
            Relief::Noise { octaves, .. } => {
                let sum: f64 = octaves.iter().map(|octave| octave[0].abs()).sum();
                [-sum, sum]
            }
            Relief::Rise { height, .. } => [height.min(0.0), height.max(0.0)],
            Relief::Heights { field, .. } => field.range,
            Relief::Blocks { heights, .. } => heights
                .iter()
                .fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], &x| [l.min(x), h.max(x)]),
        }
    }

    /// Height and its slope along x and y; that of a step is zero.
    pub fn at(&self, x: f64, y: f64) -> (f64, [f64; 2]) {
        match self {
            Relief::Level { height } => (*height, [0.0; 2]),
            Relief::Noise { seed, octaves } => {
                let mut sum = (0.0, [0.0; 2]);
                for (n, &[amplitude, wavelength]) in octaves.iter().enumerate() {
                    let (value, slope) = noise(*seed, n as u64, x / wavelength, y / wavelength);
                    sum.0 += amplitude * value;
                    for a in 0..2 {
                        sum.1[a] += amplitude * slope[a] / wavelength;
                    }
                }
                sum
            }
            Relief::Rise { from, along, length, height, steps } => {
                let t = ((x - from[0]) * along[0] + (y - from[1]) * along[1]) / length;
                match steps {
                    Some(count) => {
                        let count = f64::from(*count);
                        let risen = ((t * count).floor() + 1.0).clamp(0.0, count);
                        (height * risen / count, [0.0; 2])
                    }
                    None if (0.0..1.0).contains(&t) => {
                        (height * t, along.map(|a| a * height / length))
                    }
                    None => (height * t.clamp(0.0, 1.0), [0.0; 2]),
                }
            }
            Relief::Heights { position, field } => {
                let (height, slope, _) = field.height(x - position[0], y - position[1]);
                (height, slope)
            }
            Relief::Blocks { position, size, counts, heights } => {
                let node = |a: usize, x: f64| {
                    let last = (counts[a] - 1) as f64;
                    let u = (x - position[a] + 0.5 * size[a]) * last / size[a];
                    (u + 0.5).floor().clamp(0.0, last) as usize
                };
                (heights[node(0, x) + counts[0] * node(1, y)], [0.0; 2])
            }
        }
    }
}

/// Noise in [-1, 1] on a lattice of width one, with its slope: values at the nodes, blended by
/// `6 t⁵ - 15 t⁴ + 10 t³`, so that the second derivative is continuous.
fn noise(seed: u64, octave: u64, x: f64, y: f64) -> (f64, [f64; 2]) {
    let (i, j) = (x.floor(), y.floor());
    let (t, u) = (x - i, y - j);
    let blend = |t: f64| t * t * t * (10.0 + t * (6.0 * t - 15.0));
    let slope = |t: f64| 30.0 * t * t * (1.0 - t) * (1.0 - t);
    let node = |a: i64, b: i64| value(seed, octave, i as i64 + a, j as i64 + b);
    let [c00, c01, c10, c11] = [node(0, 0), node(0, 1), node(1, 0), node(1, 1)];
    let (s, r) = (blend(t), blend(u));
    let (low, high) = (c00 + (c10 - c00) * s, c01 + (c11 - c01) * s);
    let along_x = (c10 - c00) * (1.0 - r) + (c11 - c01) * r;
    (low + (high - low) * r, [along_x * slope(t), (high - low) * slope(u)])
}

/// In [-1, 1), by the finaliser of splitmix64: the same on every machine, whatever was asked before.
fn value(seed: u64, octave: u64, i: i64, j: i64) -> f64 {
    let mut z = seed ^ octave.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for n in [i as u64, j as u64] {
        z = z.wrapping_add(n).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
    }
    // 53 bits, exact.
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_stay_in_their_range_and_have_the_slopes_that_they_state() {
        let smooth = [
            Relief::Noise { seed: 3, octaves: vec![[0.3, 2.0], [0.15, 1.0], [0.07, 0.5]] },
            Relief::Rise {
                from: [1.0, -2.0],
                along: [0.6, 0.8],
                length: 30.0,
                height: -0.5,
                steps: None,
            },
        ];
        for relief in smooth {
            let [low, high] = relief.range();
            let mut most: f64 = 0.0;
            for n in 0..2000 {
                let number = |k: f64| (n as f64 * k).sin();
                let (x, y) = (7.0 + 9.0 * number(1.3), 3.0 + 9.0 * number(2.9));
                let (height, slope) = relief.at(x, y);
                assert!((low..=high).contains(&height), "{height} in {low} .. {high}");
                let step = 1e-6;
                let along = |dx: f64, dy: f64| {
                    (relief.at(x + dx, y + dy).0 - relief.at(x - dx, y - dy).0) / (2.0 * step)
                };
                let difference = [along(step, 0.0), along(0.0, step)];
                for a in 0..2 {
                    most = most.max((difference[a] - slope[a]).abs());
                }
            }
            assert!(most < 1e-7, "{most:.1e}");
        }
    }

    #[test]
    fn steps_are_level_and_end_at_their_height() {
        let steps = Relief::Rise {
            from: [0.0, 0.0],
            along: [1.0, 0.0],
            length: 3.0,
            height: 0.6,
            steps: Some(3),
        };
        let heights = [-0.1, 0.1, 0.9, 1.1, 2.1, 9.0].map(|x| steps.at(x, 5.0).0);
        for (found, expected) in heights.into_iter().zip([0.0, 0.2, 0.2, 0.4, 0.6, 0.6]) {
            assert!((found - expected).abs() < 1e-15, "{heights:?}");
        }
    }
}
