// A mean cross-entropy and its gradient as separate steps, as one composes them without a fused kernel:
// max → sum → log-softmax → gather → mean, and the gradient from the log-softmax.

override CLASSES: u32;
override ROWS: u32;

@group(0) @binding(0) var<storage, read> scores: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<vec2<u32>>; // 64-bit integers, low word first
@group(0) @binding(2) var<storage, read_write> maxima: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> log_softmax: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;
@group(0) @binding(6) var<storage, read_write> grad: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> mean: array<f32>;

const GROUP: u32 = 64u;
var<workgroup> parts: array<f32, GROUP>;

fn number(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}

fn row_max(row: u32, first: u32, step: u32) -> f32 {
    var most = -3.4e38;
    for (var j = first; j < CLASSES; j += step) {
        most = max(most, scores[row * CLASSES + j]);
    }
    return most;
}

fn row_sum(row: u32, first: u32, step: u32) -> f32 {
    let most = maxima[row];
    var sum = 0.0;
    for (var j = first; j < CLASSES; j += step) {
        sum += exp(scores[row * CLASSES + j] - most);
    }
    return sum;
}

@compute @workgroup_size(GROUP)
fn max_by_thread(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                 @builtin(local_invocation_index) thread: u32) {
    let row = number(group, groups) * GROUP + thread;
    if (row < ROWS) {
        maxima[row] = row_max(row, 0u, 1u);
    }
}

@compute @workgroup_size(GROUP)
fn sum_by_thread(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                 @builtin(local_invocation_index) thread: u32) {
    let row = number(group, groups) * GROUP + thread;
    if (row < ROWS) {
        sums[row] = row_sum(row, 0u, 1u);
    }
}

@compute @workgroup_size(GROUP)
fn max_by_group(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) thread: u32) {
    let row = number(group, groups);
    if (row >= ROWS) {
        return;
    }
    parts[thread] = row_max(row, thread, GROUP);
    workgroupBarrier();
    for (var half = GROUP / 2u; half > 0u; half /= 2u) {
        if (thread < half) {
            parts[thread] = max(parts[thread], parts[thread + half]);
        }
        workgroupBarrier();
    }
    if (thread == 0u) {
        maxima[row] = parts[0];
    }
}

@compute @workgroup_size(GROUP)
fn sum_by_group(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                @builtin(local_invocation_index) thread: u32) {
    let row = number(group, groups);
    if (row >= ROWS) {
        return;
    }
    let sum = group_sum(thread, row_sum(row, thread, GROUP));
    if (thread == 0u) {
        sums[row] = sum;
    }
}

fn group_sum(thread: u32, part: f32) -> f32 {
    parts[thread] = part;
    workgroupBarrier();
    for (var half = GROUP / 2u; half > 0u; half /= 2u) {
        if (thread < half) {
            parts[thread] += parts[thread + half];
        }
        workgroupBarrier();
    }
    return parts[0];
}

@compute @workgroup_size(GROUP)
fn write_log_softmax(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
                     @builtin(local_invocation_index) thread: u32) {
    let quad = number(group, groups) * GROUP + thread;
    if (quad >= arrayLength(&log_softmax)) {
        return;
    }
    // Beyond the last score nothing is read: the index is clamped.
    let at = min(vec4(quad * 4u) + vec4(0u, 1u, 2u, 3u), vec4(ROWS * CLASSES - 1u));
    let rows = row_of(at);
    let x = vec4(scores[at.x], scores[at.y], scores[at.z], scores[at.w]);
    let most = vec4(maxima[rows.x], maxima[rows.y], maxima[rows.z], maxima[rows.w]);
    let sum = vec4(sums[rows.x], sums[rows.y], sums[rows.z], sums[rows.w]);
    log_softmax[quad] = x - most - log(sum);
}

// Four scores beside each other are in one row if the row is made of whole quads.
fn row_of(at: vec4<u32>) -> vec4<u32> {
    if (CLASSES % 4u == 0u) {
        return vec4(at.x / CLASSES);
    }
    return at / CLASSES;
}

@compute @workgroup_size(GROUP)
fn gather(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
          @builtin(local_invocation_index) thread: u32) {
    let row = number(group, groups) * GROUP + thread;
    if (row < ROWS) {
        let at = row * CLASSES + labels[row].x;
        losses[row] = -log_softmax[at / 4u][at % 4u];
    }
}

// The mean is a tree of two dispatches; the maxima are done with, and give room to the sums between.
const PARTS: u32 = 256u;

@compute @workgroup_size(GROUP)
fn sum_losses(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    var sum = 0.0;
    for (var row = group.x * GROUP + thread; row < ROWS; row += PARTS * GROUP) {
        sum += losses[row];
    }
    let all = group_sum(thread, sum);
    if (thread == 0u) {
        maxima[group.x] = all;
    }
}

@compute @workgroup_size(GROUP)
fn write_mean(@builtin(local_invocation_index) thread: u32) {
    var sum = 0.0;
    for (var part = thread; part < PARTS; part += GROUP) {
        sum += maxima[part];
    }
    let all = group_sum(thread, sum);
    if (thread == 0u) {
        mean[0] = all / f32(ROWS);
    }
}

@compute @workgroup_size(GROUP)
fn write_grad(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
              @builtin(local_invocation_index) thread: u32) {
    let quad = number(group, groups) * GROUP + thread;
    if (quad >= arrayLength(&grad)) {
        return;
    }
    let at = min(vec4(quad * 4u) + vec4(0u, 1u, 2u, 3u), vec4(ROWS * CLASSES - 1u));
    let rows = row_of(at);
    let truth = vec4(labels[rows.x].x, labels[rows.y].x, labels[rows.z].x, labels[rows.w].x);
    let one = vec4<f32>(at - rows * CLASSES == truth);
    grad[quad] = (exp(log_softmax[quad]) - one) / f32(ROWS);
}
