// Drawings as a table, in the layout that MNIST travels in: a line for each image, first its label, then its 784 numbers
// from 0, paper, to 255, ink, row by row. Many such files have a line of names above, and many have none. This one has,
// because programs that expect it, as pandas does, would take the first drawing for it. `load_drawings` reads both.

const NAMES = ['label', ...Array.from({ length: 784 }, (_, i) => `pixel${i}`)]

// `drawings` is a list of { label, pixels }, with 784 numbers from 0 to 1 each.
export const toCsv = drawings =>
  [NAMES, ...drawings.map(({ label, pixels }) => [label, ...Array.from(pixels, ink => Math.round(255 * ink))])]
    .map(line => `${line.join(',')}\n`).join('')
