// What the things to touch are made of: controls that read and write the model, a plot with axes, digits as pictures.
// `model` is anywidget's, in Jupyter; on a page of the website it is the stand-in of page.js.

// An element with attributes, listeners (`onclick`, `oninput`, …) and children. Without a value, an attribute is left out.
const made = create => (tag, attributes = {}, ...children) => {
  const element = create(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children)
  return element
}
export const html = made(tag => document.createElement(tag))
export const svg = made(tag => document.createElementNS('http://www.w3.org/2000/svg', tag))

// The element that a thing draws into. In JupyterLab, keys pressed in it are not the notebook's.
export const frame = (el, ...children) => {
  el.classList.add('explore-thing')
  el.dataset.lmSuppressShortcuts = 'true'
  el.append(...children)
  return el
}
export const row = (...children) => html('div', { class: 'ex-row' }, ...children)
export const column = (...children) => html('div', { class: 'ex-column' }, ...children)

// Write values into the model, and tell Python.
export const write = (model, values) => {
  for (const [name, value] of Object.entries(values)) model.set(name, value)
  model.save_changes()
}
// Call a function now, and again whenever one of the named values changes, here or in Python. Gives what ends that.
export const follow = (model, names, draw) => {
  for (const name of names) model.on(`change:${name}`, draw)
  draw()
  return () => { for (const name of names) model.off(`change:${name}`, draw) }
}

// A number as text, with a minus sign and at most so many digits behind the point.
export const text = (number, digits = 2) => {
  if (!Number.isFinite(number)) return Number.isNaN(number) ? 'not a number' : number > 0 ? '∞' : '−∞'
  const large = Math.abs(number) >= 1e5
  return (large ? number.toExponential(1) : number.toFixed(digits)).replace('-', '−').replace(/^−(0(\.0*)?)$/, '$1')
}

// A model for one control whose value is worked out from other values: `get()` gives it, and `set(value)` writes it.
export const derived = (model, names, get, set) => ({
  get, set: (_, value) => set(value), save_changes: () => {},
  on: (_, call) => names.forEach(name => model.on(`change:${name}`, call)),
})

// ---- Controls: each is bound to one value of the model

let last = 0
const newId = () => `ex-${++last}`

// A slider. `at` turns its place into the value (such as 10 ** place) and `place` does the opposite.
export const slider = (model, name, { label, min, max, step, at = x => x, place = x => x, format = text }) => {
  const id = newId(), shown = html('output', { for: id })
  const input = html('input', { type: 'range', id, min, max, step, oninput: () => write(model, { [name]: at(+input.value) }) })
  follow(model, [name], () => {
    input.value = place(model.get(name))
    shown.textContent = format(model.get(name))
    input.setAttribute('aria-valuetext', shown.textContent)
  })
  return html('div', { class: 'ex-slider' }, html('label', { for: id }, label), input, shown)
}

// A switch that is on or off.
export const toggle = (model, name, label) => {
  const input = html('input', { type: 'checkbox', onchange: () => write(model, { [name]: input.checked }) })
  follow(model, [name], () => { input.checked = model.get(name) })
  return html('label', { class: 'ex-toggle' }, input, label)
}

// One of several values, `{ value: label }`. The values are texts.
export const choice = (model, name, label, options) => {
  const id = newId()
  const buttons = Object.entries(options).map(([value, shown]) => {
    const input = html('input', { type: 'radio', name: id, value, onchange: () => write(model, { [name]: value }) })
    return [input, html('label', { class: 'ex-option' }, input, html('span', {}, shown))]
  })
  follow(model, [name], () => buttons.forEach(([input]) => { input.checked = input.value === model.get(name) }))
  return html('fieldset', { class: 'ex-choice' }, html('legend', {}, label), ...buttons.map(([, option]) => option))
}

export const button = (label, onclick, attributes = {}) => html('button', { type: 'button', class: 'ex-button', onclick, ...attributes }, label)

// A sentence that is seen, and read out once nothing has changed for half a second.
export const sentence = () => {
  const seen = html('p', { class: 'ex-sentence', 'aria-hidden': 'true' }), spoken = html('p', { class: 'ex-spoken', role: 'status' })
  let timer
  const say = words => {
    if (seen.textContent === words) return
    seen.textContent = words
    clearTimeout(timer)
    timer = setTimeout(() => { spoken.textContent = words }, 500)
  }
  return { element: html('div', {}, seen, spoken), say }
}

// Call `step` in each frame until it returns false. With reduced motion, all steps are taken at once. Gives what stops it.
export const animate = step => {
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    for (let n = 0; n < 1e4 && step() !== false; n++);
    return () => {}
  }
  let frame = requestAnimationFrame(function next() { if (step() !== false) frame = requestAnimationFrame(next) })
  return () => cancelAnimationFrame(frame)
}

// ---- Digits as pictures: ink on paper, in both themes

const paint = (canvas, width, height, colour) => {
  Object.assign(canvas, { width, height })
  const context = canvas.getContext('2d'), image = context.createImageData(width, height)
  for (let i = 0; i < width * height; i++) image.data.set([...colour(i), 255], 4 * i)
  context.putImageData(image, 0, 0)
}
// A canvas that shows numbers, row by row. `name` says to somebody who can't see it what it shows.
export const picture = (name, size = 112) =>
  html('canvas', { class: 'ex-picture', role: 'img', 'aria-label': name, style: `width: ${size}px` })
// From 0, paper, to 1, ink.
export const drawInk = (canvas, pixels, width = 28) => paint(canvas, width, pixels.length / width, i => {
  const grey = 255 * (1 - Math.min(1, Math.max(0, pixels[i])))
  return [grey, grey, grey]
})
// Signed numbers, in the colours of the book's figures: red above 0, blue below, white at 0, full colour at `most`.
export const drawSigned = (canvas, numbers, width = 28, most = Math.max(...numbers.map(Math.abs)) || 1) =>
  paint(canvas, width, numbers.length / width, i => {
    const share = Math.min(1, Math.abs(numbers[i]) / most)
    return (numbers[i] > 0 ? [178, 24, 43] : [33, 102, 172]).map(c => 255 - share * (255 - c))
  })

// ---- A plot with axes

const ticks = (low, high, n) => {
  const rough = (high - low) / n, power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= rough)
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  return Array.from({ length: Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1 },
    (_, i) => (Math.ceil(low / step - 1e-9) + i) * step).map(t => [t, text(t, digits)])
}

// A plot. `x` and `y` are ranges; `name` says what it shows. `layer()` gives a group to draw into, which `clear` empties;
// `line`, `dot`, `rect` and `words` draw in the units of the axes; `point` says where an event is in these units.
export const plot = ({ x, y, name, xLabel = '', yLabel = '', width = 320, height = 240 }) => {
  x = [...x]  // which `rescale` changes, and the caller keeps
  y = [...y]
  const left = 46, right = 10, top = yLabel ? 24 : 10, bottom = xLabel ? 40 : 26
  const root = svg('svg', { class: 'ex-plot', viewBox: `0 0 ${width} ${height}`, width, role: 'group', 'aria-label': name })
  const toX = v => left + (v - x[0]) / (x[1] - x[0]) * (width - left - right)
  const toY = v => height - bottom - (v - y[0]) / (y[1] - y[0]) * (height - top - bottom)
  const axes = svg('g', { class: 'ex-axes', 'aria-hidden': 'true' }), inside = newId()
  root.append(svg('clipPath', { id: inside }, svg('rect', { x: left - 5, y: top - 5, width: width - left - right + 10, height: height - top - bottom + 10 })), axes)
  const drawAxes = () => {
    axes.replaceChildren(svg('path', { d: `M${left} ${top}V${height - bottom}H${width - right}` }))
    for (const [v, shown] of ticks(...x, 5)) axes.append(svg('text', { x: toX(v), y: height - bottom + 16, 'text-anchor': 'middle' }, shown))
    for (const [v, shown] of ticks(...y, 5)) axes.append(svg('text', { x: left - 6, y: toY(v) + 4, 'text-anchor': 'end' }, shown))
    axes.append(svg('text', { x: (left + width - right) / 2, y: height - 6, 'text-anchor': 'middle' }, xLabel), svg('text', { x: 4, y: 14 }, yLabel))
  }
  drawAxes()
  const layer = () => {
    const group = svg('g', { 'clip-path': `url(#${inside})` })
    root.append(group)
    const put = element => { group.append(element); return element }
    return {
      group,
      clear: () => group.replaceChildren(),
      line: (points, colour = 'c0', attributes = {}) => put(svg('path', {
        class: `ex-line ${colour}`, ...attributes,
        d: points.filter(p => p.every(Number.isFinite)).map(([a, b], i) => `${i ? 'L' : 'M'}${toX(a).toFixed(1)} ${toY(b).toFixed(1)}`).join('') })),
      dot: (a, b, colour = 'c0', r = 4) => put(svg('circle', { class: `ex-dot ${colour}`, cx: toX(a), cy: toY(b), r })),
      rect: (a0, b0, a1, b1, colour = 'c0') => put(svg('rect', {
        class: `ex-dot ${colour}`, x: toX(Math.min(a0, a1)), y: toY(Math.max(b0, b1)), width: Math.abs(toX(a1) - toX(a0)), height: Math.abs(toY(b1) - toY(b0)) })),
      words: (a, b, words, attributes = {}) => put(svg('text', { x: toX(a), y: toY(b), ...attributes }, words)),
    }
  }
  const point = event => {
    const box = root.getBoundingClientRect()
    return [x[0] + ((event.clientX - box.left) * width / box.width - left) / (width - left - right) * (x[1] - x[0]),
            y[0] - ((event.clientY - box.top) * height / box.height - height + bottom) / (height - top - bottom) * (y[1] - y[0])]
  }
  const rescale = ranges => { Object.assign(x, ranges.x ?? x); Object.assign(y, ranges.y ?? y); drawAxes() }
  return { root, layer, point, rescale, toX, toY }
}

// A cross in a plot: where a way ends, or ought to.
export const cross = (chart, a, b, colour = 'c1') => svg('path', {
  class: `ex-line ${colour}`, style: 'stroke-width: 3', d: `M${chart.toX(a) - 5} ${chart.toY(b) - 5}l10 10m0 -10l-10 10` })

// A point of a plot that mouse, finger, pen and arrow keys move along the axis of x. `get` gives its place [x, y]. `read`
// says which value stands for a place, where that isn't x.
export const handle = (chart, { label, get, min, max, step, move, colour = 'c1', format = text, read = ([x]) => x }) => {
  const spot = svg('circle', {
    class: `ex-handle ${colour}`, r: 9, tabindex: 0, role: 'slider', 'aria-label': label, 'aria-valuemin': min, 'aria-valuemax': max })
  const go = value => move(Math.min(max, Math.max(min, Math.round(value / step) * step)))
  spot.addEventListener('pointerdown', event => { spot.setPointerCapture(event.pointerId); spot.focus(); event.preventDefault() })
  spot.addEventListener('pointermove', event => spot.hasPointerCapture(event.pointerId) && go(read(chart.point(event))))
  spot.addEventListener('keydown', event => {
    const by = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: 10 * step, PageDown: -10 * step }[event.key]
    if (event.key === 'Home') go(min)
    else if (event.key === 'End') go(max)
    else if (by) go(read(get()) + by)
    else return
    event.preventDefault()
  })
  chart.root.append(spot)
  return () => {  // draw it where it is now
    const [a, b] = get(), value = read([a, b])
    spot.setAttribute('cx', chart.toX(a))
    spot.setAttribute('cy', chart.toY(b))
    spot.setAttribute('aria-valuenow', +value.toFixed(4))
    spot.setAttribute('aria-valuetext', format(value))
  }
}
