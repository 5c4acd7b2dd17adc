//! Ground without end: what the particles of a chunk are before anything has touched them.
//!
//! They follow in closed form from the relief, the layers and the place, whoever asks and whatever was
//! made before. A column of sites of a level is cut into its layers; what of a site is filled becomes one
//! particle of that height, in the middle of it, with the stress that it has at rest at its depth.

use super::field::Field;
use super::geometry::distance_to_solids;
use super::levels::{LEAST_FILL, Levels};
use super::relief::Relief;
use super::rest::Bed;
use super::sleep::Frame;
use super::{MAX_PARTICLES, Pose, Shape};
use crate::math::{Mat3, Vec3};
use crate::mpm::state::{ChunkKey, NO_MUSCLE, Particles, State, split_position};
use std::ops::Range;
use std::sync::Arc;
use thiserror::Error;

/// A part of ground is no higher than so many sites; what would be is cut, with ends of so much of a site.
const HIGHEST_PART: f64 = 1.9;
const END_PART: f64 = 0.65;

/// By how much a place may be nearer to a fine level than a coarse particle of it should, in cells: as
/// for bodies.
const TIE_CELLS: f64 = 1e-3;

/// How far above its bottom something has to carry the ground at the least [cells of the coarsest level].
const CARRIED_CELLS: usize = 2;

/// The ground of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Terrain {
    pub relief: Vec<Relief>,
    /// From the surface down.
    pub layers: Vec<Layer>,
    /// Height down to which it is made [m].
    pub bottom: f64,
    /// Particles along the edge of a cell: 1, 2 or 4.
    pub per_axis: u32,
    /// Solids that stand still and are left empty.
    pub carved: Vec<(Shape, Pose)>,
    /// Solids that stand still, which carry it.
    pub carriers: Vec<(Shape, Pose)>,
}

/// Why a chunk of ground cannot be made. Places in metres.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum GroundError {
    #[error(
        "ground is needed at ({x:.3}, {y:.3}) m, where nothing carries it: of the nodes of the coarsest level, \
         {spacing} m apart, that lie in the ground, none down to its bottom at {bottom} m is inside a collider \
         that stands still"
    )]
    Uncarried { x: f64, y: f64, bottom: f64, spacing: f64 },
    #[error("ground at ({x:.3}, {y:.3}) m takes more than {allowed} particles a chunk")]
    TooMany { x: f64, y: f64, allowed: usize },
}

/// A layer of the ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Index into [`super::Model::bodies`].
    pub body: u32,
    /// Index into [`super::Model::materials`].
    pub material: u32,
    pub bed: Bed,
    /// Depth of its top and of its bottom below the surface [m]; the last has no end.
    pub depth: Range<f64>,
    /// The weight of this material that presses as much as what lies above [Pa].
    pub weight_above: f64,
}

/// Where ground is made and how fine.
pub struct Site<'a> {
    pub frame: Frame,
    pub chunk_cells: i32,
    pub levels: &'a Levels,
    pub field: &'a Field<f64>,
    /// Solids that are left empty besides those of the terrain.
    pub carved: &'a [(Shape, Pose)],
}

/// Sites of a column along z, finer ones or filled ones.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Filled,
    Finer,
    Empty,
}

impl Terrain {
    /// Height of the surface and its slope along x and y.
    pub fn height(&self, x: f64, y: f64) -> (f64, [f64; 2]) {
        self.relief.iter().fold((0.0, [0.0; 2]), |(sum, [sx, sy]), part| {
            let (height, [x, y]) = part.at(x, y);
            (sum + height, [sx + x, sy + y])
        })
    }

    /// The lowest and the highest that the surface can be [m].
    pub fn range(&self) -> [f64; 2] {
        self.relief.iter().map(Relief::range).fold([0.0; 2], |[a, b], [l, h]| [a + l, b + h])
    }

    /// Whether colliders that stand still carry a chunk at its corners and its middle.
    ///
    /// # Errors
    /// Where they do not.
    pub fn check_carried(&self, site: &Site, key: ChunkKey) -> Result<(), GroundError> {
        let edge = f64::from(site.chunk_cells) * site.frame.cell_width;
        for [i, j] in [[0.5, 0.5], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] {
            let place = [(f64::from(key[0]) + i) * edge, (f64::from(key[1]) + j) * edge];
            self.check_carried_at(site.frame, site.levels, place)?;
        }
        Ok(())
    }

    /// The same at one place.
    ///
    /// # Errors
    /// It is not carried there: coarse particles would fall, as none of their nodes would stand still.
    pub fn check_carried_at(
        &self,
        frame: Frame,
        levels: &Levels,
        [x, y]: [f64; 2],
    ) -> Result<(), GroundError> {
        let spacing = frame.cell_width * f64::from(1u32 << (levels.count() - 1));
        let tie = 1e-6 * spacing;
        let first = ((self.bottom - tie) / spacing).ceil();
        let stands = |n: usize| {
            let node = Vec3([x, y, (first + n as f64) * spacing]);
            distance_to_solids(&self.carriers, node) <= tie
        };
        match (0..=CARRIED_CELLS).any(stands) {
            true => Ok(()),
            false => Err(GroundError::Uncarried { x, y, bottom: self.bottom, spacing }),
        }
    }

    /// The particles of a chunk, of which each says what it is; in the order of their columns.
    ///
    /// # Errors
    /// They are more than a simulation may have.
    pub fn chunk(&self, site: &Site, key: ChunkKey) -> Result<State<f64>, GroundError> {
        let mut grains = Grains::default();
        let top = site.levels.count() as u8 - 1;
        let too_many = || {
            let middle =
                |k: i32| (f64::from(k) + 0.5) * f64::from(site.chunk_cells) * site.frame.cell_width;
            let [x, y] = key.map(middle);
            GroundError::TooMany { x, y, allowed: MAX_PARTICLES }
        };
        let edge = (site.chunk_cells * self.per_axis as i32) >> top;
        let spacing = self.spacing(site, top);
        let highest = self.range()[1];
        let sites = f64::from(edge).powi(2) * (highest - self.bottom) / spacing;
        if !(sites <= MAX_PARTICLES as f64) {
            return Err(too_many());
        }
        let low = (self.bottom / spacing).floor() as i64;
        let high = (highest / spacing).ceil() as i64;
        for i in 0..edge {
            for j in 0..edge {
                let column = [key[0] * edge + i, key[1] * edge + j].map(i64::from);
                self.column(site, column, top, low..high, &mut grains);
                if grains.state.cell.len() > MAX_PARTICLES {
                    return Err(too_many());
                }
            }
        }
        let particles = Some(Arc::new(grains.particles));
        Ok(State { particles, ..grains.state })
    }

    /// Edge of a particle of a level [m].
    fn spacing(&self, site: &Site, level: u8) -> f64 {
        site.frame.cell_width * f64::from(1u32 << level) / f64::from(self.per_axis)
    }

    /// Fills some sites of one column of a level.
    fn column(
        &self,
        site: &Site,
        column: [i64; 2],
        level: u8,
        sites: Range<i64>,
        grains: &mut Grains,
    ) {
        let mut start = sites.start;
        while start < sites.end {
            let kind = self.kind(site, [column[0], column[1], start], level);
            let mut end = start + 1;
            while end < sites.end && self.kind(site, [column[0], column[1], end], level) == kind {
                end += 1;
            }
            match kind {
                Kind::Empty => {}
                Kind::Filled => self.fill(site, column, level, start..end, grains),
                Kind::Finer => {
                    for n in 0..4 {
                        let finer = [2 * column[0] + (n >> 1), 2 * column[1] + (n & 1)];
                        self.column(site, finer, level - 1, 2 * start..2 * end, grains);
                    }
                }
            }
            start = end;
        }
    }

    /// Whether a site may be filled by a particle of its level.
    fn kind(&self, site: &Site, at: [i64; 3], level: u8) -> Kind {
        let spacing = self.spacing(site, level);
        let middle = Vec3(at.map(|i| (i as f64 + 0.5) * spacing));
        let reach = if level == 0 { 0.0 } else { spacing * 0.75f64.sqrt() };
        let mut kind = Kind::Filled;
        for (shape, pose) in self.carved.iter().chain(site.carved) {
            let distance = shape.signed_distance(pose.body_from_world(middle));
            if distance < -reach {
                return Kind::Empty;
            }
            if distance < reach {
                kind = Kind::Finer;
            }
        }
        if level == 0 {
            return Kind::Filled;
        }
        let scale = f64::from(1u32 << level) / f64::from(self.per_axis);
        let (cell, offset) = on_grid(site.frame, at.map(|i| (i as f64 + 0.5) * scale));
        let tie = TIE_CELLS * site.frame.cell_width;
        let margin = site.levels.hysteresis + 0.5 * spacing - tie;
        if site.field.finest(cell, offset, margin) < level { Kind::Finer } else { kind }
    }

    /// One particle for each filled part of some sites, layer by layer from below.
    fn fill(
        &self,
        site: &Site,
        column: [i64; 2],
        level: u8,
        sites: Range<i64>,
        grains: &mut Grains,
    ) {
        let spacing = self.spacing(site, level);
        let h = site.frame.cell_width;
        // By powers of two, so that it is exact anywhere.
        let scale = f64::from(1u32 << level) / f64::from(self.per_axis);
        let across = column.map(|i| (i as f64 + 0.5) * scale);
        let [x, y] = across.map(|cells| cells * h);
        let (height, slope) = self.height(x, y);
        let (lowest, highest) = (sites.start as f64 * spacing, sites.end as f64 * spacing);
        for layer in self.layers.iter().rev() {
            let low = (height - layer.depth.end).max(self.bottom).max(lowest);
            let high = (height - layer.depth.start).min(highest);
            if high <= low {
                continue;
            }
            for [from, to] in cut(low, high, spacing) {
                let z = 0.5 * (from + to);
                let weight = layer.bed.weight(height - z - layer.depth.start) + layer.weight_above;
                // That it bears this was found out when the scene was compiled.
                let Some(rest) = layer.bed.on_slope(weight, slope) else { continue };
                let (cell, offset) = on_grid(site.frame, [across[0], across[1], z / h]);
                let volume = spacing * spacing * (to - from) * rest.volume_ratio;
                grains.state.cell.push(cell);
                grains.state.offset.push(offset);
                grains.state.v.push(Vec3::zero());
                grains.state.c.push(Mat3::zero());
                grains.state.f.push(rest.f);
                grains.state.history.push(rest.history);
                grains.particles.mass.push(layer.bed.density * volume);
                grains.particles.volume.push(volume);
                grains.particles.material.push(layer.material);
                grains.particles.body.push(layer.body);
                grains.particles.muscle.push(NO_MUSCLE);
                grains.particles.level.push(level);
            }
        }
    }
}

#[derive(Default)]
struct Grains {
    state: State<f64>,
    particles: Particles,
}

/// Nearest node and the offset from it, of a world position [cells].
fn on_grid(frame: Frame, cells: [f64; 3]) -> ([i32; 3], Vec3<f64>) {
    let split = cells.map(split_position);
    let cell = std::array::from_fn(|a| split[a].0.wrapping_add(frame.origin[a]));
    (cell, Vec3(split.map(|(_, offset)| offset)))
}

/// Cuts a height into the parts that lie in each site of a lattice. A part at either end that fills too
/// little of its site goes with the one beside it. So a part of a layer that is a site and a half thick or more
/// either lies in its site, by little off its middle, or is so much higher or flatter that what it is split into
/// keeps its height.
fn cut(low: f64, high: f64, spacing: f64) -> Vec<[f64; 2]> {
    // Rounding of heights and lattice is no part of a site.
    let tie = 1e-9 * spacing;
    let first = ((low + tie) / spacing).floor() as i64;
    let last = ((high - tie) / spacing).floor() as i64;
    let mut cuts = vec![low];
    cuts.extend((first + 1..=last).map(|k| k as f64 * spacing));
    cuts.push(high);
    // As for merging, so that what is made is not merged at once.
    let least = LEAST_FILL * spacing;
    if cuts.len() > 2 && cuts[1] - cuts[0] < least {
        cuts.remove(1);
    }
    let end = cuts.len() - 1;
    if end > 1 && cuts[end] - cuts[end - 1] < least {
        cuts.remove(end - 1);
    }
    // A site with little above and below it.
    if cuts.len() == 2 && high - low > HIGHEST_PART * spacing {
        cuts.splice(1..1, [low + END_PART * spacing, high - END_PART * spacing]);
    }
    cuts.windows(2).map(|pair| [pair[0], pair[1]]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FULL_WITHIN;

    #[test]
    fn a_height_is_cut_without_crumbs_and_nothing_of_it_is_lost() {
        for (low, high, parts) in
            [(0.0, 4.0, 4), (0.1, 3.9, 4), (0.5, 3.5, 2), (0.2, 0.3, 1), (-2.5, -1.4, 1)]
        {
            let cut = cut(low, high, 1.0);
            assert_eq!(cut.len(), parts, "{cut:?}");
            assert_eq!((cut[0][0], cut[parts - 1][1]), (low, high));
            for pair in cut.windows(2) {
                assert_eq!(pair[0][1], pair[1][0]);
            }
            let thinnest = cut.iter().map(|[a, b]| b - a).fold(f64::INFINITY, f64::min);
            assert!(thinnest >= LEAST_FILL || parts == 1, "{cut:?}");
        }
    }

    #[test]
    fn a_part_lies_in_its_site_or_is_so_high_or_flat_that_its_children_keep_its_height() {
        for begin in 0..40 {
            for height in 25..160 {
                let low = 0.025 * f64::from(begin);
                for [from, to] in cut(low, low + 0.025 * f64::from(height), 1.0) {
                    let (fill, middle) = (to - from, 0.5 * (from + to));
                    assert!((0.6 - 1e-9..=1.9 + 1e-9).contains(&fill), "{from} to {to}");
                    let keeps = (fill - 1.0).abs() > FULL_WITHIN;
                    let off = (middle - middle.floor() - 0.5).abs();
                    assert!(keeps || off <= 0.15 + 1e-9 || height < 60, "{from} to {to}");
                }
            }
        }
    }
}
