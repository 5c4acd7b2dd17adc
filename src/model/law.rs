//! Constitutive laws: what a user states (E, nu, phi), and the constants the kernels use.

/// A constitutive law and the parameters a user knows it by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Law {
    /// Fixed corotated elasticity.
    Elastic { young_modulus: f64, poisson_ratio: f64 },
    /// Weakly compressible liquid, `tau = lambda J (J - 1) I`; tension is clamped to zero when
    /// `tension` is false.
    Liquid { bulk_modulus: f64, tension: bool },
    /// Drucker-Prager sand with Hencky elasticity; angle in radians.
    Sand { young_modulus: f64, poisson_ratio: f64, friction_angle: f64 },
}

/// The law without its parameters; the number is the one the shaders switch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum LawKind {
    Elastic = 0,
    Liquid = 1,
    Sand = 2,
}

/// A named parameter of a law, or a derivative by it.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterValue {
    pub name: &'static str,
    pub value: f64,
}

impl Law {
    pub fn kind(&self) -> LawKind {
        match self {
            Law::Elastic { .. } => LawKind::Elastic,
            Law::Liquid { .. } => LawKind::Liquid,
            Law::Sand { .. } => LawKind::Sand,
        }
    }

    /// The constants that the kernels use:
    /// elastic `[mu, lambda, 0, 0]`, liquid `[0, lambda, tension ? 1 : 0, 0]`,
    /// sand `[mu, lambda, beta, 0]` with `beta = alpha (1 + nu)/(1 - 2 nu)` (formulas.md 3.3).
    /// mu and lambda in Pa.
    pub fn constants(&self) -> [f64; 4] {
        match *self {
            Law::Elastic { young_modulus, poisson_ratio } => {
                let (mu, lambda) = lame(young_modulus, poisson_ratio);
                [mu, lambda, 0.0, 0.0]
            }
            Law::Liquid { bulk_modulus, tension } => {
                [0.0, bulk_modulus, if tension { 1.0 } else { 0.0 }, 0.0]
            }
            Law::Sand { young_modulus, poisson_ratio: nu, friction_angle } => {
                let (mu, lambda) = lame(young_modulus, nu);
                let beta = cone_slope(friction_angle) * (1.0 + nu) / (1.0 - 2.0 * nu);
                [mu, lambda, beta, 0.0]
            }
        }
    }

    /// The parameters by name, in the unit of the scene file (angles in radians).
    pub fn parameters(&self) -> Vec<ParameterValue> {
        let named = |list: &[(&'static str, f64)]| {
            list.iter().map(|&(name, value)| ParameterValue { name, value }).collect()
        };
        match *self {
            Law::Elastic { young_modulus, poisson_ratio } => {
                named(&[("young_modulus", young_modulus), ("poisson_ratio", poisson_ratio)])
            }
            Law::Liquid { bulk_modulus, .. } => named(&[("bulk_modulus", bulk_modulus)]),
            Law::Sand { young_modulus, poisson_ratio, friction_angle } => named(&[
                ("young_modulus", young_modulus),
                ("poisson_ratio", poisson_ratio),
                ("friction_angle", friction_angle),
            ]),
        }
    }

    /// The same law with one parameter replaced; `None` if it has no parameter of that name.
    pub fn with_parameter(&self, name: &str, value: f64) -> Option<Law> {
        let mut law = *self;
        match (&mut law, name) {
            (Law::Elastic { young_modulus, .. }, "young_modulus")
            | (Law::Sand { young_modulus, .. }, "young_modulus") => *young_modulus = value,
            (Law::Elastic { poisson_ratio, .. }, "poisson_ratio")
            | (Law::Sand { poisson_ratio, .. }, "poisson_ratio") => *poisson_ratio = value,
            (Law::Liquid { bulk_modulus, .. }, "bulk_modulus") => *bulk_modulus = value,
            (Law::Sand { friction_angle, .. }, "friction_angle") => *friction_angle = value,
            _ => return None,
        }
        Some(law)
    }

    /// Derivatives by [`Law::parameters`], from derivatives by [`Law::constants`] (formulas.md 2, 3.3).
    pub fn parameters_adj(&self, constants_bar: [f64; 4]) -> Vec<ParameterValue> {
        let [mu_bar, lambda_bar, third_bar, _] = constants_bar;
        let mut bars = self.parameters();
        match *self {
            Law::Elastic { young_modulus, poisson_ratio } => {
                let (e_bar, nu_bar) = lame_adj(young_modulus, poisson_ratio, mu_bar, lambda_bar);
                bars[0].value = e_bar;
                bars[1].value = nu_bar;
            }
            Law::Liquid { .. } => bars[0].value = lambda_bar,
            Law::Sand { young_modulus, poisson_ratio: nu, friction_angle: phi } => {
                let (e_bar, nu_bar) = lame_adj(young_modulus, nu, mu_bar, lambda_bar);
                let alpha = cone_slope(phi);
                let sin = phi.sin();
                let dalpha = (2.0f64 / 3.0).sqrt() * 6.0 * phi.cos() / (3.0 - sin).powi(2);
                bars[0].value = e_bar;
                bars[1].value = nu_bar + third_bar * 3.0 * alpha / (1.0 - 2.0 * nu).powi(2);
                bars[2].value = third_bar * dalpha * (1.0 + nu) / (1.0 - 2.0 * nu);
            }
        }
        bars
    }

    /// The modulus of a confined compression wave, lambda + 2 mu [Pa]: sets the stable substep.
    pub fn wave_modulus(&self) -> f64 {
        let [mu, lambda, ..] = self.constants();
        lambda + 2.0 * mu
    }
}

/// Lamé constants (mu, lambda) [Pa].
fn lame(young: f64, nu: f64) -> (f64, f64) {
    (young / (2.0 * (1.0 + nu)), young * nu / ((1.0 + nu) * (1.0 - 2.0 * nu)))
}

/// Cotangents of (E, nu) from those of (mu, lambda).
fn lame_adj(young: f64, nu: f64, mu_bar: f64, lambda_bar: f64) -> (f64, f64) {
    let (mu, lambda) = lame(young, nu);
    let e_bar = (mu_bar * mu + lambda_bar * lambda) / young;
    let denominator = (1.0 + nu) * (1.0 - 2.0 * nu);
    let nu_bar = -mu_bar * mu / (1.0 + nu)
        + lambda_bar * young * (1.0 + 2.0 * nu * nu) / (denominator * denominator);
    (e_bar, nu_bar)
}

/// Slope alpha of the Drucker-Prager cone, fitted to Mohr-Coulomb in triaxial compression.
pub fn cone_slope(friction_angle: f64) -> f64 {
    let sin = friction_angle.sin();
    (2.0f64 / 3.0).sqrt() * 2.0 * sin / (3.0 - sin)
}
