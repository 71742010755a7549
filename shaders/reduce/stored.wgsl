// What the threads of a scan found, stored for the one workgroup that merges it.

@group(0) @binding(13) var<storage, read_write> stored: array<Found>;

fn found(i: u32) -> Found {
    return stored[i];
}
