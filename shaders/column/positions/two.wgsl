// A thread takes the two positions of a word, in the first lanes of its vectors. A compiler leaves the other lanes out.

const LANES = 2u;
