// Where particles go when some are split or merged: stretches of numbers that stay together. Needs `runs`.

// Place in `runs` of the last of `count` stretches from `first` on that begins at or before `number`; there is
// one.
fn run_of(first: u32, count: u32, number: u32) -> u32 {
    var low = 0u;
    var high = count;
    while (high - low > 1u) {
        let middle = (low + high) / 2u;
        if (runs[first + middle].x <= number) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return first + low;
}

// What a number stands for on the other side.
fn follow_run(run: u32, number: u32) -> u32 {
    return runs[run].y + (number - runs[run].x);
}
