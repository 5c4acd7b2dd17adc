//! Every kernel's shader is valid, stays within the default limits, and has an adjoint that reads
//! and writes what it must.

use softscape::gpu::Access;
use softscape::mpm::device::KernelId;

#[test]
fn every_shader_is_valid_and_within_the_default_limits() {
    // WebGPU's default limit of storage buffers a stage.
    const STORAGE_BUFFERS: usize = 8;
    let mut faults = Vec::new();
    for id in KernelId::ALL {
        let shader = match id.source().check() {
            Ok(shader) => shader,
            Err(error) => {
                faults.push(error.to_string());
                continue;
            }
        };
        let bindings = shader.bindings(id.entry()).unwrap();
        let storage = bindings.iter().filter(|b| b.access != Access::Uniform).count();
        assert!(storage <= STORAGE_BUFFERS, "{} uses {storage} storage buffers", id.name());
        let [x, y, z] = shader.workgroup_size(id.entry()).unwrap();
        assert!(x * y * z <= 256, "{} has workgroups of {x} x {y} x {z}", id.name());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
