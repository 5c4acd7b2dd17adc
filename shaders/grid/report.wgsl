// What went wrong first, for the host. Needs `status` and `step`.

// Notes a particle that diverged, if none did in an earlier substep and none before it in this one.
fn report(p: u32, finite: bool) {
    report_first(2u * p + u32(finite));
}

fn report_first(what: u32) {
    if (atomicLoad(&status.substep) >= step.substep) {
        atomicMin(&status.substep, step.substep);
        atomicMin(&status.first, what);
    }
}
