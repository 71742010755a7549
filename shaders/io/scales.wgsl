// The scales, as the target scan left them.

@group(0) @binding(1) var<uniform> scales: Scales;
