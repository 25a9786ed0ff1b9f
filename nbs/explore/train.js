// Training as chapters 4 and 6 do it, by mini-batch SGD: a linear model of 785 numbers, and a ReLU net, 784-30-1.
// Nothing here needs a browser. Most pixels of a digit are paper, 0, and take no part: so an epoch is quick.

export const PIXELS = 28 * 28, UNITS = 30
export const NETS = ['linear model', 'ReLU net'], LOSSES = ['mnist_loss', 'cross-entropy'], STARTS = ['zeros', 'small', 'large']

// Random numbers from 0 to 1, always the same ones for a seed (mulberry32).
export const randomFrom = seed => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}
const normal = random => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

// The parameters before training, with a row for each pixel: zeros; small, as `nn.Linear` starts; large, as `init_params` does.
export const begin = (net, start, random) => {
  const draw = (size, inputs) => Float32Array.from({ length: size }, () =>
    start === 'zeros' ? 0 : start === 'large' ? normal(random) : (2 * random() - 1) / Math.sqrt(inputs))
  return net === 'ReLU net'
    ? { w1: draw(PIXELS * UNITS, PIXELS), b1: draw(UNITS, PIXELS), w2: draw(UNITS, UNITS), b2: draw(1, UNITS) }
    : { weights: draw(PIXELS, PIXELS), bias: draw(1, PIXELS) }
}

// Each image as the places and the strengths of its ink, and its target: 1 for a 3, 0 for a 7.
export const prepare = ({ images, labels }) => images.map((pixels, n) => {
  const at = Uint16Array.from(pixels.keys()).filter(i => pixels[i])
  return { at, ink: Float32Array.from(at, i => pixels[i]), target: labels[n] === 3 ? 1 : 0 }
})

// In which order an epoch takes the images: shuffled, or sorted, first all 3s and then all 7s.
export const inOrder = (images, shuffled, random) => {
  const order = [...images.keys()].sort((a, b) => images[b].target - images[a].target)
  if (shuffled) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1)); [order[i], order[j]] = [order[j], order[i]]
    }
  }
  return order
}

// What the units of the ReLU net make of an image.
const activations = ({ w1, b1 }, { at, ink }) => {
  const units = Float64Array.from(b1)
  for (let k = 0; k < at.length; k++) {
    const row = at[k] * UNITS, x = ink[k]
    for (let j = 0; j < UNITS; j++) units[j] += x * w1[row + j]
  }
  return units.map(unit => Math.max(0, unit))
}
const output = ({ w2, b2 }, units) => units.reduce((sum, unit, j) => sum + unit * w2[j], b2[0])
const linear = ({ weights, bias }, { at, ink }) => {
  let sum = bias[0]
  for (let k = 0; k < at.length; k++) sum += ink[k] * weights[at[k]]
  return sum
}
export const score = (numbers, image) => numbers.w1 ? output(numbers, activations(numbers, image)) : linear(numbers, image)

const sigmoid = s => 1 / (1 + Math.exp(-s))
// The loss of one image by its score, and its slope. How steep it is says how much an image moves the weights.
export const lossOf = (loss, s, target) => {
  const towards = target ? s : -s  // above 0 where the model is right
  return loss === 'mnist_loss' ? sigmoid(-towards) : Math.max(0, -towards) + Math.log1p(Math.exp(-Math.abs(s)))
}
export const slopeOf = (loss, s, target) => {
  const p = sigmoid(s)
  return loss === 'mnist_loss' ? (target ? -1 : 1) * p * sigmoid(-s) : p - target
}

// One step of SGD on a batch: all scores with the weights as they are, then all changes.
export const step = (numbers, batch, loss, rate) => {
  const { w1, b1, w2, b2, weights, bias } = numbers
  const seen = batch.map(image => {
    const units = w1 && activations(numbers, image), s = w1 ? output(numbers, units) : linear(numbers, image)
    return { image, units, by: rate * slopeOf(loss, s, image.target) / batch.length }
  })
  if (!w1) {
    for (const { image: { at, ink }, by } of seen) {
      for (let k = 0; k < at.length; k++) weights[at[k]] -= by * ink[k]
      bias[0] -= by
    }
    return
  }
  const out = Float64Array.from(w2)  // the chain rule asks for the second layer as it was
  for (const { image: { at, ink }, units, by } of seen) {
    const back = units.map((unit, j) => unit > 0 ? by * out[j] : 0)
    for (let k = 0; k < at.length; k++) {
      const row = at[k] * UNITS, x = ink[k]
      for (let j = 0; j < UNITS; j++) w1[row + j] -= x * back[j]
    }
    for (let j = 0; j < UNITS; j++) { b1[j] -= back[j]; w2[j] -= by * units[j] }
    b2[0] -= by
  }
}

// What a model gets wrong, `[{ n, s }, …]`, the image's number and its score, and its mean loss.
export const measure = (numbers, images, loss) => {
  const wrong = []
  let sum = 0
  images.forEach((image, n) => {
    const s = score(numbers, image)
    if (!((s > 0) === (image.target === 1))) wrong.push({ n, s })
    sum += lossOf(loss, s, image.target)
  })
  return { wrong, loss: sum / images.length }
}

// A training that can be taken in small pieces. `next(how)` takes one batch, and says whether the epoch is over with it.
export const training = (images, { net, start, seed }) => {
  const random = randomFrom(seed), numbers = begin(net, start, random)
  let order = [], done = 0
  const next = ({ loss, rate, batch, shuffled }) => {
    if (!done) order = inOrder(images, shuffled, random)
    step(numbers, order.slice(done, done + batch).map(n => images[n]), loss, rate)
    done += batch
    if (done < images.length) return false
    done = 0
    return true
  }
  return { numbers, next, part: () => done / images.length }
}
