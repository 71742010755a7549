// What one thread of a target scan found.

struct ScanPart {
    weight: f32,      // Σ w_y over valid rows
    valid: u32,       // valid rows
    bad: u32,         // rows whose label or list means nothing
    first_bad: u32,
}

@group(0) @binding(13) var<storage, read_write> scan_parts: array<ScanPart>;

const ROWWISE = true;
