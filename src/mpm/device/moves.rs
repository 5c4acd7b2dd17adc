//! Where particles go when some are split or merged: new ids and places, in stretches that stay together,
//! so that what the device is told is as long as what changes.
//!
//! What stays keeps its order, by id and in storage; what is made stands where that stood which it was made
//! from.

use crate::mpm::state::Particles;

/// The first numbers of a stretch, before and after (`shaders/grid/runs.wgsl`).
pub type Run = [u32; 2];

/// Of a stretch: its particles are new, and numbered in the order in which they are given (`types.wgsl`,
/// RUN_IS_NEW).
const NEW: u32 = 1 << 31;

/// A particle that is no more, and how many were made in its stead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    pub id: u32,
    pub place: u32,
    pub heirs: u32,
}

/// Numbers that follow each other.
enum Stretch {
    /// So many stay, from these first ones on.
    Kept { before: u32, after: u32, length: u32 },
    /// One is gone; its heirs begin there.
    Gone { index: usize, after: u32 },
}

/// What becomes of all particles.
#[derive(Debug)]
pub struct Moves {
    /// How many there were.
    before: u32,
    /// By id.
    gone: Vec<Gone>,
}

impl Moves {
    /// `gone` is in the order of ids.
    pub fn new(before: usize, gone: Vec<Gone>) -> Self {
        Self { before: before as u32, gone }
    }

    pub fn count_after(&self) -> usize {
        let made: u32 = self.gone.iter().map(|gone| gone.heirs).sum();
        self.before as usize - self.gone.len() + made as usize
    }

    /// Visits all numbers before, in order: stretches of those that stay, and each particle that is gone.
    fn walk(
        &self,
        number: impl Fn(&Gone) -> u32,
        order: impl Iterator<Item = usize>,
        mut visit: impl FnMut(Stretch),
    ) {
        let (mut before, mut after) = (0, 0);
        for index in order {
            let one = &self.gone[index];
            let length = number(one) - before;
            if length > 0 {
                visit(Stretch::Kept { before, after, length });
            }
            after += length;
            visit(Stretch::Gone { index, after });
            (before, after) = (number(one) + 1, after + one.heirs);
        }
        if before < self.before {
            visit(Stretch::Kept { before, after, length: self.before - before });
        }
    }

    fn by_place(&self) -> impl Iterator<Item = usize> {
        let mut order: Vec<usize> = (0..self.gone.len()).collect();
        order.sort_unstable_by_key(|&index| self.gone[index].place);
        order.into_iter()
    }

    /// The number of the first heir of each that is gone, among all that were made.
    fn first_heirs(&self) -> Vec<u32> {
        let sum = |sum: &mut u32, gone: &Gone| {
            let first = *sum;
            *sum += gone.heirs;
            Some(first)
        };
        self.gone.iter().scan(0, sum).collect()
    }

    /// By place after: the place before, or the number among those that were made.
    pub fn places(&self) -> Vec<Run> {
        let (heirs, mut runs) = (self.first_heirs(), Vec::new());
        self.walk(
            |gone| gone.place,
            self.by_place(),
            |stretch| match stretch {
                Stretch::Kept { before, after, .. } => runs.push([after, before]),
                Stretch::Gone { index, after } if self.gone[index].heirs > 0 => {
                    runs.push([after, NEW | heirs[index]]);
                }
                Stretch::Gone { .. } => {}
            },
        );
        runs
    }

    /// By place before: the place after, or the number among those that are gone.
    pub fn places_back(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        self.walk(
            |gone| gone.place,
            self.by_place(),
            |stretch| {
                runs.push(match stretch {
                    Stretch::Kept { before, after, .. } => [before, after],
                    Stretch::Gone { index, .. } => [self.gone[index].place, NEW | index as u32],
                });
            },
        );
        runs
    }

    /// By id before of those that stay: the id after.
    pub fn ids(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        self.walk(
            |gone| gone.id,
            0..self.gone.len(),
            |stretch| {
                if let Stretch::Kept { before, after, .. } = stretch {
                    runs.push([before, after]);
                }
            },
        );
        runs
    }

    /// Ids and places of those that were made, in the order of ids.
    pub fn made_ids(&self) -> Vec<u32> {
        self.made(|gone| gone.id, 0..self.gone.len())
    }
    pub fn made_places(&self) -> Vec<u32> {
        self.made(|gone| gone.place, self.by_place())
    }

    fn made(&self, number: impl Fn(&Gone) -> u32, order: impl Iterator<Item = usize>) -> Vec<u32> {
        let mut first = vec![0; self.gone.len()];
        self.walk(number, order, |stretch| {
            if let Stretch::Gone { index, after } = stretch {
                first[index] = after;
            }
        });
        let heirs = |(first, gone): (u32, &Gone)| first..first + gone.heirs;
        first.into_iter().zip(&self.gone).flat_map(heirs).collect()
    }

    /// Ids by place after, from those before.
    pub fn ids_by_place(&self, ids: &[u32]) -> Vec<u32> {
        let mut id_after = vec![0; self.before as usize];
        self.walk(
            |gone| gone.id,
            0..self.gone.len(),
            |stretch| {
                if let Stretch::Kept { before, after, length } = stretch {
                    for k in 0..length {
                        id_after[(before + k) as usize] = after + k;
                    }
                }
            },
        );
        let mut by_place = vec![0; self.count_after()];
        self.walk(
            |gone| gone.place,
            self.by_place(),
            |stretch| {
                if let Stretch::Kept { before, after, length } = stretch {
                    for k in 0..length {
                        by_place[(after + k) as usize] =
                            id_after[ids[(before + k) as usize] as usize];
                    }
                }
            },
        );
        for (place, id) in self.made_places().into_iter().zip(self.made_ids()) {
            by_place[place as usize] = id;
        }
        by_place
    }

    /// What all particles are after, from what they were and what those are that were made.
    pub fn particles(&self, before: &Particles, made: &Particles) -> Particles {
        Particles {
            mass: self.values(&before.mass, &made.mass),
            volume: self.values(&before.volume, &made.volume),
            material: self.values(&before.material, &made.material),
            body: self.values(&before.body, &made.body),
            muscle: self.values(&before.muscle, &made.muscle),
            level: self.values(&before.level, &made.level),
            held: Vec::new(),
        }
    }

    /// By id.
    fn values<T: Copy>(&self, before: &[T], made: &[T]) -> Vec<T> {
        let (mut after, mut from, mut made) = (Vec::with_capacity(self.count_after()), 0, made);
        for gone in &self.gone {
            after.extend_from_slice(&before[from..gone.id as usize]);
            let (heirs, rest) = made.split_at(gone.heirs as usize);
            after.extend_from_slice(heirs);
            (from, made) = (gone.id as usize + 1, rest);
        }
        after.extend_from_slice(&before[from..]);
        after
    }
}

/// Some of the particles.
pub fn chosen(particles: &Particles, ids: &[u32]) -> Particles {
    fn values<T: Copy>(values: &[T], ids: &[u32]) -> Vec<T> {
        ids.iter().map(|&id| values[id as usize]).collect()
    }
    Particles {
        mass: values(&particles.mass, ids),
        volume: values(&particles.volume, ids),
        material: values(&particles.material, ids),
        body: values(&particles.body, ids),
        muscle: values(&particles.muscle, ids),
        level: values(&particles.level, ids),
        held: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six particles stored in the order of `IDS`; the second is split in two, the fifth and the sixth are merged.
    const IDS: [u32; 6] = [3, 1, 0, 5, 4, 2];

    fn moves() -> Moves {
        let gone = [(1, 1, 2), (4, 4, 1), (5, 3, 0)];
        let gone = gone.map(|(id, place, heirs)| Gone { id, place, heirs });
        Moves::new(6, gone.to_vec())
    }

    #[test]
    fn what_stays_keeps_its_order_and_what_is_made_stands_where_that_was_which_it_is_made_from() {
        let moves = moves();
        // By id: 0, two children, 2, 3, the merged one.
        assert_eq!(moves.count_after(), 6);
        assert_eq!(moves.made_ids(), [1, 2, 5]);
        assert_eq!(moves.made_places(), [1, 2, 4]);
        assert_eq!(moves.ids_by_place(&IDS), [4, 1, 2, 0, 5, 3]);
        assert_eq!(moves.ids(), [[0, 0], [2, 3]]);
    }

    #[test]
    fn stretches_of_places_lead_forth_and_back() {
        let moves = moves();
        assert_eq!(moves.places(), [[0, 0], [1, NEW], [3, 2], [4, NEW | 2], [5, 5]]);
        let back = [[0, 0], [1, NEW], [2, 3], [3, NEW | 2], [4, NEW | 1], [5, 5]];
        assert_eq!(moves.places_back(), back);
    }

    #[test]
    fn values_of_particles_follow_their_ids() {
        assert_eq!(moves().values(&[0, 10, 20, 30, 40, 50], &[1, 2, 3]), [0, 1, 2, 20, 30, 3]);
    }
}
