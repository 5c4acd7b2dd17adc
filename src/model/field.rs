//! The resolution field: which levels of the grid a place takes part in (formulas.md 5.1).

use super::height_field::HeightField;
use super::levels::{Agent, LevelMap, Levels, Reach, Stance};
use super::stretch::stretched;
use crate::math::{Mat3, Scalar, Vec3};
use std::sync::Arc;

/// The field of one control step, in which agents stand still: how their motion moves the levels is
/// a matter of discretisation, not of physics.
#[derive(Clone, Debug)]
pub struct Field<R> {
    cell_width: R,
    /// Start and width of each band [m].
    pub bands: Vec<(R, R)>,
    pub reaches: Vec<ReachAt<R>>,
    pub map: Option<MapAt<R>>,
    /// Over which several distances are blended [m].
    pub blend: R,
    /// By how much the blended distance can be shorter than the least [m].
    most_shorter: R,
    /// What is so much farther than the nearest [m] has a share below round-off.
    negligible: R,
    /// By how much the distance can grow along a metre.
    steepest: R,
    /// As [`Levels::coupled`].
    pub coupled: bool,
}

/// A [`Reach`] in the scalar of the solver, its place exact anywhere.
#[derive(Clone, Debug)]
pub struct ReachAt<R> {
    /// The node that its position is nearest to, and the offset from there [m].
    pub cell: [i32; 3],
    pub offset: Vec3<R>,
    pub along: [R; 2],
    pub low: Vec3<R>,
    pub high: [R; 2],
    pub depth_weight: R,
}

/// A [`LevelMap`] in the scalar of the solver, its place exact anywhere.
#[derive(Clone, Debug)]
pub struct MapAt<R> {
    /// The node that its centre is nearest to, and the offset from there [m].
    pub cell: [i32; 2],
    pub offset: [R; 2],
    pub distances: Arc<HeightField>,
}

/// Derivative by a reach of the field, summed in f64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReachBar {
    /// By its position, the extents as they are [1/m].
    pub position: Vec3<f64>,
    /// By an angle about the upright axis through its position [1/rad].
    pub turn: f64,
    pub low: Vec3<f64>,
    pub high: [f64; 2],
}

impl ReachBar {
    pub const ZERO: Self =
        Self { position: Vec3([0.0; 3]), turn: 0.0, low: Vec3([0.0; 3]), high: [0.0; 2] };
}

impl std::ops::AddAssign for ReachBar {
    fn add_assign(&mut self, other: Self) {
        self.position += other.position;
        self.turn += other.turn;
        self.low += other.low;
        (0..2).for_each(|a| self.high[a] += other.high[a]);
    }
}

/// Cotangent of a [`Blend`]: of the coarser share less that of the finer one, and of its gradient.
#[derive(Clone, Copy, Debug)]
pub struct BlendBar<R> {
    pub share: R,
    pub gradient: Vec3<R>,
}

/// A particle between two levels: what the coarser one gets, and how that changes in space.
#[derive(Clone, Copy, Debug)]
pub struct Blend<R> {
    /// Shares of the finer and of the coarser level; they sum to one.
    pub shares: [R; 2],
    /// First and second derivative of the coarser share by the distance.
    pub slope: R,
    pub curvature: R,
    /// Gradient and Hessian of the distance.
    pub normal: Vec3<R>,
    pub hessian: Mat3<R>,
}

/// The finest level that a place takes part in, and how it is blended with the next one, if it is.
pub type Place<R> = (u8, Option<Blend<R>>);

/// A distance and its derivatives in space.
#[derive(Clone, Copy)]
struct Distance<R> {
    value: R,
    normal: Vec3<R>,
    hessian: Mat3<R>,
}

impl<R: Scalar> Field<R> {
    /// The field around the agents at their stances, which are given by collider; `origin` is the node
    /// at world (0, 0, 0).
    pub fn new(
        levels: &Levels,
        cell_width: f64,
        origin: [i32; 3],
        stance: impl Fn(usize) -> Stance,
    ) -> Self {
        let present = |agent: &Agent| (*agent, stance(agent.collider));
        let agents: Vec<_> = levels.agents.iter().map(present).collect();
        Self::along(levels, cell_width, origin, &agents)
    }

    /// The same around agents that are given one by one: where they are, and where they were.
    pub fn along(
        levels: &Levels,
        cell_width: f64,
        origin: [i32; 3],
        agents: &[(Agent, Stance)],
    ) -> Self {
        let r = R::from_f64;
        let agents = agents.iter().map(|(agent, stance)| {
            ReachAt::new(&stretched(agent, stance), stance.cell, stance.offset)
        });
        // The nearest node to a world coordinate along an axis, and the offset from there.
        let split = |x: f64, axis: usize| {
            let cells = (x / cell_width).round();
            (origin[axis].wrapping_add(cells as i32), x - cells * cell_width)
        };
        let regions = levels.regions.iter().map(|region| {
            let at = [0, 1, 2].map(|a| split(region.position[a], a));
            ReachAt::new(region, at.map(|(cell, _)| cell), Vec3(at.map(|(_, offset)| offset)))
        });
        let reaches: Vec<ReachAt<R>> = agents.chain(regions).collect();
        let map: Option<MapAt<R>> = levels.map.as_ref().map(|LevelMap { position, distances }| {
            let at = [0, 1].map(|a| split(position[a], a));
            MapAt {
                cell: at.map(|(cell, _)| cell),
                offset: at.map(|(_, offset)| r(offset)),
                distances: Arc::clone(distances),
            }
        });
        let steepest = reaches.iter().fold(1.0f64, |most, at| most.max(at.depth_weight.to_f64()));
        let steepest = map.iter().fold(steepest, |most, map| most.max(map.distances.steepest));
        let count = reaches.len() + usize::from(map.is_some());
        Self {
            cell_width: r(cell_width),
            bands: levels.bands.iter().map(|band| (r(band.start), r(band.width))).collect(),
            most_shorter: r(levels.blend) * r((count.max(1) as f64).ln()),
            negligible: r(levels.blend * (8.0 / R::EPSILON).ln()),
            steepest: r(steepest),
            reaches,
            map,
            blend: r(levels.blend),
            coupled: levels.coupled,
        }
    }

    /// How many distances are blended.
    fn count(&self) -> usize {
        self.reaches.len() + usize::from(self.map.is_some())
    }

    /// The one level that all places within so many cells of a node take part in, along each axis; none if
    /// some may take part in two, or in another.
    pub fn only_level(&self, node: [i32; 3], cells: i32) -> Option<u8> {
        let reach = R::from_f64(f64::from(cells) * 3f64.sqrt()) * self.cell_width * self.steepest;
        let least = self.least(node, Vec3::zero());
        self.level_between(least - reach - self.most_shorter, least + reach)
    }

    /// The one level that places at these distances and all between take part in, if it is one and no
    /// band.
    fn level_between(&self, nearest: R, farthest: R) -> Option<u8> {
        let mut level = 0;
        for &(start, width) in &self.bands {
            if farthest <= start {
                break;
            }
            if nearest < start + width {
                return None;
            }
            level += 1;
        }
        Some(level)
    }

    /// Levels at a particle.
    pub fn place(&self, cell: [i32; 3], offset: Vec3<R>) -> Place<R> {
        // Most places are far from every band.
        let least = self.least(cell, offset);
        if let Some(level) = self.level_between(least - self.most_shorter, least) {
            return (level, None);
        }
        let distance = self.distance(cell, offset, least);
        let mut level = 0;
        for &(start, width) in &self.bands {
            let t = (distance.value - start) / width;
            if t <= R::zero() {
                break;
            }
            if t < R::one() {
                let blend = Blend::new(t, width, &distance);
                return (level, Some(if self.coupled { blend } else { blend.uncoupled() }));
            }
            level += 1;
        }
        (level, None)
    }

    /// The finest level that a place takes part in if it were so much nearer to the agents [m]: what
    /// particles there should be fine enough for.
    pub fn finest(&self, cell: [i32; 3], offset: Vec3<R>, nearer: R) -> u8 {
        let distance = self.value(cell, offset) - nearer;
        self.bands.iter().take_while(|&&(start, width)| distance >= start + width).count() as u8
    }

    /// The least distance, not blended; infinite without any.
    #[inline(always)]
    fn least(&self, cell: [i32; 3], offset: Vec3<R>) -> R {
        let mut nearest = R::from_f64(f64::INFINITY);
        for reach in &self.reaches {
            nearest = nearest.min(self.squared(reach, cell, offset));
        }
        let nearest = nearest.sqrt();
        match &self.map {
            Some(map) => nearest.min(map.height(self.cell_width, cell, offset).0),
            None => nearest,
        }
    }

    /// The distance [m] without its derivatives.
    pub fn value(&self, cell: [i32; 3], offset: Vec3<R>) -> R {
        let least = self.least(cell, offset);
        if self.count() < 2 {
            return least;
        }
        let reaches = self.reaches.iter().map(|reach| self.squared(reach, cell, offset).sqrt());
        let map = self.map.iter().map(|map| map.height(self.cell_width, cell, offset).0);
        let total = reaches
            .chain(map)
            .fold(R::zero(), |sum, distance| sum + ((least - distance) / self.blend).exp());
        least - self.blend * total.ln()
    }

    /// Square of the distance to one reach.
    #[inline(always)]
    fn squared(&self, reach: &ReachAt<R>, cell: [i32; 3], offset: Vec3<R>) -> R {
        reach.gap(self.from(reach, cell, offset)).norm_squared()
    }

    /// A place [m] from a reach.
    #[inline(always)]
    fn from(&self, reach: &ReachAt<R>, cell: [i32; 3], offset: Vec3<R>) -> Vec3<R> {
        Vec3::from_fn(|a| {
            let cells = R::from_f64(f64::from(cell[a].wrapping_sub(reach.cell[a])));
            (cells + offset[a]) * self.cell_width - reach.offset[a]
        })
    }

    /// Distance to the nearest reach or by the map, infinite without any. Over several it is `-b ln Σ exp(-d_k/b)`: with
    /// `π = softmax(-d_k/b)`, `n = Σ π_k n_k`, `H = Σ π_k H_k - (Σ π_k n_k n_kᵀ - n nᵀ)/b`. `least` is [`Self::least`].
    fn distance(&self, cell: [i32; 3], offset: Vec3<R>, least: R) -> Distance<R> {
        let at = |reach: &ReachAt<R>| reach.distance(self.from(reach, cell, offset));
        let at_map = |map: &MapAt<R>| map.distance(self.cell_width, cell, offset);
        let (mut normal, mut hessian) = (Vec3::zero(), Mat3::zero());
        match (&self.reaches[..], &self.map) {
            ([], None) => return Distance { value: R::from_f64(f64::INFINITY), normal, hessian },
            ([only], None) => return at(only),
            ([], Some(map)) => return at_map(map),
            _ => {}
        }
        let inverse = self.blend.recip();
        let mut total = R::zero();
        let mut add = |d: Distance<R>| {
            let weight = ((least - d.value) * inverse).exp();
            total += weight;
            normal += d.normal * weight;
            hessian += (d.hessian - d.normal.outer(d.normal) * inverse) * weight;
        };
        let farthest = least + self.negligible;
        for reach in &self.reaches {
            if self.squared(reach, cell, offset) <= farthest * farthest {
                add(at(reach));
            }
        }
        self.map.iter().for_each(|map| add(at_map(map)));
        let share = total.recip();
        normal = normal * share;
        hessian = hessian * share + normal.outer(normal) * inverse;
        Distance { value: least - self.blend * total.ln(), normal, hessian }
    }

    /// Adds the derivative by each reach to `sums`, from the cotangent of how a particle is shared. With
    /// `π = softmax(-d_k/b)`: `δ_bar_k = π_k (δ_bar - (n_k - n)·n_bar/b)`, `n_bar_k = π_k n_bar`.
    pub fn reaches_adj(
        &self,
        (cell, offset): ([i32; 3], Vec3<R>),
        blend: &Blend<R>,
        bar: &BlendBar<R>,
        sums: &mut [ReachBar],
    ) {
        let (value_bar, normal_bar) = blend.distance_bar(bar);
        let (value, inverse) = (self.value(cell, offset), self.blend.recip());
        for (reach, sum) in self.reaches.iter().zip(sums) {
            let d = self.from(reach, cell, offset);
            let own = reach.distance(d);
            let (share, apart) = match self.count() {
                1 => (R::one(), R::zero()),
                _ => {
                    let apart = (own.normal - blend.normal).dot(normal_bar) * inverse;
                    (((value - own.value) * inverse).exp(), apart)
                }
            };
            *sum += reach.distance_adj(d, (value_bar - apart) * share, normal_bar * share);
        }
    }
}

impl<R: Scalar> MapAt<R> {
    /// As [`HeightField::height`] at a place.
    fn height(&self, cell_width: R, cell: [i32; 3], offset: Vec3<R>) -> (R, [R; 2], [R; 3]) {
        let [x, y] = [0, 1].map(|a| {
            let cells = R::from_f64(f64::from(cell[a].wrapping_sub(self.cell[a])));
            (cells + offset[a]) * cell_width - self.offset[a]
        });
        self.distances.height(x, y)
    }

    fn distance(&self, cell_width: R, cell: [i32; 3], offset: Vec3<R>) -> Distance<R> {
        let (value, [dx, dy], [xx, xy, yy]) = self.height(cell_width, cell, offset);
        let zero = R::zero();
        let hessian = Mat3([[xx, xy, zero], [xy, yy, zero], [zero, zero, zero]]);
        Distance { value, normal: Vec3([dx, dy, zero]), hessian }
    }
}

impl<R: Scalar> ReachAt<R> {
    fn new(reach: &Reach, cell: [i32; 3], offset: Vec3<f64>) -> Self {
        let r = R::from_f64;
        Self {
            cell,
            offset: Vec3(offset.0.map(r)),
            along: reach.along.map(r),
            low: Vec3(reach.low.0.map(r)),
            high: reach.high.map(r),
            depth_weight: r(reach.depth_weight),
        }
    }

    fn to_world(&self) -> Mat3<R> {
        let ([c, s], zero) = (self.along, R::zero());
        Mat3([[c, -s, zero], [s, c, zero], [zero, zero, R::one()]])
    }

    /// What separates a place, at d [m] from the position, from the box, along its axes; depth counted
    /// `depth_weight` times.
    #[inline(always)]
    fn gap(&self, d: Vec3<R>) -> Vec3<R> {
        let ([c, s], zero) = (self.along, R::zero());
        let side = |x: R, low: R, high: R| {
            if x > high {
                x - high
            } else if x < low {
                x - low
            } else {
                zero
            }
        };
        let below = if d[2] < self.low[2] { d[2] - self.low[2] } else { zero };
        Vec3([
            side(c * d[0] + s * d[1], self.low[0], self.high[0]),
            side(c * d[1] - s * d[0], self.low[1], self.high[1]),
            below * self.depth_weight,
        ])
    }

    /// Distance at d [m] from the position, along the axes of the box; zero inside and above. With the gaps g
    /// to the box: `|g|`, `n = g/|g|`, and the diagonal of `I_g` in the Hessian `(I_g - n nᵀ)/|g|`.
    #[inline(always)]
    fn local_distance(&self, d: Vec3<R>) -> (R, Vec3<R>, [R; 3]) {
        let (zero, one) = (R::zero(), R::one());
        let gap = self.gap(d);
        let value2 = gap.norm_squared();
        if value2 == zero {
            return (zero, Vec3::zero(), [zero; 3]);
        }
        let value = value2.sqrt();
        let weight = self.depth_weight;
        let normal = Vec3([gap[0] / value, gap[1] / value, gap[2] * weight / value]);
        let counted = |gap: R, square: R| if gap == zero { zero } else { square };
        let counted =
            [counted(gap[0], one), counted(gap[1], one), counted(gap[2], weight * weight)];
        (value, normal, counted)
    }

    /// The same along the axes of the world.
    #[inline(always)]
    fn distance(&self, d: Vec3<R>) -> Distance<R> {
        let ([c, s], zero) = (self.along, R::zero());
        let (value, n, [x, y, z]) = self.local_distance(d);
        if value == zero {
            return Distance { value, normal: n, hessian: Mat3::zero() };
        }
        let normal = Vec3([c * n[0] - s * n[1], s * n[0] + c * n[1], n[2]]);
        let (xx, xy, yy) = (c * c * x + s * s * y, c * s * (x - y), s * s * x + c * c * y);
        let counted = Mat3([[xx, xy, zero], [xy, yy, zero], [zero, zero, z]]);
        let hessian = (counted - normal.outer(normal)) * value.recip();
        Distance { value, normal, hessian }
    }

    /// From the cotangents of the distance and of its gradient; with l the place in the axes of the box,
    /// `l_bar = δ_bar n + H n_bar`, which an end of the box that is nearest takes with the other sign, and by a
    /// turn of the box `l_bar·(l x z) + n_bar·(z x n)`.
    fn distance_adj(&self, d: Vec3<R>, value_bar: R, normal_bar: Vec3<R>) -> ReachBar {
        let to_world = self.to_world();
        let local = to_world.transpose() * d;
        let (value, normal, counted) = self.local_distance(d);
        let normal_bar = to_world.transpose() * normal_bar;
        let mut local_bar = normal * value_bar;
        if value != R::zero() {
            let along = normal.dot(normal_bar);
            let inverse = value.recip();
            local_bar +=
                Vec3::from_fn(|a| (counted[a] * normal_bar[a] - normal[a] * along) * inverse);
        }
        let position = to_world * local_bar;
        let turn = local_bar[0] * local[1] - local_bar[1] * local[0] + normal[0] * normal_bar[1]
            - normal[1] * normal_bar[0];
        let end =
            |a: usize, is_nearest: bool| if is_nearest { -local_bar[a].to_f64() } else { 0.0 };
        ReachBar {
            position: Vec3(position.0.map(|x| -x.to_f64())),
            turn: turn.to_f64(),
            low: Vec3::from_fn(|a| end(a, local[a] < self.low[a])),
            high: [0, 1].map(|a| end(a, local[a] > self.high[a])),
        }
    }
}

impl<R: Scalar> Blend<R> {
    /// At the fraction t of a band. Quintic, so that second derivatives are continuous:
    /// `S = 10 t³ - 15 t⁴ + 6 t⁵`. The smaller share is computed, the other is the rest.
    fn new(t: R, width: R, distance: &Distance<R>) -> Self {
        let one = R::one();
        let half = R::from_f64(0.5);
        let (shares, rest) = if t < half {
            let coarse = smoothstep(t);
            ([one - coarse, coarse], one - t)
        } else {
            // 1 - S(t) = S(1 - t), which keeps its digits.
            let fine = smoothstep(one - t);
            ([fine, one - fine], one - t)
        };
        let inverse = width.recip();
        let slope = R::from_f64(30.0) * t * t * rest * rest * inverse;
        let curvature = R::from_f64(60.0) * t * rest * (one - t - t) * inverse * inverse;
        let Distance { normal, hessian, .. } = *distance;
        Self { shares, slope, curvature, normal, hessian }
    }

    /// The same without a gradient.
    fn uncoupled(self) -> Self {
        Self { slope: R::zero(), curvature: R::zero(), ..self }
    }

    /// Gradient of the share of the finer (0) or the coarser level (1) [1/m].
    #[inline]
    pub fn gradient(&self, side: usize) -> Vec3<R> {
        let towards = if side == 0 { -self.slope } else { self.slope };
        self.normal * towards
    }

    /// Cotangents of the distance and of its gradient: `δ_bar = s' λ_bar + s'' n·g_bar`, `n_bar = s' g_bar`.
    fn distance_bar(&self, bar: &BlendBar<R>) -> (R, Vec3<R>) {
        let along = self.normal.dot(bar.gradient);
        (self.slope * bar.share + self.curvature * along, bar.gradient * self.slope)
    }

    /// Cotangent of the position: `x_bar = δ_bar n + H n_bar`.
    pub fn position_bar(&self, bar: &BlendBar<R>) -> Vec3<R> {
        let (distance_bar, normal_bar) = self.distance_bar(bar);
        self.normal * distance_bar + self.hessian * normal_bar
    }
}

fn smoothstep<R: Scalar>(t: R) -> R {
    let c = R::from_f64;
    t * t * t * (c(10.0) - t * (c(15.0) - c(6.0) * t))
}
