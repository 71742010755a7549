// A thread takes four positions side by side, one in each lane of its vectors.

const LANES = 4u;
