// Shared structs and constants; SI units unless a comment says cells.
// src/mpm/device/layout.rs mirrors every struct; a test compares sizes and offsets.

// No slot, no cell.
const NONE: u32 = 0xffffffffu;
// Cells, and nodes, of one block: 4 x 4 x 4, x fastest.
const BLOCK_CELLS: u32 = 64u;
// Places in a block's table of neighbours: (dx + 1) + 3 (dy + 1) + 9 (dz + 1).
const NEIGHBOURS: u32 = 27u;
const SELF: u32 = 13u;

// --- Particles ---

// A particle is seven rows of an array of vec4, row r of particle p at `r * row_stride + p`:
//   0     offset from the nearest node [cells, each in [-1/2, 1/2)), mass [kg]
//   1..3  v_r [m/s], B_r.: row r of the affine velocity B = h C - (4 dt / h) (V/m) tau [m/s per cell],
//         so that the particle gives a node at d [cells] the momentum w m (v + B d)
//   4..6  columns of F; in w the plastic history, V/m [m³/kg], and the class number
// and, where a law of the model reads the strain rate (HAS_RATE), two more:
//   7     xx, yy, zz, xy of sym C [1/s]
//   8     yz, zx of it, 0, 0
const ROW_MOMENTUM: u32 = 1u;
const ROW_SHAPE: u32 = 4u;
const ROW_RATE: u32 = 7u;

// Its cotangent is seven rows likewise:
//   0..2  v_bar_r, B_bar_r.
//   3..5  columns of F_bar; in w the component of x_bar [1/m]
//   6     history_bar, sum of activation_bar over the present control step
const ROW_MOMENTUM_BAR: u32 = 0u;
const ROW_SHAPE_BAR: u32 = 3u;
const ROW_REST_BAR: u32 = 6u;

// What is the same for every substep.
struct Parameters {
    // dt g [m/s].
    gravity_step: vec3<f32>,
    // Substep [s].
    dt: f32,
    // h [m].
    cell_width: f32,
    // dt / h [cells per m/s].
    cells_per_speed: f32,
    // 4 dt / h: from sum w v d^T [m/s] to dt C, and from V/m tau to its part of B.
    affine_step: f32,
    // A node with less mass [kg] is empty.
    empty_mass: f32,
    particle_count: u32,
    // Distance between rows of a particle array [elements].
    row_stride: u32,
    slot_capacity: u32,
    occupied_capacity: u32,
    // Size of the hash table, a power of two, minus one.
    hash_mask: u32,
    collider_count: u32,
    moving_count: u32,
    rigid_count: u32,
    // How often particles are in the lists of cells: once each, or twice where there are levels.
    entry_count: u32,
    // Distance between rows of an array of entries [elements].
    entry_stride: u32,
}

// --- Levels of resolution ---

// Where there are levels, a particle has two entries in the lists of cells: entry p on the finest level
// that it takes part in (its home), and entry row_stride + p on the level above, if it is in a band.
// Rows of a particle then hold h C, not B, and it has no rows of the rate. What an entry gives to its level
// is five rows at `r * entry_stride + entry`:
//   0     offset from that level's nearest node [cells of the level], lambda m
//   1..3  momentum: u_r, B_r., so that it gives a node at d [cells of the level] w (u + B d), w lambda m
//   4     gradient of lambda [1/m], lambda
// What it takes are three rows (v_r, M_r.): sum w v_i, sum w v_i d^T; and its cotangent is four:
//   0..2  (y_r, Y_r.): what it gives back to the nodes; then (S_r, T_r.), what it gets from them
//   3     x_bar [1/m]; sum w m_bar
const ROW_ENTRY_MOMENTUM: u32 = 1u;
const ROW_ENTRY_SHARE: u32 = 4u;
const ROW_ENTRY_REST_BAR: u32 = 3u;

// The nearest node of the finest lattice, and in w: the home level, whether the particle is in the band
// above it, on which axes its offset is negative, and whether it is held still, at the rim of what sleeps.
const PLACE_LEVEL: u32 = 7u;
const PLACE_BAND: u32 = 8u;
const PLACE_NEGATIVE: u32 = 16u;
const PLACE_HELD: u32 = 128u;

// An upright box, open above, that distance is measured from (src/model/levels.rs).
struct ReachAt {
    // as a ColliderAt has them
    cell: vec3<i32>,
    // what a metre below counts against one beside
    depth_weight: f32,
    offset: vec3<f32>,
    // extents along, across and downwards [m]
    low: vec3<f32>,
    along: vec2<f32>,
    high: vec2<f32>,
}

// A distance for every place (x, y), one of the fields (src/model/levels.rs).
struct MapAt {
    // of its centre, as a ColliderAt has them
    cell: vec2<i32>,
    offset: vec2<f32>,
    field: FieldAt,
}

// Most boxes that distance is measured from.
const REACHES: u32 = 30u;

// The resolution field of one control step.
struct Resolution {
    reach_count: u32,
    band_count: u32,
    // over which several distances are blended [m]
    blend: f32,
    // 0 leaves out the gradients of shares: a control, and wrong
    coupled: f32,
    // start and width [m], from level l to l + 1
    bands: array<vec4<f32>, 7>,
    reaches: array<ReachAt, REACHES>,
    // one more distance, where HAS_MAP
    map: MapAt,
}

// What a particle is, as far as it matters to whether it is split or merged: its level, log2 of the particles
// along the edge of a cell in its body, whether it may be merged, and whether it is too light for its level.
const KIND_LEVEL: u32 = 7u;
const KIND_FINER: u32 = 8u;
const KIND_MERGES: u32 = 32u;
const KIND_LIGHT: u32 = 64u;
// and its body above these.
const KIND_BODY: u32 = 256u;

// What splitting and merging at the start of a control step needs to know.
struct Following {
    // how long it lasts [s]
    control_secs: f32,
    // as Levels::hysteresis [m]
    hysteresis: f32,
    // by how much a distance to the reaches may be off, beside what is relative to it [m]
    tolerance: f32,
    // Distance between rows of the particles before the change, or in the reverse pass after it.
    stride_before: u32,
    // Stretches in `runs`: by place, then by id.
    place_runs: u32,
    id_runs: u32,
    // Particles that were made.
    made_count: u32,
    // Whether all are wanted that may be in a group, also of groups that are not merged as they are.
    is_unfiltered: u32,
}

// What is known of particles that may be merged with one another; zero before.
struct MergeGroup {
    // Sum of volumes by what one merged particle stands for, in GROUP_STEPS.
    fill: atomic<u32>,
    count: atomic<u32>,
    // Those that are not light ones of the level itself.
    heavy_count: atomic<u32>,
    // Largest way, as the bits of a float [m].
    fastest: atomic<u32>,
    // NONE minus the lowest id, and where it is stored.
    first: atomic<u32>,
    first_place: atomic<u32>,
    // Whether its particles are too different.
    is_apart: atomic<u32>,
    // Whether others may change which particles are in it: then the host decides.
    is_whole: atomic<u32>,
}
const GROUP_STEPS: f32 = 65536.0;
// Words of a particle that the host may split or merge.
const CONCERNED_WORDS: u32 = 29u;
// Words before the first of them, that are copied there: how many there are, and the status.
const CONCERNED_HEAD: u32 = 5u;
// Of a stretch in `runs`: its particles are new, and numbered in the order of the upload.
const RUN_IS_NEW: u32 = 0x80000000u;
// Rows of a particle that the host made: those of a particle, then its cell and PLACE_HELD or 0, then its id and
// kind.
const MADE_ROWS: u32 = 9u;
const MADE_ROW_CELL: u32 = 7u;
const MADE_ROW_ID: u32 = 8u;

// --- Ground that sleeps ---

// How the world is divided into chunks, square columns, and what becomes of some of them.
struct Ground {
    // x and y of the origin node
    origin: vec2<i32>,
    // edge of a chunk [cells of the finest level]
    chunk_cells: i32,
    // chunks whose particles do not stay as they are
    fate_count: u32,
}
// Words of a chunk in the table of what stirs; before the first of them whether there was no room, and a status.
const CHUNK_WORDS: u32 = 5u;
const CHUNKS_HEAD: u32 = 5u;
// What becomes of the particles of a chunk (src/mpm/twin/sleep): they are no longer held; held, without velocity; in
// the archive; gone, for terrain makes them again.
const FATE_WAKES: u32 = 0u;
const FATE_STILLS: u32 = 1u;
const FATE_LEAVES: u32 = 2u;
const FATE_GOES: u32 = 3u;
// Words of a particle that leaves for the archive.
const LEAVING_WORDS: u32 = 17u;

// What differs from substep to substep; a dispatch chooses one.
struct Step {
    substep: u32,
    // Control step that the stress at the end of this substep belongs to.
    stress_control: u32,
    // Whether the stress at the end of the following substep belongs to another one: then the
    // reverse pass starts the sum of activation cotangents anew here.
    restart: u32,
    // What comes at its end: births[first_birth ..], in the blocks openings[first_opening ..].
    first_birth: u32,
    birth_count: u32,
    first_opening: u32,
    opening_count: u32,
}

// --- Materials ---

// Law::constants: mu and lambda [Pa], then what else a law has.
struct Constants {
    low: vec4<f32>,
    high: vec4<f32>,
}

// One constitutive law: LawKind and its constants.
struct MaterialAt {
    k: Constants,
    kind: u32,
}
const MATERIALS: u32 = 64u;

// What the stress of a particle depends on.
struct Local {
    f: mat3x3<f32>,
    // sym C [1/s]; zero unless HAS_RATE
    rate: mat3x3<f32>,
    history: f32,
}

struct StressAdj {
    f_bar: mat3x3<f32>,
    // symmetric: by C as well as by sym C
    rate_bar: mat3x3<f32>,
    history_bar: f32,
    k_bar: Constants,
}

struct ReturnMap {
    f: mat3x3<f32>,
    history: f32,
}

struct ReturnMapAdj {
    f_bar: mat3x3<f32>,
    history_bar: f32,
    k_bar: Constants,
}

// Activations [Pa] of one control step, four muscles a row.
struct Activations {
    rows: array<vec4<f32>, 16>,
}
const MUSCLES: u32 = 64u;

// --- Colliders ---

const SHAPE_HALF_SPACE: u32 = 0u;
const SHAPE_BOX: u32 = 1u;
const SHAPE_SPHERE: u32 = 2u;
const SHAPE_CAPSULE: u32 = 3u;
const SHAPE_CYLINDER: u32 = 4u;
const SHAPE_MESH: u32 = 5u;
const SHAPE_HEIGHT_FIELD: u32 = 6u;

const CONTACT_STICKY: u32 = 0u;
const CONTACT_SLIP: u32 = 1u;
const CONTACT_SEPARATE: u32 = 2u;

// One collider at one substep. A node at integer cell i lies at d = (i - cell) h - offset from its
// origin: exact wherever in the world.
struct ColliderAt {
    // grid node nearest to the body's origin, absolute
    cell: vec3<i32>,
    // SHAPE_...
    shape: u32,
    // of the origin from that node [m]
    offset: vec3<f32>,
    // CONTACT_...
    mode: u32,
    // world_from_body
    rotation: mat3x3<f32>,
    // [m/s], of the body's origin
    velocity: vec3<f32>,
    // Coulomb coefficient
    friction: f32,
    // [rad/s], world frame
    angular_velocity: vec3<f32>,
    // width of the softened zone [m]; 0 is hard
    softness: f32,
    // half extents of a box, (radius, half length) [m], or the number of its field
    size: vec3<f32>,
    // place among the colliders that move, or NONE
    moving: u32,
}

// Coefficients of the spline of a mesh's distance, or of ground's height, on a regular grid in the
// body frame.
struct FieldAt {
    // where the first lies [m]
    low: vec3<f32>,
    // its number among all
    first: u32,
    // [m]
    spacing: vec3<f32>,
    // distance from the surface within which it is not known where it is [m]; of ground the factor
    // that makes a height above it a lower bound of the distance
    bound: f32,
    // along x, y, z; x fastest
    counts: vec3<u32>,
    // box around a mesh [m]
    middle: vec3<f32>,
    half: vec3<f32>,
}
const FIELDS: u32 = 64u;

// Cotangent of a pose and twist; the rotation about the world axes through the body's origin.
struct PoseBar {
    position: vec3<f32>,
    rotation: vec3<f32>,
    velocity: vec3<f32>,
    angular_velocity: vec3<f32>,
}

// --- What comes and goes ---

// The location of a particle that is not there is (NONE, the sink that took it), or (NONE, NONE) before it
// comes. What the host reads of such a one has this for the first coordinate of its cell.
const ABSENT_CELL: u32 = 0x80000000u;

// A particle that comes from a nozzle, with what is constant of it.
struct Birth {
    cell: vec3<i32>,
    // where it is stored
    particle: u32,
    // from that node [cells, each in [-1/2, 1/2)]
    offset: vec3<f32>,
    // [kg]
    mass: f32,
    // [m/s]
    velocity: vec3<f32>,
    // V/m [m³/kg]
    specific_volume: f32,
    // [rad/s]; C is its cross product
    spin: vec3<f32>,
    class_number: f32,
}

// A region that takes particles; its pose as that of a ColliderAt.
struct SinkAt {
    cell: vec3<i32>,
    // SHAPE_...
    shape: u32,
    offset: vec3<f32>,
    rotation: mat3x3<f32>,
    size: vec3<f32>,
}
const SINKS: u32 = 16u;

// --- Free rigid bodies ---

// Most bodies: one thread each of one workgroup.
const RIGID_BODIES: u32 = 64u;
// Rounds of contact in a substep.
const ROUNDS: u32 = 8u;

// What is constant of a body; its frame has the axes of its shape, the origin at the centre of mass.
struct RigidBody {
    // [kg m²], and its inverse
    inertia: mat3x3<f32>,
    inverse_inertia: mat3x3<f32>,
    // of the shape [m]
    centre: vec3<f32>,
    // [kg]
    mass: f32,
    // as a ColliderAt has them
    size: vec3<f32>,
    shape: u32,
    mode: u32,
    friction: f32,
    softness: f32,
    // from the centre of mass to the farthest point [m]
    reach: f32,
    // part of the mass that meets another body's point
    share: f32,
    first_point: u32,
    point_count: u32,
    pad: u32,
}

struct RigidPoint {
    // from the centre of mass, body axes [m]
    position: vec3<f32>,
    radius: f32,
    // part of the body's mass that collides here
    share: f32,
}

// Pose and twist of the centre of mass.
struct RigidMotion {
    cell: vec3<i32>,
    // from that node [cells, each in [-1/2, 1/2))
    offset: vec3<f32>,
    // quaternion (x, y, z, w)
    rotation: vec4<f32>,
    velocity: vec3<f32>,
    angular_velocity: vec3<f32>,
}

struct Twist {
    velocity: vec3<f32>,
    angular_velocity: vec3<f32>,
}

// Momentum given [N s], and its moment about a stated point [N m s]; or a cotangent of that.
struct Impulse {
    linear: vec3<f32>,
    angular: vec3<f32>,
}

// Cotangent of motion, inertia and mass.
struct RigidBar {
    motion: PoseBar,
    inertia: mat3x3<f32>,
    mass: f32,
}

// What rigid_update hands to the stages before it.
struct RigidPartial {
    bar: RigidBar,
    // of the predicted twist
    twist_bar: Twist,
    // of the impulse of the nodes, then of each round of contact
    impulse_bar: Impulse,
}

// --- The sparse grid ---

// The particles of one cell: order[first .. first + count]. `next` counts those of the next substep.
struct Cell {
    first: u32,
    count: u32,
    next: u32,
}
struct CellCounter {
    first: u32,
    count: u32,
    next: atomic<u32>,
}

// One slot of the block table. Slots are numbered as they are met, which is racy, and nothing but
// addresses depends on it. A slot is free as long as it is not its own neighbour SELF.
struct Block {
    // Block coordinates (cell >> 2), resolution level.
    key: vec4<i32>,
    // Slots of the 27 blocks around; complete once this block, or the neighbour, was occupied.
    neighbours: array<u32, 27>,
    // 1 once all its neighbours have slots.
    expanded: u32,
    // Which of its cells hold particles, bit = cell.
    mask: vec2<u32>,
    // Place in the list of occupied blocks, where the mask is not zero.
    occupied_index: u32,
    // Entry i of three lists of slots lives in blocks[i]: those with particles, those with nodes
    // that particles reach, those occupied for the first time.
    occupied_slot: u32,
    node_slot: u32,
    expanding_slot: u32,
}

// Workgroups of the dispatches over slots, and the number of slots.
struct SlotArguments {
    groups: atomic<u32>,
    groups_y: u32,
    groups_z: u32,
    slot_count: atomic<u32>,
}

// Workgroups of the dispatches over lists; reset before every substep.
struct ListArguments {
    occupied: atomic<u32>,
    occupied_y: u32,
    occupied_z: u32,
    particle_total: atomic<u32>,
    nodes: atomic<u32>,
    nodes_y: u32,
    nodes_z: u32,
    // Slots of blocks that hold particles or touch one that does.
    live: atomic<u32>,
    expanding: atomic<u32>,
    expanding_y: u32,
    expanding_z: u32,
    // Entries whose block has no slot yet, in workgroups of 64 and in all.
    wanted_count: atomic<u32>,
    wanted: atomic<u32>,
    wanted_y: u32,
    wanted_z: u32,
    pad: u32,
}

// What went wrong first; read by the host when it waits.
struct Status {
    // First substep in which something diverged, and the first of it: twice the place of a particle in storage, and
    // one more if it is finite, but too fast; or FIRST_BODY and the number of a rigid body.
    substep: atomic<u32>,
    first: atomic<u32>,
    // Most slots, and most occupied blocks, ever needed.
    slots_needed: atomic<u32>,
    occupied_needed: atomic<u32>,
}
// Greater than any particle's.
const FIRST_BODY: u32 = 0xffffff00u;
