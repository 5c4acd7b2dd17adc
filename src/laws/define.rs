//! The types of laws, from the table.

/// Defines `Law` (an enum with the parameters of each law), `LawKind`, and what is known of each.
macro_rules! define_laws {
    ($(
        $(#[doc = $doc:literal])*
        $Law:ident $name:literal $module:ident {
            $(
                $(#[doc = $parameter_doc:literal])*
                $parameter:ident: $type:ident = $spec:expr,
            )*
        }
        constants $count:literal $constants:path,
        limits $limits:path,
        family $Family:ident,
        reads_rate $reads_rate:literal,
        has_history $has_history:literal;
    )*) => {
        /// A constitutive law and the parameters a user knows it by; angles in radians.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Law {
            $(
                $(#[doc = $doc])*
                $Law {
                    $(
                        $(#[doc = $parameter_doc])*
                        $parameter: $type,
                    )*
                },
            )*
        }

        /// The law without its parameters; the number is the one the shaders switch on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum LawKind {
            $($Law,)*
        }

        impl LawKind {
            pub const ALL: &'static [LawKind] = &[$(LawKind::$Law,)*];
            /// The names of all laws.
            pub const NAMES: &'static [&'static str] = &[$($name,)*];
            /// The same, and the empty name of what states no law.
            pub const NAMES_OR_NONE: &'static [&'static str] = &[$($name,)* ""];

            pub fn spec(self) -> &'static Spec {
                match self {
                    $(LawKind::$Law => {
                        const PARAMETERS: &[Parameter] = &[$($spec,)*];
                        const SPEC: Spec = Spec {
                            name: $name,
                            doc: concat!($($doc),*),
                            parameters: PARAMETERS,
                            parameter_docs: &[$(concat!($($parameter_doc),*),)*],
                            constant_count: $count,
                            family: Family::$Family,
                            reads_rate: $reads_rate,
                            has_history: $has_history,
                            constants: $constants,
                            limits: $limits,
                        };
                        &SPEC
                    })*
                }
            }

            /// The keys of its parameters in scene files.
            pub fn keys(self) -> &'static [&'static str] {
                match self {
                    $(LawKind::$Law => {
                        const KEYS: &[&str] = &[$($spec.key,)*];
                        KEYS
                    })*
                }
            }
        }

        impl Law {
            pub fn kind(&self) -> LawKind {
                match self {
                    $(Law::$Law { .. } => LawKind::$Law,)*
                }
            }

            /// The parameters in the order of the table; a switch is 0 or 1.
            pub fn values(&self) -> Vec<f64> {
                use parameter::Value;
                match *self {
                    $(Law::$Law { $($parameter,)* } => vec![$($parameter.to_number(),)*],)*
                }
            }

            /// The law of as many values as it has parameters.
            pub fn from_values(kind: LawKind, values: &[f64]) -> Law {
                use parameter::Value;
                let mut rest = values.iter().copied();
                let mut next = || rest.next().unwrap_or(f64::NAN);
                match kind {
                    $(LawKind::$Law => Law::$Law {
                        $($parameter: Value::from_number(next()),)*
                    },)*
                }
            }
        }
    };
}
pub(super) use define_laws;
