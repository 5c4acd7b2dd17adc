//! A parameter of a law, as a user states it: its key, unit, allowed values and default.

/// One parameter. Numbers may be differentiated, switches may not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameter {
    /// Name in scene files; one that ends in `_deg` is in degrees there and in radians in code.
    pub key: &'static str,
    /// Unit of the number in scene files; empty for a ratio.
    pub unit: &'static str,
    pub is_switch: bool,
    /// What it is when the scene does not say; `None` if the scene must.
    pub default: Option<f64>,
    /// A value to try things with, in the unit of the scene file.
    pub typical: f64,
    pub low: Bound,
    pub high: Bound,
    /// Why the bounds are where they are; empty if that is plain.
    pub because: &'static str,
}

/// The end of a range of allowed values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    None,
    /// Itself allowed.
    Closed(f64),
    /// Itself not allowed.
    Open(f64),
}

impl Parameter {
    /// A number that may have any finite value.
    pub const fn number(key: &'static str, unit: &'static str, typical: f64) -> Self {
        Self {
            key,
            unit,
            is_switch: false,
            default: None,
            typical,
            low: Bound::None,
            high: Bound::None,
            because: "",
        }
    }

    /// A number greater than zero.
    pub const fn positive(key: &'static str, unit: &'static str, typical: f64) -> Self {
        Self::number(key, unit, typical).from(Bound::Open(0.0))
    }

    /// A number that is zero or greater.
    pub const fn not_negative(key: &'static str, unit: &'static str, typical: f64) -> Self {
        Self::number(key, unit, typical).from(Bound::Closed(0.0))
    }

    pub const fn poisson_ratio(typical: f64) -> Self {
        let ratio = Self::number("poisson_ratio", "", typical);
        ratio.from(Bound::Open(-1.0)).to(Bound::Open(0.5)).because("0.5 is incompressible")
    }

    /// True or false.
    pub const fn switch(key: &'static str, default: bool, typical: bool) -> Self {
        let number = Self::number(key, "", if typical { 1.0 } else { 0.0 });
        Self { is_switch: true, ..number }.or(if default { 1.0 } else { 0.0 })
    }

    pub const fn from(self, low: Bound) -> Self {
        Self { low, ..self }
    }

    pub const fn to(self, high: Bound) -> Self {
        Self { high, ..self }
    }

    pub const fn or(self, default: f64) -> Self {
        Self { default: Some(default), ..self }
    }

    pub const fn because(self, because: &'static str) -> Self {
        Self { because, ..self }
    }

    /// Name in code and in derivatives: the key, without `_deg`.
    pub fn name(&self) -> &'static str {
        self.key.strip_suffix("_deg").unwrap_or(self.key)
    }

    /// What a number in a scene file means in code.
    pub fn to_code(&self, value: f64) -> f64 {
        if self.key.ends_with("_deg") { value.to_radians() } else { value }
    }

    /// What a number in code is in a scene file; an angle to 1e-9 degrees, as it was written.
    pub fn to_scene(&self, value: f64) -> f64 {
        match self.key.ends_with("_deg") {
            true => (value.to_degrees() * 1e9).round() * 1e-9,
            false => value,
        }
    }

    /// Whether a value, in the unit of the scene file, is allowed; if not, what to say about it.
    ///
    /// # Errors
    /// The value and what is allowed, as a sentence.
    pub fn check(&self, value: f64) -> Result<(), String> {
        let above = match self.low {
            Bound::None => true,
            Bound::Closed(low) => value >= low,
            Bound::Open(low) => value > low,
        };
        let below = match self.high {
            Bound::None => true,
            Bound::Closed(high) => value <= high,
            Bound::Open(high) => value < high,
        };
        if above && below && value.is_finite() {
            return Ok(());
        }
        let Self { key, unit, .. } = self;
        let gap = if unit.is_empty() { "" } else { " " };
        Err(format!("`{key}` is {value}{gap}{unit}; it must be {}", self.allowed()))
    }

    /// The allowed values in words: `greater than zero`.
    pub fn allowed(&self) -> String {
        let low = match self.low {
            Bound::None => None,
            Bound::Open(0.0) if self.high == Bound::None => Some("greater than zero".to_owned()),
            Bound::Open(low) => Some(format!("greater than {low}")),
            Bound::Closed(0.0) => Some("zero or greater".to_owned()),
            Bound::Closed(low) => Some(format!("{low} or greater")),
        };
        let high = match self.high {
            Bound::None => None,
            Bound::Open(high) => Some(format!("less than {high}")),
            Bound::Closed(high) => Some(format!("at most {high}")),
        };
        let range: Vec<String> = [low, high].into_iter().flatten().collect();
        let range =
            if range.is_empty() { "a finite number".to_owned() } else { range.join(" and ") };
        if self.because.is_empty() { range } else { format!("{range} ({})", self.because) }
    }
}

/// A field of a law: a number or a switch.
pub(super) trait Value: Copy {
    fn to_number(self) -> f64;
    fn from_number(number: f64) -> Self;
}

impl Value for f64 {
    fn to_number(self) -> f64 {
        self
    }
    fn from_number(number: f64) -> Self {
        number
    }
}

impl Value for bool {
    fn to_number(self) -> f64 {
        f64::from(u8::from(self))
    }
    fn from_number(number: f64) -> Self {
        number >= 0.5
    }
}
