// From a picture to the 28 × 28 numbers that the models want, step by step as `scan_to_digit` of chapter 8 does it.
// A picture is what canvases give, { width, height, data } with four bytes a pixel. An image is { pixels, width, height },
// row by row, from 0, paper, to 1, ink. Python rounds most of its numbers to 32 bits, and so does `fround` here.

const SIZE = 28, LONG = 20  // of an image of MNIST, and of the longer side of the digit in it
const LIGHT = Float32Array.from({ length: 256 }, (_, grey) => grey / 255)
const { abs, ceil, floor, fround, max, min, trunc } = Math

// As Python rounds: a half to the even neighbour
const round = x => {
  const below = floor(x), rest = x - below
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1
}

// ---- 1. Find the ink

// One of the three colours, on white paper where it is transparent. Pillow reckons in whole numbers here.
const onWhite = (colour, alpha) => {
  if (alpha === 255) return colour
  const mixed = (colour * alpha + 255 * (255 - alpha)) * 128 + 16384
  return ((mixed >> 8) + mixed) >> 15
}

// How light each pixel is, from 0 to 1
const greyOf = ({ width, height, data }) => {
  const grey = new Float32Array(width * height)
  for (let i = 0, at = 0; i < grey.length; i++, at += 4) {
    const alpha = data[at + 3], red = onWhite(data[at], alpha), green = onWhite(data[at + 1], alpha), blue = onWhite(data[at + 2], alpha)
    grey[i] = LIGHT[(19595 * red + 38470 * green + 7471 * blue + 32768) >> 16]
  }
  return grey
}

// Bring the k-th smallest value, from 0, to place k, the smaller ones before it and the larger ones behind.
const arrange = (values, k) => {
  let from = 0, to = values.length - 1
  while (from < to) {
    const middle = values[(from + to) >> 1]
    let i = from, j = to
    while (i <= j) {
      while (values[i] < middle) i++
      while (values[j] > middle) j--
      if (i <= j) { const other = values[i]; values[i++] = values[j]; values[j--] = other }
    }
    if (k <= j) to = j
    else if (k >= i) from = i
    else return
  }
}

// The value below which lies a share of the values, as `np.quantile` finds it between two of them. Changes their order.
const quantile = (values, share) => {
  const place = (values.length - 1) * share, k = floor(place), between = place - k
  arrange(values, k)
  const low = values[k], high = k + 1 < values.length ? values.subarray(k + 1).reduce((a, b) => min(a, b)) : low
  return between < 0.5 ? low + (high - low) * between : high - (high - low) * (1 - between)
}

// Solve three equations in three unknowns, each three factors and a result. What can't be told apart becomes 0.
const solve = equations => {
  const least = 1e-9 * equations[0][0]
  for (const [p, own] of equations.entries()) {
    for (const other of equations) {
      if (other === own || own[p] < least) continue
      const share = other[p] / own[p]
      for (let j = 0; j < 4; j++) other[j] -= share * own[j]
    }
  }
  return equations.map((own, p) => own[p] < least ? 0 : own[3] / own[p])
}

// How bright the paper is: a plane [a, b, c], which is a + b y + c x, fitted to the 60 % of pixels nearest to it. y and x
// run from -1 to 1. Some thousand pixels are enough.
export const paperLight = (grey, width, height) => {
  const k = 1 + floor(max(width, height) / 100), wide = ceil(width / k), n = wide * ceil(height / k)
  const ys = new Float64Array(n), xs = new Float64Array(n), seen = new Float64Array(n), far = new Float64Array(n)
  const [stepY, stepX] = [height, width].map(size => size > 1 ? 2 / (size - 1) : 1)
  for (let i = 0; i < n; i++) {
    const row = k * floor(i / wide), col = k * (i % wide)
    ys[i] = row * stepY - 1
    xs[i] = col * stepX - 1
    seen[i] = grey[row * width + col]
  }
  let limit = Infinity, plane
  for (let fit = 1; fit <= 5; fit++) {
    let count = 0, y = 0, x = 0, yy = 0, yx = 0, xx = 0, s = 0, sy = 0, sx = 0
    for (let i = 0; i < n; i++) {
      if (far[i] > limit) continue
      const v = ys[i], u = xs[i], light = seen[i]
      count++; y += v; x += u; yy += v * v; yx += v * u; xx += u * u; s += light; sy += light * v; sx += light * u
    }
    plane = solve([[count, y, x, s], [y, yy, yx, sy], [x, yx, xx, sx]])
    if (fit === 5) break
    for (let i = 0; i < n; i++) far[i] = abs(seen[i] - (plane[0] + plane[1] * ys[i] + plane[2] * xs[i]))
    limit = quantile(far.slice(), 0.6)
  }
  return plane
}

export const REFUSED = {  // as Python says it
  plain: 'no digit found: the picture is (nearly) of one colour',
  specks: 'no digit found: there are only specks',
  several: 'found several things, or one as wide as two digits: expected a picture of one digit alone',
}

// Where the ink is, as an image of the picture's size, or `null` for a picture that is nearly of one colour.
export const findInk = picture => {
  const { width, height } = picture, grey = greyOf(picture), pixels = new Float32Array(width * height)
  const [a, b, c] = paperLight(grey, width, height)
  const [stepY, stepX] = [height, width].map(size => size > 1 ? 2 / (size - 1) : 1)
  let most = 0
  for (let row = 0, i = 0; row < height; row++) {
    const light = a + b * (row * stepY - 1)
    for (let col = 0; col < width; col++, i++) {
      pixels[i] = abs(grey[i] - (light + c * (col * stepX - 1)))  // darker, or brighter
      if (pixels[i] > most) most = pixels[i]
    }
  }
  if (most < fround(0.2)) return null
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] /= most
    if (pixels[i] < 0.25) pixels[i] = 0  // what differs only a bit is dirt
  }
  return { pixels, width, height }
}

// Number the things: ink that touches, at a corner too, is one thing. Gives each pixel's number, 0 for none, and the boxes
// [top, left, bottom, right] of the things, from number 1 on.
const things = ({ pixels, width, height }) => {
  const numbers = new Int32Array(pixels.length), boxes = [], waiting = []
  for (let start = 0; start < pixels.length; start++) {
    if (!pixels[start] || numbers[start]) continue
    const box = [height, width, 0, 0], number = boxes.push(box)
    numbers[start] = number
    waiting.push(start)
    while (waiting.length) {
      const at = waiting.pop(), row = floor(at / width), col = at % width
      box[0] = min(box[0], row); box[1] = min(box[1], col); box[2] = max(box[2], row + 1); box[3] = max(box[3], col + 1)
      for (let r = max(row - 1, 0); r < min(row + 2, height); r++) {
        for (let c = max(col - 1, 0); c < min(col + 2, width); c++) {
          const next = r * width + c
          if (pixels[next] && !numbers[next]) { numbers[next] = number; waiting.push(next) }
        }
      }
    }
  }
  return { numbers, boxes }
}

const around = boxes => [0, 1, 2, 3].map(side => boxes.reduce((most, box) => (side < 2 ? min : max)(most, box[side]), boxes[0][side]))
// How many rows or columns lie between two boxes, whichever is more; below 0 if they overlap
const gap = (a, b) => max(max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3]))

// Do some things lie apart, or are all of them together wider than a digit?
const isSeveral = boxes => {
  const bySide = (a, b) => a.map((side, i) => side - b[i]).find(difference => difference) ?? 0
  let [digit, ...others] = [...boxes].sort(bySide)
  const [top, left, bottom, right] = around(boxes), height = bottom - top, width = right - left
  for (;;) {  // strokes of one digit nearly touch
    const near = others.filter(other => gap(digit, other) <= 0.06 * max(height, width))
    if (!near.length) break
    digit = around([digit, ...near])
    others = others.filter(other => !near.includes(other))
  }
  return others.length > 0 || width > 1.6 * height
}

// The ink of the digit alone, without specks, and without what lies at the edge; or why there is none, as a key of REFUSED.
const oneDigit = ink => {
  const { width, height, pixels } = ink, { numbers, boxes } = things(ink), side = max(width, height)
  let long = boxes.map(([top, left, bottom, right]) => max(bottom - top, right - left))
  const inside = boxes.map(([top, left, bottom, right], i) => top > 0 && left > 0 && bottom < height && right < width && long[i] >= 0.1 * side)
  if (inside.some(Boolean)) long = long.map((length, i) => inside[i] ? length : 0)
  const longest = long.reduce((a, b) => max(a, b)), large = long.map(length => length >= longest / 4)
  if (longest < 0.03 * side) return 'specks'
  if (isSeveral(boxes.filter((_, i) => large[i]))) return 'several'
  const alone = pixels.map((value, i) => numbers[i] && large[numbers[i] - 1] ? value : 0)
  const most = alone.reduce((a, b) => max(a, b))
  return { pixels: alone.map(value => value / most), width, height }
}

// ---- 2. Cut it out, and scale it

// The smallest box that holds all ink: { left, top, width, height }
const boxOf = ({ pixels, width, height }) => {
  let left = width, right = -1, top = height, bottom = -1
  for (let row = 0, i = 0; row < height; row++) {
    for (let col = 0; col < width; col++, i++) {
      if (!pixels[i]) continue
      if (col < left) left = col
      if (col > right) right = col
      if (row < top) top = row
      bottom = row
    }
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 }
}

const crop = (image, { left, top, width, height }) => {
  const pixels = new Float32Array(width * height)
  for (let row = 0; row < height; row++) {
    const from = (top + row) * image.width + left
    pixels.set(image.pixels.subarray(from, from + width), row * width)
  }
  return { pixels, width, height }
}

// For each of `to` new pixels, which of the `from` old ones it is a mean of, and their weights: a triangle over the place
// of the new pixel, as wide as needed for no old pixel to be passed over. Pillow calls that bilinear.
const mixture = (from, to) => Array.from({ length: to }, (_, i) => {
  const scale = from / to, reach = max(scale, 1), centre = (i + 0.5) * scale
  const first = max(trunc(centre - reach + 0.5), 0), end = min(trunc(centre + reach + 0.5), from)
  const weights = Float64Array.from({ length: end - first }, (_, j) => max(1 - abs((first + j - centre + 0.5) / reach), 0))
  const sum = weights.reduce((a, b) => a + b)
  return { first, weights: weights.map(weight => weight / sum) }
})

// Resize an image: first along its rows, then along its columns.
export const resize = ({ pixels, width: oldWidth, height: oldHeight }, width, height) => {
  const across = new Float32Array(width * oldHeight), result = new Float32Array(width * height)
  mixture(oldWidth, width).forEach(({ first, weights }, col) => {
    for (let row = 0; row < oldHeight; row++) {
      let sum = 0
      for (let j = 0, at = row * oldWidth + first; j < weights.length; j++) sum += pixels[at + j] * weights[j]
      across[row * width + col] = sum
    }
  })
  mixture(oldHeight, height).forEach(({ first, weights }, row) => {
    for (let col = 0; col < width; col++) {
      let sum = 0
      for (let j = 0; j < weights.length; j++) sum += across[(first + j) * width + col] * weights[j]
      result[row * width + col] = sum
    }
  })
  return { pixels: result, width, height }
}

// Resize an image so that a length of `from` pixels has `to`, with its darkest pixel 1 again.
const scaled = (image, from, to) => {
  const [width, height] = [image.width, image.height].map(size => max(1, round(size * to / from)))
  const small = resize(image, width, height)
  const most = small.pixels.reduce((a, b) => max(a, b))
  return { ...small, pixels: small.pixels.map(ink => ink / most) }
}

// ---- 3. Centre it by its mass

// The mean position of the ink: [row, column]
export const centreOfMass = ({ pixels, width }) => {
  let mass = 0, rows = 0, cols = 0
  pixels.forEach((ink, i) => {
    mass += ink
    rows += ink * floor(i / width)
    cols += ink * (i % width)
  })
  return [rows / mass, cols / mass]
}

const placed = (image, row, col) => {
  const { width, height } = image, pixels = new Float32Array(SIZE * SIZE)
  const [top, left] = [[row, height], [col, width]].map(([start, size]) => min(max(start, 0), SIZE - size))
  for (let i = 0; i < height; i++) pixels.set(image.pixels.subarray(i * width, (i + 1) * width), (top + i) * SIZE + left)
  return { pixels, width: SIZE, height: SIZE }
}

// ---- All of it

// The 784 numbers of a picture, and each step on the way; or in `refused`, why there are none. With all three steps on, they
// are those of `scan_to_digit`. A reader may switch steps off, and see what each is good for. Think of the whole picture,
// shrunk until its longer side has 28 pixels, in the middle of the 28 × 28.
// - without `crop`, the whole picture is scaled, not the digit, which gets small;
// - without `scale`, the digit has the size that it has in the shrunk picture, and is not made 20 pixels long;
// - without `centre`, its middle stays where it is in the shrunk picture, but none of it leaves the 28 × 28.
// With all of them off, nothing is left but the shrinking.
export const prepare = (picture, { crop: cut = true, scale = true, centre = true } = {}) => {
  const all = findInk(picture), ink = all ? oneDigit(all) : 'plain'
  if (typeof ink === 'string') return { refused: REFUSED[ink] }
  const box = cut ? boxOf(ink) : { left: 0, top: 0, width: ink.width, height: ink.height }
  const cropped = cut ? crop(ink, box) : ink, whole = max(ink.width, ink.height)
  const small = scale ? scaled(cropped, max(box.width, box.height), LONG) : scaled(cropped, whole, SIZE)
  const [row, col] = centre ? centreOfMass(small).map(mass => round(SIZE / 2 - mass))
    : [[box.top + box.height / 2 - ink.height / 2, small.height], [box.left + box.width / 2 - ink.width / 2, small.width]]
      .map(([middle, size]) => round(SIZE / 2 + middle * SIZE / whole - size / 2))
  const digit = placed(small, row, col)
  return { pixels: digit.pixels, steps: { ink, cropped, scaled: small, placed: digit } }
}
