//! Particles that sleep, compressed: in memory, and beyond a budget in a file without a name, which is
//! gone with the program.

use super::{Particles, State};
use crate::math::{Mat3, Scalar, Vec3};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where particles that sleep are kept.
#[derive(Debug)]
pub struct Archive {
    /// How much may lie in memory [bytes].
    budget: u64,
    in_memory: AtomicU64,
    spill: Mutex<Spill>,
}

/// The part on disk.
#[derive(Debug, Default)]
struct Spill {
    /// Made when first needed.
    file: Option<File>,
    end: u64,
    /// Parts that nobody needs any more: where, and how long.
    free: Vec<(u64, u64)>,
}

/// Some particles at rest: what [`State`] says of them, but for velocities, which are zero.
pub struct Archived {
    particle_count: usize,
    uniform_count: u64,
    /// Bytes of a scalar.
    scalar_bytes: usize,
    /// Of what is kept.
    checksum: u64,
    place: Place,
    archive: Arc<Archive>,
}

enum Place {
    Memory(Vec<u8>),
    Disk { at: u64, length: u64 },
}

impl Archive {
    /// `budget` is in bytes; what is beyond it goes to disk.
    pub fn new(budget: u64) -> Self {
        Self { budget, in_memory: AtomicU64::new(0), spill: Mutex::default() }
    }

    /// Keeps particles. Which of them lie in memory is no part of the state: it changes no bits.
    ///
    /// # Errors
    /// They had to go to disk, and could not.
    pub fn keep<R: Scalar>(self: &Arc<Self>, state: &State<R>) -> io::Result<Archived> {
        let particles = state.particles.as_deref().expect("particles that say what they are");
        let raw = planes(&records(state, particles), record_bytes(R::BYTES));
        let mut hasher = rustc_hash::FxHasher::default();
        raw.hash(&mut hasher);
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&raw)?;
        let packed = encoder.finish()?;
        let length = packed.len() as u64;
        let before = self.in_memory.fetch_add(length, Ordering::Relaxed);
        let place = match before + length <= self.budget {
            true => Place::Memory(packed),
            false => {
                self.in_memory.fetch_sub(length, Ordering::Relaxed);
                Place::Disk { at: self.spill().write(&packed)?, length }
            }
        };
        Ok(Archived {
            particle_count: state.particle_count(),
            uniform_count: particles.level.iter().map(|&level| 1u64 << (3 * level)).sum(),
            scalar_bytes: R::BYTES,
            checksum: hasher.finish(),
            place,
            archive: self.clone(),
        })
    }

    fn spill(&self) -> std::sync::MutexGuard<'_, Spill> {
        self.spill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spill {
    /// Where it was written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let length = bytes.len() as u64;
        let at = match self.free.iter().position(|&(_, free)| free >= length) {
            Some(n) => {
                let (at, free) = self.free.swap_remove(n);
                if free > length {
                    self.free.push((at + length, free - length));
                }
                at
            }
            None => {
                self.end += length;
                self.end - length
            }
        };
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile()?);
        }
        let file = self.file.as_mut().expect("just made");
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        Ok(at)
    }

    fn read(&mut self, at: u64, length: u64) -> io::Result<Vec<u8>> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; length as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Archived {
    pub fn particle_count(&self) -> usize {
        self.particle_count
    }

    /// Particles of the finest level that would fill the same volume.
    pub fn uniform_count(&self) -> u64 {
        self.uniform_count
    }

    /// Equal, but for a collision, if and only if the particles are.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// In memory and on disk.
    pub fn bytes(&self) -> (u64, u64) {
        match &self.place {
            Place::Memory(packed) => (packed.len() as u64, 0),
            Place::Disk { length, .. } => (0, *length),
        }
    }

    /// The particles, bit by bit as they were.
    ///
    /// # Errors
    /// They lie on disk, and cannot be read.
    pub fn particles<R: Scalar>(&self) -> io::Result<State<R>> {
        let read;
        let packed = match &self.place {
            Place::Memory(packed) => packed,
            Place::Disk { at, length } => {
                read = self.archive.spill().read(*at, *length)?;
                &read
            }
        };
        let mut raw = Vec::new();
        ZlibDecoder::new(&packed[..]).read_to_end(&mut raw)?;
        let record = record_bytes(self.scalar_bytes);
        if raw.len() != record * self.particle_count {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(from_records(&unplanes(&raw, record), self.scalar_bytes))
    }
}

impl Drop for Archived {
    fn drop(&mut self) {
        match &self.place {
            Place::Memory(packed) => {
                self.archive.in_memory.fetch_sub(packed.len() as u64, Ordering::Relaxed);
            }
            Place::Disk { at, length } => self.archive.spill().free.push((*at, *length)),
        }
    }
}

impl PartialEq for Archived {
    fn eq(&self, other: &Self) -> bool {
        self.particle_count == other.particle_count
            && self.scalar_bytes == other.scalar_bytes
            && self.checksum == other.checksum
    }
}

impl std::fmt::Debug for Archived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Archived({} particles, {:x})", self.particle_count, self.checksum)
    }
}

/// Bytes of one particle: cell, offset, F, history, mass, volume; material, body, muscle, level.
fn record_bytes(scalar: usize) -> usize {
    12 + (3 + 9 + 3) * scalar + 12 + 1
}

fn records<R: Scalar>(state: &State<R>, particles: &Particles) -> Vec<u8> {
    let mut out = Vec::with_capacity(record_bytes(R::BYTES) * state.particle_count());
    for p in 0..state.particle_count() {
        state.cell[p].iter().for_each(|cell| out.extend(cell.to_le_bytes()));
        let constants = [particles.mass[p], particles.volume[p]].map(R::from_f64);
        let numbers = state.offset[p].0.into_iter().chain(state.f[p].0.into_iter().flatten());
        for number in numbers.chain([state.history[p]]).chain(constants) {
            let (value, tangent) = number.parts();
            match R::BYTES {
                4 => out.extend((value as f32).to_le_bytes()),
                8 => out.extend(value.to_le_bytes()),
                _ => [value, tangent].iter().for_each(|part| out.extend(part.to_le_bytes())),
            }
        }
        for index in [particles.material[p], particles.body[p], particles.muscle[p]] {
            out.extend(index.to_le_bytes());
        }
        out.push(particles.level[p]);
    }
    out
}

/// Reads what another scalar may have written: like a cast.
fn from_records<R: Scalar>(bytes: &[u8], scalar: usize) -> State<R> {
    let mut state = State::default();
    let mut particles = Particles::default();
    for record in bytes.chunks_exact(record_bytes(scalar)) {
        let mut rest = record;
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken
        };
        state.cell.push([0; 3].map(|_: i32| i32::from_le_bytes(array(take(4)))));
        let mut number = || match scalar {
            4 => R::from_parts(f64::from(f32::from_le_bytes(array(take(4)))), 0.0),
            8 => R::from_parts(f64::from_le_bytes(array(take(8))), 0.0),
            _ => {
                let value = f64::from_le_bytes(array(take(8)));
                R::from_parts(value, f64::from_le_bytes(array(take(8))))
            }
        };
        state.offset.push(Vec3::from_fn(|_| number()));
        state.f.push(Mat3::from_fn(|_, _| number()));
        state.history.push(number());
        particles.mass.push(number().to_f64());
        particles.volume.push(number().to_f64());
        particles.material.push(u32::from_le_bytes(array(take(4))));
        particles.body.push(u32::from_le_bytes(array(take(4))));
        particles.muscle.push(u32::from_le_bytes(array(take(4))));
        particles.level.push(take(1)[0]);
        state.v.push(Vec3::zero());
        state.c.push(Mat3::zero());
    }
    state.particles = Some(Arc::new(particles));
    state
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|i| bytes[i])
}

/// The first byte of every record, then the second of every one, ..: what is alike lies together.
fn planes(records: &[u8], record: usize) -> Vec<u8> {
    let count = records.len() / record;
    (0..records.len()).map(|n| records[n % count * record + n / count]).collect()
}

/// Undoes [`planes`].
fn unplanes(planes: &[u8], record: usize) -> Vec<u8> {
    let count = planes.len() / record;
    (0..planes.len()).map(|n| planes[n % record * count + n / record]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Dual;

    fn some(count: usize) -> State<Dual> {
        let number = |n: usize| Dual::new((n as f64 * 1.7).sin(), (n as f64 * 0.3).cos());
        let mut state = State::default();
        let mut particles = Particles::default();
        for p in 0..count {
            state.cell.push([p as i32 - 7, -3, 1 << 20]);
            state.offset.push(Vec3::from_fn(|a| number(p + a) * Dual::from(0.5)));
            state.v.push(Vec3::zero());
            state.c.push(Mat3::zero());
            state.f.push(Mat3::from_fn(|i, j| number(p + 3 * i + j)));
            state.history.push(number(p + 50));
            particles.mass.push(0.1 + p as f64);
            particles.volume.push(0.3);
            particles.material.push(p as u32 % 2);
            particles.body.push(7);
            particles.muscle.push(u32::MAX);
            particles.level.push((p % 3) as u8);
        }
        state.particles = Some(Arc::new(particles));
        state
    }

    #[test]
    fn particles_come_back_as_they_were_from_memory_and_from_disk() {
        for budget in [u64::MAX, 0] {
            let archive = Arc::new(Archive::new(budget));
            // Of two lengths, so that what one leaves on disk is used by another.
            for count in [100, 40, 0, 1] {
                let state = some(count);
                let kept = [archive.keep(&state).unwrap(), archive.keep(&state).unwrap()];
                assert_eq!(kept[0], kept[1]);
                let [(memory, disk), _] = kept.each_ref().map(Archived::bytes);
                assert_eq!((memory > 0, disk > 0), (budget > 0, budget == 0));
                for kept in kept {
                    assert!(kept.particles::<Dual>().unwrap() == state, "{count}, {budget}");
                }
                let single = state.cast::<f32>();
                let kept = archive.keep(&single).unwrap();
                let mut cast = kept.particles::<f64>().unwrap();
                // Masses are kept in the scalar of the solver.
                let particles = Arc::make_mut(cast.particles.as_mut().unwrap());
                particles.mass.clone_from(&state.particles.as_ref().unwrap().mass);
                particles.volume.clone_from(&state.particles.as_ref().unwrap().volume);
                assert!(cast == single.cast());
            }
            assert_eq!(archive.in_memory.load(Ordering::Relaxed), 0);
        }
    }
}
