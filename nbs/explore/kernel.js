// A kernel (chapter 7): nine numbers that slide over a digit, the nine products, and their sum.
import { gallery } from './digits.js'
import { numbers } from './numbers.js'
import { animate, button, choice, derived, drawInk, drawSigned, follow, frame, html, picture, sentence, svg, text, write } from './ui.js'

const SIZE = 28, PLACES = SIZE - 2  // a kernel of 3 × 3 fits on 26 places in a row
const NINE = [0, 1, 2, 3, 4, 5, 6, 7, 8]

// The nine pixels below a kernel whose top left corner lies on a row and a column.
export const pixelsBelow = (image, row, column) => NINE.map(i => image[(row + Math.floor(i / 3)) * SIZE + column + i % 3])
const products = (pixels, kernel) => NINE.map(i => pixels[i] * kernel[i])
const sum = values => values.reduce((total, value) => total + value, 0)

// A kernel, nine numbers, on all the places of an image where it fits, row by row, as `convolve` of chapter 7 does it.
export const convolve = (image, kernel) => Array.from({ length: PLACES ** 2 }, (_, i) =>
  sum(products(pixelsBelow(image, Math.floor(i / PLACES), i % PLACES), kernel)))

// The first layer of the network of chapter 7: twelve kernels, nine numbers each.
export const learned = Array.from({ length: 12 }, (_, n) => [...numbers['convolutional net']['0.weight'].slice(9 * n, 9 * n + 9)])
const mostLearned = Math.max(...learned.flat().map(Math.abs))

const same = (one, other) => one.every((value, i) => value === other[i])
const short = value => value === 0 ? '0' : text(value)

const tint = (value, most) => {
  const share = 0.5 * Math.min(1, Math.abs(value) / most)  // pale enough to read a number on it
  return `rgb(${(value > 0 ? [178, 24, 43] : [33, 102, 172]).map(c => Math.round(255 - share * (255 - c)))})`
}

// Nine cells in a square, with a word below.
const square = (words, cells) => html('figure', {}, html('div', { class: 'ex-nine' }, ...cells), html('figcaption', {}, words))
const sign = sign => html('span', { class: 'ex-sign' }, sign)

// A picture on which a frame marks a place: as wide and high as the kernel on the digit, and one number in the result.
const marked = (name, size, side) => {
  const canvas = picture(name, 8 * size)
  const frames = ['#fff', '#00795a'].map((stroke, i) =>
    svg('rect', { width: side, height: side, fill: 'none', stroke, 'stroke-width': [0.75, 0.375][i] }))
  const root = html('div', { class: 'ex-marked' }, canvas, svg('svg', { viewBox: `0 0 ${size} ${size}`, 'aria-hidden': 'true' }, ...frames))
  const mark = (row, column) => frames.forEach(each => { each.setAttribute('x', column); each.setAttribute('y', row) })
  const place = event => {  // of the kernel whose middle is below the pointer
    const { left, top, width } = root.getBoundingClientRect(), middle = (side - 1) / 2
    return [event.clientY - top, event.clientX - left].map(v => Math.floor(v / width * size) - middle)
  }
  return { root, canvas, mark, place }
}

const render = ({ model, el }) => {
  const digit = marked('The digit', SIZE, 3), result = marked('The result', PLACES, 1)
  const pixels = NINE.map(() => html('span')), added = NINE.map(() => html('span')), total = html('span', { class: 'ex-total' })
  const { element, say } = sentence()
  const kernel = () => model.get('nine')

  // ---- Nine numbers to set
  const fields = NINE.map(i => html('input', {
    type: 'number', step: 0.1, min: -99, max: 99, 'aria-label': `kernel, row ${Math.floor(i / 3)}, column ${i % 3}`,
    oninput: () => {
      const value = fields[i].valueAsNumber  // not a number while it is being typed
      if (!Number.isNaN(value)) write(model, { nine: kernel().with(i, Math.min(99, Math.max(-99, value))) })
    },
    onblur: () => draw() }))
  const known = { ...model.get('presets'), ...Object.fromEntries(learned.map((nine, n) => [`learned ${n}`, nine])) }
  const named = derived(model, ['nine'],
    () => Object.keys(known).find(name => same(known[name], kernel())),
    name => write(model, { nine: [...known[name]] }))

  // ---- A place to go to, by pointer and by keys
  let sliding = null, stop = () => {}
  const go = (row, column) => {
    stop()
    sliding = null
    const inside = place => Math.min(PLACES - 1, Math.max(0, place))
    write(model, { row: inside(row), column: inside(column) })
  }
  const spot = digit.root
  const role = { tabindex: 0, role: 'slider', 'aria-label': 'place of the kernel', 'aria-valuemin': 0, 'aria-valuemax': PLACES ** 2 - 1 }
  for (const [name, value] of Object.entries(role)) spot.setAttribute(name, value)
  for (const { root, place } of [digit, result]) {
    root.addEventListener('pointerdown', event => {
      root.setPointerCapture(event.pointerId)
      spot.focus()
      event.preventDefault()
      go(...place(event))
    })
    root.addEventListener('pointermove', event => root.hasPointerCapture(event.pointerId) && go(...place(event)))
  }
  spot.addEventListener('keydown', event => {
    const [row, column] = [model.get('row'), model.get('column')]
    const to = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
                 Home: [row, 0], End: [row, PLACES - 1] }[event.key]
    if (!to) return
    go(...to)
    event.preventDefault()
  })

  // Slide over all places, and fill in the result on the way
  const slide = () => {
    stop()
    sliding = 0
    stop = animate(() => {
      sliding = sliding + 4 < PLACES ** 2 ? sliding + 4 : null
      draw()
      return sliding !== null
    })
  }

  const draw = () => {
    const nine = kernel(), image = gallery[model.get('digit')].pixels, found = convolve(image, nine)
    const at = sliding ?? model.get('row') * PLACES + model.get('column'), row = Math.floor(at / PLACES), column = at % PLACES
    const here = pixelsBelow(image, row, column), multiplied = products(here, nine)
    const most = Math.max(...found.map(Math.abs)) || 1, large = Math.max(...nine.map(Math.abs)) || 1
    drawInk(digit.canvas, image)
    drawSigned(result.canvas, found.map((value, i) => sliding === null || i <= at ? value : 0), PLACES, most)
    digit.mark(row, column)
    result.mark(row, column)
    spot.setAttribute('aria-valuenow', at)
    spot.setAttribute('aria-valuetext', `row ${row}, column ${column}`)
    NINE.forEach(i => {
      const grey = Math.round(255 * (1 - here[i]))
      pixels[i].textContent = short(here[i])
      Object.assign(pixels[i].style, { background: `rgb(${grey}, ${grey}, ${grey})`, color: grey > 117 ? '#000' : '#fff' })
      if (document.activeElement !== fields[i]) fields[i].value = +nine[i].toFixed(2)
      fields[i].style.background = tint(nine[i], large)
      added[i].textContent = short(multiplied[i])
      added[i].style.background = tint(multiplied[i], large)
    })
    total.textContent = text(sum(multiplied))
    total.style.background = tint(sum(multiplied), most)
    if (sliding === null) {
      say(`Row ${row}, column ${column}: the nine products add up to ${text(sum(multiplied))}. ` +
        `In the whole result the numbers go from ${text(Math.min(...found))} to ${text(Math.max(...found))}.`)
    }
  }

  const small = (name, paint, values, ...how) => {
    const canvas = picture(name, 28)
    paint(canvas, values, ...how)
    return canvas
  }
  const pictures = (entries, shown) => Object.fromEntries(entries.map((entry, n) => shown(entry, n)))
  const digits = derived(model, ['digit'], () => String(model.get('digit')), n => write(model, { digit: +n }))
  frame(el, html('div', { class: 'ex-box' }, html('div', { class: 'ex-kernel' },
    html('div', { class: 'ex-pair' },
      html('figure', {}, spot, html('figcaption', {}, 'the digit')), html('figure', {}, result.root, html('figcaption', {}, 'the result'))),
    html('div', { class: 'ex-controls' },
      choice(named, 'nine', 'Kernel', pictures(Object.keys(model.get('presets')), name => [name, name])),
      choice(named, 'nine', 'Learned', pictures(learned, (nine, n) =>
        [`learned ${n}`, small(`learned kernel ${n}`, drawSigned, nine, 3, mostLearned)])),
      choice(digits, 'digit', 'Digit', pictures(gallery.slice(0, 6), ({ label, pixels }, n) => [n, small(`a ${label}`, drawInk, pixels)])),
      button('Slide over all places', slide)),
    html('div', { class: 'ex-equation' },
      square('nine pixels', pixels), sign('×'), square('the kernel', fields), sign('='), square('nine products', added),
      html('figure', { class: 'ex-sum' }, total, html('figcaption', {}, 'their sum'))))), element)
  const end = follow(model, ['nine', 'digit', 'row', 'column'], draw)
  return () => { stop(); end() }
}

export default { render }
