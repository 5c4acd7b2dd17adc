//! What is commanded, on the device: colliders of every substep, activations of every control step,
//! and the step numbers; uploaded once per drive.

use super::exchange::Births;
use super::fields::field_number;
use super::layout::{Activations, ColliderAt, MUSCLES, NONE, ResolutionAt, Step};
use super::levels::Resolutions;
use crate::agents::Drive;
use crate::gpu::{Buffer, Gpu, GpuError, Resources};
use crate::model::Model;
use bytemuck::Zeroable;

/// The buffers of one [`Drive`].
pub struct Motion {
    pub drive: Drive,
    /// Which colliders move, by place among them.
    pub moving: Vec<usize>,
    /// What comes from nozzles, if there are any.
    pub births: Option<Births>,
    steps: Buffer<Step>,
    colliders: Buffer<ColliderAt>,
    activations: Buffer<Activations>,
    /// Where the model has levels of resolution.
    resolutions: Option<Resolutions>,
}

impl Motion {
    /// `places[id]` is where a particle is stored.
    pub fn new(gpu: &Gpu, model: &Model, drive: &Drive, places: &[u32]) -> Result<Self, GpuError> {
        let moving = moving_colliders(model);
        let uniform = wgpu::BufferUsages::UNIFORM;
        let births = Births::new(gpu, model, drive, places)?;
        let steps = step_table(drive, births.as_ref());
        let step_buffer = Buffer::with_usage(gpu, "steps", steps.len(), uniform)?;
        step_buffer.write(gpu, 0, &steps);

        let place = |collider: usize| {
            moving.iter().position(|&m| m == collider).map_or(NONE, |place| place as u32)
        };
        let fields: Vec<usize> =
            model.colliders.iter().map(|c| field_number(model, &c.shape)).collect();
        let mut colliders: Vec<ColliderAt> = (0..drive.substeps())
            .flat_map(|substep| model.colliders.iter().zip(drive.poses_at(substep)).enumerate())
            .map(|(index, (collider, pose))| {
                ColliderAt::new(collider, pose, place(index), fields[index])
            })
            .collect();
        if colliders.is_empty() {
            colliders.push(ColliderAt::zeroed());
        }

        let mut rows: Vec<Activations> =
            (0..drive.control_steps).map(|control| activation_row(drive, control)).collect();
        if rows.is_empty() {
            rows.push(Activations::zeroed());
        }
        let activations = Buffer::with_usage(gpu, "activations", rows.len(), uniform)?;
        activations.write(gpu, 0, &rows);
        Ok(Self {
            drive: drive.clone(),
            moving,
            births,
            steps: step_buffer,
            colliders: Buffer::from_slice(gpu, "colliders", &colliders)?,
            activations,
            resolutions: Resolutions::new(gpu, model, drive)?,
        })
    }

    pub fn resources(&self, resources: Resources) -> Resources {
        let resources = match &self.births {
            Some(births) => births.resources(resources),
            None => resources,
        };
        let resources = match &self.resolutions {
            Some(resolutions) => resolutions.resources(resources),
            None => resources,
        };
        resources
            .with_element("step", &self.steps)
            .with("colliders", &self.colliders)
            .with_element("activations", &self.activations)
    }

    /// Number of a substep in the table of steps.
    pub fn step_element(&self, substep: usize) -> u32 {
        substep as u32 + 1
    }

    /// Number, in the same table, of what holds for the stress of the state before a substep.
    pub fn stress_element(&self, substep: usize) -> u32 {
        substep as u32
    }

    /// The control step whose activations act on the state before a substep; the last one's also
    /// on the state after the last substep.
    pub fn control_of(&self, substep: usize) -> usize {
        let control = substep / self.drive.substeps_per_control.max(1);
        control.min(self.drive.control_steps.saturating_sub(1))
    }

    /// Activations that act in a substep.
    pub fn activations_at(&self, substep: usize) -> Activations {
        match self.drive.control_steps {
            0 => Activations::zeroed(),
            _ => activation_row(&self.drive, self.control_of(substep)),
        }
    }

    /// The resolution field that holds in a substep; nothing where there is one level.
    pub fn resolution_at(&self, substep: usize) -> Option<ResolutionAt> {
        self.resolutions.as_ref().map(|resolutions| resolutions.at(self.control_of(substep)))
    }

    pub fn bytes(&self) -> u64 {
        let births = self.births.as_ref().map_or(0, Births::bytes);
        self.steps.bytes()
            + self.colliders.bytes()
            + self.activations.bytes()
            + births
            + self.resolutions.as_ref().map_or(0, Resolutions::bytes)
    }
}

/// The colliders whose pose cotangents are accumulated.
pub fn moving_colliders(model: &Model) -> Vec<usize> {
    let moves = |&c: &usize| model.colliders[c].moves(c, &model.actions);
    (0..model.colliders.len()).filter(moves).collect()
}

/// Entry s + 1 belongs to substep s; entry 0 to the stress of the very first state.
fn step_table(drive: &Drive, births: Option<&Births>) -> Vec<Step> {
    let control = |substep: usize| substep / drive.substeps_per_control.max(1);
    (0..=drive.substeps())
        .map(|next| {
            let (mut born, mut opened) = (0..0, 0..0);
            if let (Some(births), Some(substep)) = (births, next.checked_sub(1)) {
                (born, opened) = (drive.births_at(substep), births.openings(substep));
            }
            Step {
                substep: next.saturating_sub(1) as u32,
                stress_control: control(next) as u32,
                restart: u32::from(control(next) != control(next + 1)),
                first_birth: born.start as u32,
                birth_count: born.len() as u32,
                first_opening: opened.start as u32,
                opening_count: opened.len() as u32,
                pad: [0; 57],
            }
        })
        .collect()
}

fn activation_row(drive: &Drive, control: usize) -> Activations {
    let mut row = Activations::zeroed();
    let count = drive.muscle_count.min(MUSCLES);
    let values = &drive.activations[control * drive.muscle_count..];
    for (to, &from) in row.rows.iter_mut().zip(&values[..count]) {
        *to = from as f32;
    }
    row
}
