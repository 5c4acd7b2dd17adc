//! Where particles go when some are split or merged, or fall asleep or wake: new ids and places, in stretches
//! that stay together, so that what the device is told is as long as what changes.
//!
//! What stays keeps its order, by id and in storage; what is made stands where that stood which it was made
//! from, what comes from elsewhere last among all that are stored.

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

/// Particles that come, in front of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Come {
    pub id: u32,
    pub count: u32,
}

/// Numbers that follow each other.
enum Stretch {
    /// So many stay, from these first ones on.
    Kept { before: u32, after: u32, length: u32 },
    /// Others end or begin there.
    Changed { what: What, after: u32 },
}

#[derive(Clone, Copy)]
enum What {
    /// One is gone; its heirs begin there.
    Gone(usize),
    /// Some come.
    Come(usize),
    /// All that come, where they are stored.
    AllThatCome,
}

/// Something that happens at a number.
struct Event {
    at: u32,
    gone: u32,
    made: u32,
    what: What,
}

/// What becomes of all particles. Those that are new are numbered: heirs first, in the order of ids, then those
/// that come, as they are stored.
#[derive(Debug)]
pub struct Moves {
    /// How many there were.
    before: u32,
    /// By id.
    gone: Vec<Gone>,
    come: Vec<Come>,
    /// Of those that come, as they are stored: the number in the order of ids.
    order: Vec<u32>,
}

impl Moves {
    /// `gone` is in the order of ids.
    pub fn new(before: usize, gone: Vec<Gone>) -> Self {
        Self::with_arrivals(before, gone, Vec::new(), Vec::new())
    }

    /// `come` is in the order of ids, too; `order` says in which order they are stored.
    pub fn with_arrivals(before: usize, gone: Vec<Gone>, come: Vec<Come>, order: Vec<u32>) -> Self {
        Self { before: before as u32, gone, come, order }
    }

    fn heir_count(&self) -> u32 {
        self.gone.iter().map(|gone| gone.heirs).sum()
    }

    pub fn count_after(&self) -> usize {
        self.before as usize - self.gone.len() + self.heir_count() as usize + self.order.len()
    }

    /// Visits all numbers before, in order: stretches of those that stay, and what happens between them.
    fn walk(&self, events: impl Iterator<Item = Event>, mut visit: impl FnMut(Stretch)) {
        let (mut before, mut after) = (0, 0);
        for Event { at, gone, made, what } in events {
            let length = at - before;
            if length > 0 {
                visit(Stretch::Kept { before, after, length });
            }
            after += length;
            visit(Stretch::Changed { what, after });
            (before, after) = (at + gone, after + made);
        }
        if before < self.before {
            visit(Stretch::Kept { before, after, length: self.before - before });
        }
    }

    fn by_id(&self) -> impl Iterator<Item = Event> {
        let gone = self.gone.iter().enumerate();
        let gone =
            gone.map(|(n, g)| Event { at: g.id, gone: 1, made: g.heirs, what: What::Gone(n) });
        let come = self.come.iter().enumerate();
        let come =
            come.map(|(n, c)| Event { at: c.id, gone: 0, made: c.count, what: What::Come(n) });
        // What comes in front of an id is before what is gone there.
        let mut events: Vec<Event> = come.chain(gone).collect();
        events.sort_by_key(|event| event.at);
        events.into_iter()
    }

    fn by_place(&self) -> impl Iterator<Item = Event> {
        let gone = self.gone.iter().enumerate();
        let gone =
            gone.map(|(n, g)| Event { at: g.place, gone: 1, made: g.heirs, what: What::Gone(n) });
        let mut events: Vec<Event> = gone.collect();
        events.sort_unstable_by_key(|event| event.at);
        let made = self.order.len() as u32;
        events.push(Event { at: self.before, gone: 0, made, what: What::AllThatCome });
        events.into_iter()
    }

    /// The number of the first heir of each that is gone, among all that are new.
    fn first_heirs(&self) -> Vec<u32> {
        let sum = |sum: &mut u32, gone: &Gone| {
            let first = *sum;
            *sum += gone.heirs;
            Some(first)
        };
        self.gone.iter().scan(0, sum).collect()
    }

    /// By place after: the place before, or the number among those that are new.
    pub fn places(&self) -> Vec<Run> {
        let (heirs, mut runs) = (self.first_heirs(), Vec::new());
        self.walk(self.by_place(), |stretch| match stretch {
            Stretch::Kept { before, after, .. } => runs.push([after, before]),
            Stretch::Changed { what: What::Gone(n), after } if self.gone[n].heirs > 0 => {
                runs.push([after, NEW | heirs[n]]);
            }
            Stretch::Changed { what: What::AllThatCome, after } if !self.order.is_empty() => {
                runs.push([after, NEW | self.heir_count()]);
            }
            Stretch::Changed { .. } => {}
        });
        runs
    }

    /// By place before: the place after, or the number among those that are gone.
    pub fn places_back(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        self.walk(self.by_place(), |stretch| match stretch {
            Stretch::Kept { before, after, .. } => runs.push([before, after]),
            Stretch::Changed { what: What::Gone(n), .. } => {
                runs.push([self.gone[n].place, NEW | n as u32]);
            }
            Stretch::Changed { .. } => {}
        });
        runs
    }

    /// By id before of those that stay: the id after.
    pub fn ids(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        self.walk(self.by_id(), |stretch| {
            if let Stretch::Kept { before, after, .. } = stretch {
                runs.push([before, after]);
            }
        });
        runs
    }

    /// Ids and places of those that are new, by their number.
    pub fn made_ids(&self) -> Vec<u32> {
        let (mut heirs, mut come) = (vec![0; self.gone.len()], Vec::new());
        self.walk(self.by_id(), |stretch| match stretch {
            Stretch::Changed { what: What::Gone(n), after } => heirs[n] = after,
            Stretch::Changed { what: What::Come(n), after } => {
                come.extend(after..after + self.come[n].count);
            }
            _ => {}
        });
        let come = self.order.iter().map(|&n| come[n as usize]);
        self.of_heirs(heirs).chain(come).collect()
    }
    pub fn made_places(&self) -> Vec<u32> {
        let (mut heirs, mut come) = (vec![0; self.gone.len()], 0);
        self.walk(self.by_place(), |stretch| match stretch {
            Stretch::Changed { what: What::Gone(n), after } => heirs[n] = after,
            Stretch::Changed { after, .. } => come = after,
            Stretch::Kept { .. } => {}
        });
        self.of_heirs(heirs).chain(come..come + self.order.len() as u32).collect()
    }

    /// Numbers of all heirs, from those of the first ones.
    fn of_heirs(&self, first: Vec<u32>) -> impl Iterator<Item = u32> {
        let heirs = |(first, gone): (u32, &Gone)| first..first + gone.heirs;
        first.into_iter().zip(&self.gone).flat_map(heirs)
    }

    /// Ids by place after, from those before.
    pub fn ids_by_place(&self, ids: &[u32]) -> Vec<u32> {
        let mut id_after = vec![0; self.before as usize];
        self.walk(self.by_id(), |stretch| {
            if let Stretch::Kept { before, after, length } = stretch {
                for k in 0..length {
                    id_after[(before + k) as usize] = after + k;
                }
            }
        });
        let mut by_place = vec![0; self.count_after()];
        self.walk(self.by_place(), |stretch| {
            if let Stretch::Kept { before, after, length } = stretch {
                for k in 0..length {
                    by_place[(after + k) as usize] = id_after[ids[(before + k) as usize] as usize];
                }
            }
        });
        for (place, id) in self.made_places().into_iter().zip(self.made_ids()) {
            by_place[place as usize] = id;
        }
        by_place
    }

    /// What all particles are after, from what they were and what those are that are new; `held` says which of
    /// those that were there are held now, and is empty if none is.
    pub fn particles(&self, before: &Particles, made: &Particles, held: &[bool]) -> Particles {
        let is_any_held = [held, &made.held].iter().any(|held| held.contains(&true));
        let all = |held: &[bool], count: usize| {
            if held.is_empty() { vec![false; count] } else { held.to_vec() }
        };
        Particles {
            mass: self.values(&before.mass, &made.mass),
            volume: self.values(&before.volume, &made.volume),
            material: self.values(&before.material, &made.material),
            body: self.values(&before.body, &made.body),
            muscle: self.values(&before.muscle, &made.muscle),
            level: self.values(&before.level, &made.level),
            held: match is_any_held {
                true => {
                    let held = all(held, before.mass.len());
                    self.values(&held, &all(&made.held, made.mass.len()))
                }
                false => Vec::new(),
            },
        }
    }

    /// By id.
    fn values<T: Copy>(&self, before: &[T], made: &[T]) -> Vec<T> {
        let heirs = self.first_heirs();
        let (_, stored) = made.split_at(self.heir_count() as usize);
        let mut arrived = stored.to_vec();
        for (&value, &n) in stored.iter().zip(&self.order) {
            arrived[n as usize] = value;
        }
        let mut arrived = arrived.into_iter();
        let mut values = Vec::with_capacity(self.count_after());
        self.walk(self.by_id(), |stretch| match stretch {
            Stretch::Kept { before: first, length, .. } => {
                values.extend_from_slice(&before[first as usize..(first + length) as usize]);
            }
            Stretch::Changed { what: What::Gone(n), .. } => {
                let own = heirs[n]..heirs[n] + self.gone[n].heirs;
                values.extend(own.map(|heir| made[heir as usize]));
            }
            Stretch::Changed { what: What::Come(n), .. } => {
                values.extend(arrived.by_ref().take(self.come[n].count as usize));
            }
            Stretch::Changed { .. } => {}
        });
        values
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
        held: if particles.held.is_empty() { Vec::new() } else { values(&particles.held, ids) },
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

    /// Of the same six the second and the fifth leave; two come after the third id, one after the last, stored in
    /// another order.
    fn passages() -> Moves {
        let gone = [(1, 1), (4, 4)].map(|(id, place)| Gone { id, place, heirs: 0 });
        let come = [(3, 2), (6, 1)].map(|(id, count)| Come { id, count });
        Moves::with_arrivals(6, gone.to_vec(), come.to_vec(), vec![2, 0, 1])
    }

    #[test]
    fn what_comes_is_stored_last_and_has_the_ids_of_its_body() {
        let moves = passages();
        // By id: 0, 2, two that came, 3, 5, the last one that came.
        assert_eq!(moves.count_after(), 7);
        assert_eq!(moves.made_ids(), [6, 2, 3]);
        assert_eq!(moves.made_places(), [4, 5, 6]);
        assert_eq!(moves.ids(), [[0, 0], [2, 1], [3, 4], [5, 5]]);
        assert_eq!(moves.ids_by_place(&IDS), [4, 0, 5, 1, 6, 2, 3]);
        assert_eq!(moves.places(), [[0, 0], [1, 2], [3, 5], [4, NEW]]);
        let back = [[0, 0], [1, NEW], [2, 1], [4, NEW | 1], [5, 3]];
        assert_eq!(moves.places_back(), back);
        let values = moves.values(&[0, 10, 20, 30, 40, 50], &[3, 1, 2]);
        assert_eq!(values, [0, 20, 1, 2, 30, 50, 3]);
    }

    #[test]
    fn all_may_go_and_all_may_come() {
        let all = |id: u32| Gone {
            id,
            place: IDS.iter().position(|&i| i == id).unwrap() as u32,
            heirs: 0,
        };
        let moves = Moves::new(6, (0..6).map(all).collect());
        assert_eq!((moves.count_after(), moves.places().len(), moves.ids().len()), (0, 0, 0));
        assert_eq!(moves.places_back().len(), 6);
        let moves = Moves::with_arrivals(0, vec![], vec![Come { id: 0, count: 2 }], vec![1, 0]);
        assert_eq!((moves.places(), moves.made_ids()), (vec![[0, NEW]], vec![1, 0]));
        assert_eq!(moves.values(&[], &[5, 6]), [6, 5]);
    }
}
