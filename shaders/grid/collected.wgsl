// What a particle takes from its levels, put together: v = sum lambda v^l, C = sum lambda D C^l / sum
// lambda D (D-weighted, so that angular momentum is kept), L = sum lambda C^l + v^l grad lambda^T.
// Needs `parameters`, `collected`, `entries`.

struct Side {
    // v^l [m/s] and h C^l [m/s per cell of the finest level].
    v: vec3<f32>,
    hc: mat3x3<f32>,
    // D_l / sum lambda D
    weight: f32,
    share: f32,
    // [1/m]
    gradient: vec3<f32>,
    scale: f32,
}

struct Combined {
    v: vec3<f32>,
    hc: mat3x3<f32>,
    // dt L
    stretch: mat3x3<f32>,
}

fn collected_side(p: u32, place: u32, side: u32) -> Side {
    let stride = parameters.entry_stride;
    let entry = entry_of(p, side);
    let taken = momentum_from_rows(
        collected[entry], collected[stride + entry], collected[2u * stride + entry]);
    let scale = level_scale(home_level(place) + side);
    let hc = (4.0 / scale) * taken.b;
    if (!is_in_band(place)) {
        return Side(taken.u, hc, 1.0, 1.0, vec3<f32>(0.0), scale);
    }
    let own = entries[ROW_ENTRY_SHARE * stride + entry];
    let other = entries[ROW_ENTRY_SHARE * stride + entry_of(p, 1u - side)].w;
    // D of the coarser level is four times that of the finer one.
    let d = select(1.0, 4.0, side == 1u);
    let mean = d * own.w + (5.0 - d) * other;
    return Side(taken.u, hc, d / mean, own.w, own.xyz, scale);
}

fn combine(p: u32, place: u32) -> Combined {
    let home = collected_side(p, place, 0u);
    let dt_over_h = parameters.cells_per_speed;
    if (!is_in_band(place)) {
        return Combined(home.v, home.hc, dt_over_h * home.hc);
    }
    let above = collected_side(p, place, 1u);
    return Combined(
        home.share * home.v + above.share * above.v,
        (home.share * home.weight) * home.hc + (above.share * above.weight) * above.hc,
        dt_over_h * (home.share * home.hc + above.share * above.hc)
            + parameters.dt * (outer3(home.v, home.gradient) + outer3(above.v, above.gradient)),
    );
}
