//! What is drawn over a picture of the world: its chunks, and where its levels end.
//!
//! Lines lie on the surface of the ground, as far as that is known without its particles: as the terrain
//! says, or at the height of the highest particle at the start.

use super::lines::{End, Line};
use super::show::Show;
use crate::agents::field_at;
use crate::math::Vec3;
use crate::model::{Field, Frame, Model, Sleep, Terrain, Waker, around};
use crate::mpm::state::{Chunk, ChunkKey, State, count_chunks};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What to draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// The borders of the chunks, and within what they are kept awake.
    pub chunks: bool,
    /// Where each level but the coarsest ends.
    pub levels: bool,
}

/// An entry of the legend of an overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub name: String,
    /// sRGB.
    pub colour: [u8; 3],
}

const AWAKE: [u8; 3] = [220, 60, 40];
const HELD: [u8; 3] = [240, 160, 30];
const ASLEEP: [u8; 3] = [60, 90, 190];
const VIRGIN: [u8; 3] = [150, 156, 164];
const WINDOW: [u8; 3] = [20, 24, 30];
const END: [u8; 3] = [255, 110, 215];

/// How far the border of a chunk lies inside of it [its edge]: that of its neighbour has another colour.
const INSET: f64 = 0.012;
/// Parts of an edge where the ground is not flat.
const PARTS: usize = 8;
/// Lines lie so high above the ground [cells].
const LIFT: f64 = 0.5;
/// Parts of a quarter of a circle.
const ARC: usize = 6;
/// Widths of the finest cells between the points at which the levels are asked for.
const STEP_CELLS: i32 = 2;
/// Most squares along a side of what is searched for the ends of levels.
const MOST_SQUARES: i32 = 160;

impl Overlay {
    /// What of it a model can show.
    pub fn of(model: &Model) -> Self {
        Self { chunks: model.levels.sleep.is_some(), levels: model.levels.count() > 1 }
    }

    /// The lines of a state after so many substeps.
    pub fn lines(&self, show: &Show, state: &State<f64>, substep: usize) -> Vec<Line> {
        let ground = Ground::new(&show.model);
        let mut lines = Vec::new();
        if self.levels {
            lines.extend(ends(show, &ground, substep).into_iter().flatten());
        }
        if let (true, Some(sleep)) = (self.chunks, &show.model.levels.sleep) {
            chunks(sleep, &ground, state, &mut lines);
            window(sleep, show, &ground, (state, substep), &mut lines);
        }
        lines
    }

    /// Names and colours of what is drawn, with how many there are.
    pub fn legend(&self, model: &Model, state: &State<f64>) -> Vec<Mark> {
        let mark = |name: String, colour| Mark { name, colour };
        let mut marks = Vec::new();
        if self.chunks && model.levels.sleep.is_some() {
            let count = count_chunks(&state.chunks);
            for (kind, number, colour) in [
                ("awake", count.awake, AWAKE),
                ("held", count.held, HELD),
                ("asleep", count.asleep, ASLEEP),
            ] {
                marks.push(mark(format!("{kind}: {number} chunks"), colour));
            }
            if Ground::new(model).terrain.is_some() {
                marks.push(mark("virgin".into(), VIRGIN));
            }
            marks.push(mark("kept awake within".into(), WINDOW));
        }
        if self.levels && model.levels.count() > 1 {
            marks.push(mark("ends of levels".into(), END));
        }
        marks
    }
}

/// The surface that lines lie on; places are [cells] from the origin node.
struct Ground {
    frame: Frame,
    terrain: Option<Arc<Terrain>>,
    /// Where it is flat: bottom and top [cells].
    flat: [f64; 2],
}

impl Ground {
    fn new(model: &Model) -> Self {
        let frame = Frame::of(model);
        let terrain = model.levels.sleep.as_ref().and_then(|sleep| sleep.terrain.clone());
        let h = frame.cell_width;
        let flat = match &terrain {
            Some(terrain) => [terrain.bottom / h, terrain.range()[1] / h],
            None => {
                let start = &model.initial;
                let cells = |p: usize| f64::from(start.cell[p][2]) - f64::from(model.origin[2]);
                let spans = start.present().map(|p| {
                    let middle = cells(p) + start.offset[p][2];
                    let half = 0.5 * model.particles.volume[p].cbrt() / h;
                    [middle - half, middle + half]
                });
                spans.reduce(|[a, b], [c, d]| [a.min(c), b.max(d)]).unwrap_or([0.0; 2])
            }
        };
        Self { frame, terrain, flat }
    }

    /// Height of a line [cells].
    fn height(&self, [x, y]: [f64; 2]) -> f64 {
        let h = self.frame.cell_width;
        LIFT + match &self.terrain {
            Some(terrain) => terrain.height(x * h, y * h).0 / h,
            None => self.flat[1],
        }
    }

    /// Whether straight lines on it are straight.
    fn is_flat(&self) -> bool {
        self.terrain.as_ref().is_none_or(|terrain| terrain.relief.is_empty())
    }

    fn on(&self, at: [f64; 2]) -> End {
        End::at(self.frame.origin, [at[0], at[1], self.height(at)])
    }

    /// Lines along the surface through some points.
    fn along(&self, points: &[[f64; 2]], [r, g, b]: [u8; 3], lines: &mut Vec<Line>) {
        let parts = if self.is_flat() { 1 } else { PARTS };
        for pair in points.windows(2) {
            let at = |k: usize| {
                let t = k as f64 / parts as f64;
                self.on([0, 1].map(|a| pair[0][a] + (pair[1][a] - pair[0][a]) * t))
            };
            lines.extend((0..parts).map(|k| Line {
                from: at(k),
                to: at(k + 1),
                colour: [r, g, b, 255],
            }));
        }
    }
}

/// The borders of all chunks that are known and of the virgin ones beside them; what is there stands on
/// posts down to the bottom.
fn chunks(sleep: &Sleep, ground: &Ground, state: &State<f64>, lines: &mut Vec<Line>) {
    let mut border = |key: ChunkKey, colour: [u8; 3], posts: bool| {
        let edge = f64::from(sleep.chunk_cells);
        let [low, high] =
            [INSET, 1.0 - INSET].map(|inset| key.map(|k| (f64::from(k) + inset) * edge));
        let corners = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]];
        let round: Vec<_> = corners.iter().chain(&corners[..1]).copied().collect();
        ground.along(&round, colour, lines);
        let [r, g, b] = colour;
        lines.extend(corners.iter().filter(|_| posts).map(|&[x, y]| Line {
            from: ground.on([x, y]),
            to: End::at(ground.frame.origin, [x, y, ground.flat[0]]),
            colour: [r, g, b, 255],
        }));
    };
    let known = &state.chunks;
    if ground.terrain.is_some() {
        let beside: BTreeSet<ChunkKey> = known.keys().flat_map(|&key| around(key)).collect();
        for key in beside.into_iter().filter(|key| !known.contains_key(key)) {
            border(key, VIRGIN, false);
        }
    }
    // What is awake last: it is drawn over the rest.
    let colour = |chunk: &Chunk| match chunk {
        Chunk::Asleep(_) => (0, ASLEEP),
        Chunk::Held { .. } => (1, HELD),
        Chunk::Awake { .. } => (2, AWAKE),
    };
    for turn in 0..3 {
        for (&key, chunk) in known.iter().filter(|(_, chunk)| colour(chunk).0 == turn) {
            border(key, colour(chunk).1, turn > 0);
        }
    }
}

/// Within what each agent, region and solid that moves keeps chunks awake.
fn window(
    sleep: &Sleep,
    show: &Show,
    ground: &Ground,
    (state, substep): (&State<f64>, usize),
    lines: &mut Vec<Line>,
) {
    let Show { model, .. } = show;
    let poses = show.poses(substep);
    if poses.is_empty() {
        return;
    }
    let bodies = model.rigid_bodies.iter().map(|body| body.reach());
    let bodies = state.rigid.iter().copied().zip(bodies);
    let stance = |collider: usize| poses[collider].stance();
    for Waker { cell, offset, reach } in model.levels.wakers(ground.frame, stance, bodies) {
        let h = ground.frame.cell_width;
        let ([c, s], radius) = (reach.along, sleep.radius);
        let middle = [0, 1].map(|a| {
            (i64::from(cell[a]) - i64::from(ground.frame.origin[a])) as f64 + offset[a] / h
        });
        let mut points = Vec::new();
        // The corners of its box in turn, each rounded by a quarter of a circle.
        let (low, high) = (reach.low, reach.high);
        let corners = [[high[0], high[1]], [low[0], high[1]], [low[0], low[1]], [high[0], low[1]]];
        for (quarter, corner) in corners.into_iter().enumerate() {
            for k in 0..=ARC {
                let turn = (quarter as f64 + k as f64 / ARC as f64) * std::f64::consts::FRAC_PI_2;
                let local = [corner[0] + radius * turn.cos(), corner[1] + radius * turn.sin()];
                let turned = [c * local[0] - s * local[1], s * local[0] + c * local[1]];
                points.push([0, 1].map(|a| middle[a] + turned[a] / h));
            }
        }
        points.push(points[0]);
        ground.along(&points, WINDOW, lines);
    }
}

/// Where each level but the coarsest ends on the surface; nothing where no drive says where agents are.
fn ends(show: &Show, ground: &Ground, substep: usize) -> Option<Vec<Line>> {
    let Show { model, drive, .. } = show;
    let last = drive.substeps().checked_sub(1)?;
    let start = substep.min(last) / model.substeps_per_control * model.substeps_per_control;
    let field: Field<f64> = field_at(model, drive, start);
    let (h, origin) = (model.cell_width, model.origin);
    let reach = field.bands.last().map_or(0.0, |&(start, width)| start + width) / h;
    // The squares around every reach, of one lattice.
    let boxes: Vec<[[i32; 2]; 2]> = field
        .reaches
        .iter()
        .map(|at| {
            let extent = [at.low[0], at.low[1], at.high[0], at.high[1]].map(f64::abs);
            let far = (reach + extent.into_iter().fold(0.0, f64::max) * 2f64.sqrt() / h).ceil()
                as i32
                + 2;
            [-far, far].map(|by| [0, 1].map(|a| at.cell[a].wrapping_sub(origin[a]) + by))
        })
        .collect();
    let widest = boxes.iter().map(|[low, high]| high[0] - low[0]).max()?;
    let step = STEP_CELLS.max(widest / MOST_SQUARES);
    let squares: BTreeSet<[i32; 2]> = boxes
        .iter()
        .flat_map(|[low, high]| {
            let [xs, ys] = [0, 1].map(|a| low[a].div_euclid(step)..=high[a].div_euclid(step));
            xs.flat_map(move |i| ys.clone().map(move |j| [i, j]))
        })
        .collect();
    let distance = |[i, j]: [i32; 2]| {
        let at = [f64::from(i * step), f64::from(j * step)];
        let End { cell, offset } = ground.on(at);
        field.value(cell, Vec3(offset.map(f64::from)))
    };
    let mut lines = Vec::new();
    for [i, j] in squares {
        let corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        let values = corners.map(distance);
        for &(start, width) in &field.bands {
            // Where the edges of the square cross the end.
            let mut crossings = Vec::new();
            for k in 0..4 {
                let (a, b) = (values[k] - start - width, values[(k + 1) % 4] - start - width);
                if (a < 0.0) != (b < 0.0) {
                    let t = a / (a - b);
                    let (from, to) = (corners[k], corners[(k + 1) % 4]);
                    crossings.push([0, 1].map(|n| {
                        (f64::from(from[n]) + f64::from(to[n] - from[n]) * t) * f64::from(step)
                    }));
                }
            }
            let [r, g, b] = END;
            lines.extend(crossings.chunks_exact(2).map(|pair| Line {
                from: ground.on(pair[0]),
                to: ground.on(pair[1]),
                colour: [r, g, b, 255],
            }));
        }
    }
    Some(lines)
}
