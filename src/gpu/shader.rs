//! Shader text: composed by concatenation, checked and reflected by naga.

use super::GpuError;
use naga::proc::Layouter;
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use std::borrow::Cow;

/// One WGSL file.
#[derive(Clone, Debug)]
pub struct ShaderFile {
    /// Where it lies below `shaders/`, for messages.
    pub path: &'static str,
    pub text: Cow<'static, str>,
}

/// The files that one kernel is made of, in order. There is no import syntax: function names are
/// unique among all files, and a kernel lists what it uses.
#[derive(Clone, Debug)]
pub struct ShaderSource {
    pub name: &'static str,
    pub files: Vec<ShaderFile>,
}

/// How a kernel uses what is bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Uniform,
    /// Storage that is not written.
    Read,
    ReadWrite,
    /// A [`super::FloatTexture`], which is never written.
    Texture,
}

impl Access {
    /// Whether it is one of the storage buffers of which a stage has few.
    pub fn is_storage(self) -> bool {
        matches!(self, Access::Read | Access::ReadWrite)
    }
}

/// One buffer or texture that an entry point uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub name: String,
    pub group: u32,
    pub binding: u32,
    pub access: Access,
    /// Bytes of the fixed part, or of one element if the type is a runtime-sized array; zero of a
    /// texture.
    pub element_bytes: u64,
    pub runtime_sized: bool,
    /// Whether floats are stored in it.
    pub has_floats: bool,
}

/// A shader that naga accepted.
#[derive(Debug)]
pub struct Shader {
    pub name: &'static str,
    pub module: naga::Module,
    info: ModuleInfo,
    layouter: Layouter,
}

impl ShaderSource {
    /// The text that the device compiles.
    pub fn compose(&self) -> String {
        self.files.iter().map(|file| format!("{}\n", file.text)).collect()
    }

    /// Parses and validates.
    ///
    /// # Errors
    /// [`GpuError::Shader`] with file and line of the first error.
    pub fn check(&self) -> Result<Shader, GpuError> {
        let text = self.compose();
        let fault = |line: Option<u32>, message: String| GpuError::Shader {
            shader: self.name.to_string(),
            place: self.place(line),
            message,
        };
        let module = naga::front::wgsl::parse_str(&text).map_err(|error| {
            fault(error.location(&text).map(|l| l.line_number), error.emit_to_string(&text))
        })?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::default())
            .validate(&module)
            .map_err(|error| {
                fault(error.location(&text).map(|l| l.line_number), error.emit_to_string(&text))
            })?;
        let mut layouter = Layouter::default();
        layouter.update(module.to_ctx()).map_err(|error| fault(None, error.to_string()))?;
        Ok(Shader { name: self.name, module, info, layouter })
    }

    /// File and line of a line of the composed text.
    fn place(&self, line: Option<u32>) -> String {
        let Some(mut line) = line else { return "somewhere".into() };
        for file in &self.files {
            let lines = file.text.matches('\n').count() as u32 + 1;
            if line <= lines {
                return format!("{} line {line}", file.path);
            }
            line -= lines;
        }
        "past its end".into()
    }
}

impl Shader {
    /// The buffers and textures that an entry point uses, itself or through functions; by binding number.
    pub fn bindings(&self, entry: &str) -> Result<Vec<Binding>, GpuError> {
        let index = self.entry_index(entry)?;
        let uses = self.info.get_entry_point(index);
        let mut bindings: Vec<Binding> = self
            .module
            .global_variables
            .iter()
            .filter(|(handle, _)| !uses[*handle].is_empty())
            .filter_map(|(_, variable)| self.reflect(variable))
            .collect();
        bindings.sort_by_key(|b| (b.group, b.binding));
        Ok(bindings)
    }

    pub fn workgroup_size(&self, entry: &str) -> Result<[u32; 3], GpuError> {
        Ok(self.module.entry_points[self.entry_index(entry)?].workgroup_size)
    }

    /// Names of the pipeline-overridable constants.
    pub fn overrides(&self) -> Vec<String> {
        self.module.overrides.iter().filter_map(|(_, o)| o.name.clone()).collect()
    }

    fn entry_index(&self, entry: &str) -> Result<usize, GpuError> {
        let entries = &self.module.entry_points;
        entries.iter().position(|e| e.name == entry).ok_or_else(|| GpuError::NoEntryPoint {
            shader: self.name.to_string(),
            entry: entry.to_string(),
            found: entries.iter().map(|e| e.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    fn reflect(&self, variable: &naga::GlobalVariable) -> Option<Binding> {
        let place = variable.binding?;
        let access = match variable.space {
            naga::AddressSpace::Uniform => Access::Uniform,
            naga::AddressSpace::Storage { access } => {
                if access.contains(naga::StorageAccess::STORE) {
                    Access::ReadWrite
                } else {
                    Access::Read
                }
            }
            naga::AddressSpace::Handle => Access::Texture,
            _ => return None,
        };
        let (element_bytes, runtime_sized) = match self.module.types[variable.ty].inner {
            naga::TypeInner::Array { stride, size: naga::ArraySize::Dynamic, .. } => {
                (u64::from(stride), true)
            }
            naga::TypeInner::Image { .. } => (0, false),
            _ => (u64::from(self.layouter[variable.ty].size), false),
        };
        Some(Binding {
            name: variable.name.clone()?,
            group: place.group,
            binding: place.binding,
            access,
            element_bytes,
            runtime_sized,
            has_floats: self.has_floats(variable.ty),
        })
    }

    fn has_floats(&self, ty: naga::Handle<naga::Type>) -> bool {
        use naga::{ScalarKind, TypeInner};
        match &self.module.types[ty].inner {
            TypeInner::Scalar(s) | TypeInner::Atomic(s) => s.kind == ScalarKind::Float,
            TypeInner::Vector { scalar, .. } | TypeInner::Matrix { scalar, .. } => {
                scalar.kind == ScalarKind::Float
            }
            TypeInner::Array { base, .. } => self.has_floats(*base),
            TypeInner::Struct { members, .. } => members.iter().any(|m| self.has_floats(m.ty)),
            _ => false,
        }
    }
}
