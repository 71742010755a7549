// Files of named tensors, as float64 arrays.
import { readFileSync } from "node:fs";

/** A file's tensors, and the text of its metadata. */
export function read(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata = {}, ...header } = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    const data = bytes.subarray(8 + length + begin, 8 + length + end);
    tensors[name] = { dtype, shape, values: () => numbers(dtype, data) };
  }
  return { tensors, metadata };
}

/** Little-endian numbers, widened. */
export function numbers(dtype, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [size, at] = {
    F64: [8, (i) => view.getFloat64(i, true)],
    F32: [4, (i) => view.getFloat32(i, true)],
    U32: [4, (i) => view.getUint32(i, true)],
    F16: [2, (i) => half(view.getUint16(i, true))],
    BF16: [2, (i) => brain(view.getUint16(i, true))],
  }[dtype];
  return Float64Array.from({ length: bytes.byteLength / size }, (_, i) => at(i * size));
}

function half(bits) {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
}

function brain(bits) {
  const word = new DataView(new ArrayBuffer(4));
  word.setUint32(0, bits * 65536);
  return word.getFloat32(0);
}
