// Regions that take particles away. Needs the uniforms `parameters` and `sinks`.

override SINK_COUNT: u32 = 0u;

// The first sink that holds a particle, at an offset [cells] from a node; or NONE.
fn sink_of(node: vec3<i32>, offset: vec3<f32>) -> u32 {
    for (var index = 0u; index < SINK_COUNT; index++) {
        let sink = sinks[index];
        let d = (vec3<f32>(node - sink.cell) + offset) * parameters.cell_width - sink.offset;
        if (sink_holds(sink, transpose(sink.rotation) * d)) {
            return index;
        }
    }
    return NONE;
}

// Whether a point, in the axes of the sink, is inside; on the surface is inside.
fn sink_holds(sink: SinkAt, d: vec3<f32>) -> bool {
    let radius = sink.size.x;
    let half_length = sink.size.y;
    switch (sink.shape) {
        case SHAPE_BOX: {
            return all(abs(d) <= sink.size);
        }
        case SHAPE_SPHERE: {
            return dot(d, d) <= radius * radius;
        }
        case SHAPE_CAPSULE: {
            let off = vec3<f32>(d.xy, d.z - clamp(d.z, -half_length, half_length));
            return dot(off, off) <= radius * radius;
        }
        default: {
            return dot(d.xy, d.xy) <= radius * radius && abs(d.z) <= half_length;
        }
    }
}
