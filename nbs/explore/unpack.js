// From letters to numbers: what the data modules carry.

export const bytes = letters => Uint8Array.from(atob(letters), letter => letter.charCodeAt(0))
export const inflate = async letters => {
  const stream = new Blob([bytes(letters)]).stream().pipeThrough(new DecompressionStream('deflate'))  // zlib's form of it
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
// 32-bit floats, the smallest byte first, on every machine
export const floats = letters => {
  const { buffer } = bytes(letters), view = new DataView(buffer)
  return Float32Array.from({ length: buffer.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true))
}
