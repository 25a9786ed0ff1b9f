// Turn one weight (chapter 4): accuracy and loss as one weight of a linear model changes, before any training.
import { train } from './digits.js'
import { weightsAndBias } from './random.js'
import { column, drawInk, follow, frame, html, picture, plot, row, sentence, slider, svg, text, write } from './ui.js'

const SIDE = 28, REACH = 2  // pixels in a row, and the largest change
const { images, labels } = train
const threes = images.filter((_, i) => labels[i] === 3)
const average = (list, f) => list.reduce((sum, value, i) => sum + f(value, i), 0) / list.length
export const mean3 = Float32Array.from({ length: SIDE ** 2 }, (_, pixel) => average(threes, image => image[pixel]))

// ---- What the chapter computes

// The score of each image, above 0 for a 3, from the chapter's weights before training.
export const scores = seed => {
  const { weights, bias } = weightsAndBias(seed)
  return images.map(image => image.reduce((sum, ink, pixel) => sum + ink * weights[pixel], bias))
}
// When the weight of a pixel changes, each score changes by that much times the ink on the pixel.
const turned = (before, pixel, change) => before.map((score, i) => score + change * images[i][pixel])
const sigmoid = x => 1 / (1 + Math.exp(-x))

export const right = (before, pixel, change) =>
  turned(before, pixel, change).filter((score, i) => (score > 0) === (labels[i] === 3)).length
// The chapter's `mnist_loss`, and how steeply it rises.
export const loss = (before, pixel, change) =>
  average(turned(before, pixel, change).map(sigmoid), (p, i) => labels[i] === 3 ? 1 - p : p)
export const slope = (before, pixel, change) =>
  average(turned(before, pixel, change).map(sigmoid), (p, i) => (labels[i] === 3 ? -1 : 1) * p * (1 - p) * images[i][pixel])

// The staircase, tread by tread: from where, to where, and how many images are right there.
export const treads = (before, pixel) => {
  const steps = before.map((score, i) => ({ at: -score / images[i][pixel], by: labels[i] === 3 ? 1 : -1 }))  // there an image becomes a 3
    .filter(({ at }) => Math.abs(at) < REACH).sort((a, b) => a.at - b.at)
  let height = right(before, pixel, -REACH)
  return [{ at: -REACH, by: 0 }, ...steps].map(({ at, by }, n) => ({ from: at, to: steps[n]?.at ?? REACH, right: height += by }))
}

// ---- What the reader touches

// The mean 3, on which mouse, finger, pen and arrow keys choose a pixel.
const chooser = model => {
  const digit = picture('The mean 3', 224)
  const spot = svg('g', { class: 'ex-spot' }, ...['', 'c1'].map(colour => svg('rect', { class: colour, x: -0.3, y: -0.3, width: 1.6, height: 1.6 })))
  const over = svg('svg', { viewBox: `0 0 ${SIDE} ${SIDE}`, 'aria-hidden': 'true' }, spot)
  const field = html('div', { class: 'ex-chooser', tabindex: 0, role: 'application' }, digit, over)
  drawInk(digit, mean3)
  const go = (...place) => {
    const [row, column] = place.map(at => Math.min(SIDE - 1, Math.max(0, Math.floor(at))))
    write(model, { row, column })
  }
  const point = event => {
    const box = field.getBoundingClientRect()
    go((event.clientY - box.top) / box.height * SIDE, (event.clientX - box.left) / box.width * SIDE)
  }
  drag(field, point)
  field.addEventListener('keydown', event => {
    const row = model.get('row'), column = model.get('column')
    const place = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
                    Home: [row, 0], End: [row, SIDE - 1], PageUp: [0, column], PageDown: [SIDE - 1, column] }[event.key]
    if (!place) return
    go(...place)
    event.preventDefault()
  })
  const put = () => {
    const row = model.get('row'), column = model.get('column')
    spot.setAttribute('transform', `translate(${column} ${row})`)
    field.setAttribute('aria-label', `A pixel of the mean 3, by arrow keys: row ${row}, column ${column}`)
  }
  return { element: html('figure', {}, field, html('figcaption', {}, 'The mean 3: choose a pixel.')), put }
}

// Call `point` with each place that a mouse, a finger or a pen is pressed on, and moved to.
const drag = (element, point) => {
  element.addEventListener('pointerdown', event => {
    element.setPointerCapture(event.pointerId)
    if (element.tabIndex === 0) element.focus()
    point(event)
    event.preventDefault()
  })
  element.addEventListener('pointermove', event => element.hasPointerCapture(event.pointerId) && point(event))
}
const to = change => Math.min(REACH, Math.max(-REACH, Math.round(100 * change) / 100))

// ---- What is seen

const signed = (change, digits = 2) => (change > 0 ? '+' : '') + text(change, digits)
const end = change => Math.abs(change) === REACH ? signed(change, 0) : signed(change, 3)

const many = images.length.toLocaleString('en')
const words = ({ row, column, change, tread, cost, rise, blank }) => blank
  ? `Row ${row}, column ${column} is blank in all ${many} images: whatever its weight, ${tread.right} are right `
    + `and the loss is ${text(cost, 4)}. No gradient will ever move this weight.`
  : `Row ${row}, column ${column}, ${signed(change)}: ${tread.right} of ${many} right, as everywhere `
    + `from ${end(tread.from)} to ${end(tread.to)}. The slope of accuracy is 0, that of the loss `
    + (Math.abs(rise) < 5e-6 ? 'almost 0: there is hardly any ink.' : `${text(rise, 5)}: ${rise < 0 ? 'more' : 'less'} of this weight.`)

const render = ({ model, el }) => {
  const { element, say } = sentence(), pixel = chooser(model)
  const axes = name => ({ x: [-REACH, REACH], y: [0, 1], width: 400, yLabel: name, name: `${name}, as the weight changes` })
  const above = plot({ ...axes('accuracy'), height: 160 })
  const below = plot({ ...axes('loss'), height: 176, xLabel: 'change of the weight' })
  const stairs = above.layer(), hill = below.layer()
  for (const chart of [above, below]) {
    chart.root.classList.add('ex-turnable')
    drag(chart.root, event => write(model, { change: to(chart.point(event)[0]) }))
  }
  let before
  const start = () => {  // the pixel that matters most sets the axes of all
    before = scores(model.get('seed'))
    const around = (middle, values) => {
      const far = 1.05 * Math.max(...values.map(value => Math.abs(value - middle)))
      return [middle - far, middle + far]
    }
    const pixels = [...mean3.keys()], share = tread => tread.right / images.length
    above.rescale({ y: around(right(before, 0, 0) / images.length, pixels.flatMap(p => treads(before, p).map(share))) })
    below.rescale({ y: around(loss(before, 0, 0), pixels.flatMap(p => [loss(before, p, -REACH), loss(before, p, REACH)])) })
  }
  const draw = () => {
    const [row, column, change] = ['row', 'column', 'change'].map(name => model.get(name)), p = row * SIDE + column
    const all = treads(before, p), tread = all.findLast(({ from }) => from <= change), cost = loss(before, p, change)
    stairs.clear()
    all.forEach(({ from, to, right }, n) => {
      const height = right / images.length
      stairs.line([[from, height], [to, height]])
      if (n) stairs.line([[from, all[n - 1].right / images.length], [from, height]], 'c0', { opacity: 0.3 })
    })
    const height = tread.right / images.length
    stairs.line([[tread.from, height], [tread.to, height]], 'c1', { style: 'stroke-width: 4' })
    stairs.dot(change, height, 'c1', 5.5)
    hill.clear()
    hill.line(Array.from({ length: 81 }, (_, n) => REACH * (n / 40 - 1)).map(c => [c, loss(before, p, c)]))
    hill.dot(change, cost, 'c1', 5.5)
    pixel.put()
    say(words({ row, column, change, tread, cost, rise: slope(before, p, change), blank: images.every(image => image[p] === 0) }))
  }
  const turn = slider(model, 'change', { label: 'change', min: -REACH, max: REACH, step: 0.01, format: signed })
  turn.classList.add('ex-wide')
  frame(el, row(pixel.element, column(above.root, below.root, turn)), element)
  const ends = [follow(model, ['seed'], start), follow(model, ['row', 'column', 'change', 'seed'], draw)]
  return () => ends.forEach(end => end())
}

export default { render }
