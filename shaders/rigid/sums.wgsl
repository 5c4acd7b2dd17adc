// What nodes have added up for a body. Needs `pose_limbs`.

// The impulse of a substep, about the centre of the shape.
fn take_impulse(b: u32) -> Impulse {
    return Impulse(take_vector(b * POSE_STRIDE, 0u), take_vector(b * POSE_STRIDE, 3u));
}

// The cotangent of a pose.
fn take_pose(place: u32) -> PoseBar {
    let base = place * POSE_STRIDE;
    return PoseBar(
        take_vector(base, 0u), take_vector(base, 3u), take_vector(base, 6u), take_vector(base, 9u),
    );
}
