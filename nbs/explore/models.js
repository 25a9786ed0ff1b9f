// Every model of the book that a page can carry, called as the ladder calls them: an image in, a score out, above 0 for a 3.
// An image is a Float32Array(784), row by row, from 0, paper, to 1, ink. Runs in a browser and in Node.
import { train } from './digits.js'
import { numbers, origin } from './numbers.js'
export { numbers, origin }

const dot = (a, b, from = 0) => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[from + i]
  return sum
}

// ---- Chapter 2: the mean digits, and the nearest neighbour

const L1 = (a, b) => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i])
  return sum / a.length
}
const squares = (a, b) => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return sum
}
const L2 = (a, b) => Math.sqrt(squares(a, b) / a.length)
const { mean3, mean7 } = numbers['mean digits']
const fartherTo7 = distance => pixels => distance(pixels, mean7) - distance(pixels, mean3)

// Where in the sample the nearest 3 and the nearest 7 are, and how far away.
export const nearest = pixels => {
  const best = { 3: { distance: Infinity }, 7: { distance: Infinity } }
  train.images.forEach((image, position) => {
    const distance = squares(pixels, image), label = train.labels[position]
    if (distance < best[label].distance) best[label] = { distance, position }
  })
  return Object.fromEntries(Object.entries(best).map(([label, { distance, position }]) => [label, { distance: Math.sqrt(distance), position }]))
}
const nearestScore = pixels => {
  const { 3: three, 7: seven } = nearest(pixels)
  return seven.distance - three.distance
}

// ---- Chapter 4: a weight for each pixel

const linear = numbers['linear model']
const linearScore = pixels => dot(pixels, linear.weights) + linear.bias[0]

// ---- Chapter 6: 30 units, each a linear model and a ReLU, and a linear model of these

const net = numbers['ReLU net']
const HIDDEN = net['0.bias'].length
// What each unit gives.
export const units = pixels =>
  Float64Array.from({ length: HIDDEN }, (_, unit) => Math.max(0, dot(pixels, net['0.weight'], 784 * unit) + net['0.bias'][unit]))
const reluScore = pixels => dot(units(pixels), net['2.weight']) + net['2.bias'][0]

// ---- Chapter 7: three convolutions, each with a batch normalisation, which here has settled to a factor and a shift

const conv = numbers['convolutional net']
const EPS = 1e-5  // PyTorch's
const layer = (place, inputs, stride) => {
  const norm = name => conv[`${place + 1}.${name}`]
  const factor = norm('weight').map((weight, o) => weight / Math.sqrt(norm('running_var')[o] + EPS))
  return { inputs, stride, kernels: conv[`${place}.weight`], factor, shift: norm('bias').map((bias, o) => bias - factor[o] * norm('running_mean')[o]) }
}
const LAYERS = [layer(0, 1, 2), layer(3, 12, 1), layer(7, 24, 1)]

// Maps (outputs × size × size, in one array) after convolution with padding 1, normalisation and ReLU.
const convolve = (maps, size, { inputs, stride, kernels, factor, shift }) => {
  const wide = size + 2, padded = new Float64Array(inputs * wide * wide)
  for (let i = 0; i < inputs; i++) for (let row = 0; row < size; row++) {
    padded.set(maps.subarray((i * size + row) * size, (i * size + row + 1) * size), (i * wide + row + 1) * wide + 1)
  }
  const out = Math.ceil(size / stride), result = new Float64Array(factor.length * out * out)
  for (let o = 0; o < factor.length; o++) {
    const map = result.subarray(o * out * out, (o + 1) * out * out)
    for (let i = 0; i < inputs; i++) for (let k = 0; k < 9; k++) {
      const weight = kernels[(o * inputs + i) * 9 + k], corner = (i * wide + Math.floor(k / 3)) * wide + k % 3
      for (let row = 0, at = 0; row < out; row++) {
        let from = corner + row * stride * wide
        for (let col = 0; col < out; col++, from += stride) map[at++] += weight * padded[from]
      }
    }
    for (let at = 0; at < map.length; at++) map[at] = Math.max(0, factor[o] * map[at] + shift[o])
  }
  return { maps: result, size: out }
}
// The largest of each 2 × 2.
const pool = ({ maps, size }) => {
  const out = size >> 1, result = new Float64Array(maps.length / size / size * out * out)
  for (let at = 0; at < result.length; at++) {
    const col = at % out, row = Math.floor(at / out) % out, map = Math.floor(at / out / out)
    const from = (map * size + 2 * row) * size + 2 * col
    result[at] = Math.max(maps[from], maps[from + 1], maps[from + size], maps[from + size + 1])
  }
  return { maps: result, size: out }
}
// What the three layers give, before pooling: `{ maps, size }` each.
export const featureMaps = pixels => {
  const first = convolve(Float64Array.from(pixels), 28, LAYERS[0])
  const second = convolve(first.maps, first.size, LAYERS[1]), pooled = pool(second)
  return [first, second, convolve(pooled.maps, pooled.size, LAYERS[2])]
}
const convScore = pixels => dot(pool(featureMaps(pixels)[2]).maps, conv['12.weight']) + conv['12.bias'][0]

// ---- All of them

const MODELS = {
  'mean digits, L1': fartherTo7(L1), 'mean digits, L2': fartherTo7(L2), 'nearest neighbour': nearestScore,
  'linear model': linearScore, 'ReLU net': reluScore, 'convolutional net': convScore,
}
export const names = Object.keys(MODELS)

export const scores = (rung, pixels) => {
  if (!(rung in MODELS)) throw new RangeError(`no model is called ${rung}: expected one of ${names.join(', ')}`)
  if (pixels?.length !== 784) throw new RangeError(`expected an image of 784 numbers, got ${pixels?.length ?? typeof pixels}`)
  return MODELS[rung](pixels)
}
