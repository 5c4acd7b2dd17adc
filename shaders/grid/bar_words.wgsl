// A particle's cotangent as the host reads it: 33 floats: x_bar, v_bar, (h C)_bar (row by row), F_bar (row by
// row), history_bar, constants_bar. Needs `parameters`, `particles_bar`, `constants_bar`, `unloaded_bar`.

// Most constants of any law.
override CONSTANT_COUNT: u32 = 8u;
const BAR_FLOATS: u32 = 33u;

// That of particle p to `base`; of an absent one zeros.
fn pack_bar(p: u32, base: u32, absent: bool) {
    let stride = parameters.row_stride;
    for (var a = 0u; a < 3u; a++) {
        let zero = vec4<f32>(0.0);
        let row = select(particles_bar[(ROW_MOMENTUM_BAR + a) * stride + p], zero, absent);
        let column = select(particles_bar[(ROW_SHAPE_BAR + a) * stride + p], zero, absent);
        unloaded_bar[base + a] = column.w;
        unloaded_bar[base + 3u + a] = row.x;
        for (var b = 0u; b < 3u; b++) {
            unloaded_bar[base + 6u + 3u * a + b] = row[b + 1u];
            unloaded_bar[base + 15u + a + 3u * b] = column[b];
        }
    }
    unloaded_bar[base + 24u] = select(particles_bar[ROW_REST_BAR * stride + p].x, 0.0, absent);
    for (var c = 0u; c < 4u; c++) {
        unloaded_bar[base + 25u + c] = constants_bar[p][c];
        if (CONSTANT_COUNT > 4u) {
            unloaded_bar[base + 29u + c] = constants_bar[stride + p][c];
        }
    }
}
