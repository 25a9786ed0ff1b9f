// The digits that a page carries, as images from 0, paper, to 1, ink, row by row.
import { inflate } from './unpack.js'
import * as sample from './sample.js'
import * as shown from './gallery.js'

const SIZE = 28 * 28

// 1,000 training and 400 validation images, in 16 greys: `{ images: [Float32Array(784), …], labels: [3 or 7, …] }` each
const packed = await inflate(sample.data)
const images = sample.labels.split('').map((_, n) => Float32Array.from({ length: SIZE }, (_, i) => {
  const byte = packed[(n * SIZE + i) >> 1]
  return (i % 2 ? byte & 15 : byte >> 4) / 15
}))
const labels = [...sample.labels].map(Number)
export const train = { images: images.slice(0, sample.origin.train), labels: labels.slice(0, sample.origin.train) }
export const valid = { images: images.slice(sample.origin.train), labels: labels.slice(sample.origin.train) }

// Validation images to start from: `{ position, label, wrong: [names of models], pixels: Float32Array(784) }`
export const gallery = await Promise.all(shown.digits.map(async digit =>
  ({ ...digit, pixels: Float32Array.from(await inflate(digit.pixels), byte => byte / 255) })))
