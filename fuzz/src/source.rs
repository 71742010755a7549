//! Bytes as a stream of choices. When they are used up, every choice is the first.

/// What is left of the bytes.
pub struct Source<'a>(pub &'a [u8]);

impl Source<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let (now, rest) = self.0.split_at(self.0.len().min(N));
        bytes[..now.len()].copy_from_slice(now);
        self.0 = rest;
        bytes
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.bytes::<1>()[0]) % count
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> i64 {
        i64::from_le_bytes(self.bytes())
    }

    /// A small integer, one at an edge of its type, or any.
    pub fn integer(&mut self) -> i64 {
        const EDGES: [i64; 8] =
            [-1, -100, i64::MIN, i64::MAX, i32::MIN as i64, i32::MAX as i64, u32::MAX as i64, 1 << 32];
        match self.below(8) {
            0 => EDGES[self.below(EDGES.len())],
            1 => self.bits(),
            _ => self.below(7) as i64,
        }
    }

    /// A plain number, a special one, or any 32 bits.
    pub fn float(&mut self) -> f32 {
        const SPECIAL: [f32; 12] = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            1e-45,
            -0.0,
            -1.0,
            1e4,
            -1e4,
            1.0 + f32::EPSILON,
        ];
        match self.below(8) {
            0 => SPECIAL[self.below(SPECIAL.len())],
            1 => f32::from_le_bytes(self.bytes()),
            _ => self.below(9) as f32 / 8.0,
        }
    }

    pub fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }

    pub fn integers(&mut self, count: usize) -> Vec<i64> {
        (0..count).map(|_| self.integer()).collect()
    }
}
