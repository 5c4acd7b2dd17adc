//! Every law of the table, for tests that hold for all of them.

use softscape::math::{Mat3, Real};
use softscape::model::{CONSTANTS, Law, LawKind};
use softscape::mpm::twin::material::{self, Local, LocalBar};

/// A law of the table with what its functions take.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub law: Law,
    pub kind: LawKind,
    pub k: [f64; CONSTANTS],
}

impl Case {
    pub fn new(name: String, law: Law) -> Self {
        Self { name, law, kind: law.kind(), k: law.constants() }
    }

    /// Size of its stresses per strain [Pa].
    pub fn stiffness(&self) -> f64 {
        self.k[0] + self.k[1]
    }

    /// How many constants have a meaning.
    pub fn constant_count(&self) -> usize {
        self.law.spec().constant_count
    }
}

/// Every law with typical parameters; and again with the defaults of those that have one, where
/// that makes a difference.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &kind in LawKind::ALL {
        let typical = Law::typical(kind);
        cases.push(Case::new(kind.name().into(), typical));
        let mut values = typical.values();
        for (value, parameter) in values.iter_mut().zip(kind.spec().parameters) {
            *value = parameter.default.map_or(*value, |default| parameter.to_code(default));
        }
        let plain = Law::from_values(kind, &values);
        if plain != typical {
            cases.push(Case::new(format!("{}, plain", kind.name()), plain));
        }
    }
    cases
}

/// The adjoint of the stress with what it shares with it.
pub fn stress_adj<R: Real>(
    kind: LawKind,
    k: &[R; CONSTANTS],
    at: &Local<R>,
    tau_bar: Mat3<R>,
) -> (LocalBar<R>, [R; CONSTANTS]) {
    let (_, factors) = material::stress_and_factors(kind, k, at);
    material::stress_adj(kind, k, at, &factors, tau_bar)
}
