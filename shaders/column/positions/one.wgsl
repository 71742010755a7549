// A thread takes one position, in the first lane of its vectors: a quarter of the registers that four positions take. A
// compiler leaves the other lanes out.

const LANES = 1u;
