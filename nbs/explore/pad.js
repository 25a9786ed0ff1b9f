// The pad: draw a digit, and every model of the book answers (chapters 2, 4, 6, 7 and 8, and the front page).
import { gallery, train } from './digits.js'
import { toCsv } from './handwriting.js'
import { featureMaps, names, nearest, numbers, scores, units } from './models.js'
import { prepare, REFUSED } from './prepare.js'
import { button, choice, column, drawInk, drawSigned, follow, frame, html, picture, plot, row, sentence, text, toggle, write } from './ui.js'

const SIDE = 280  // of the canvas, in its own dots
const WIDTHS = { thin: 0.035, medium: 0.07, thick: 0.12 }  // of a stroke, as shares of the side
const STEP = 1 / 28  // of the pen, when it is moved by keys
const PROBABLE = ['linear model', 'ReLU net', 'convolutional net']  // whose score is a number for `sigmoid`
const EMPTY = new Float32Array(784)
const SEVERAL = 'These are several things, or one as wide as two digits. Draw one digit alone.'

const sigmoid = x => 1 / (1 + Math.exp(-x))
const isEmpty = pixels => pixels.every(ink => ink === 0)

// The image, moved right and down by whole pixels; what leaves it is gone.
export const shifted = (pixels, [right, down]) => Float32Array.from(pixels, (_, at) => {
  const from = [Math.floor(at / 28) - down, at % 28 - right]
  return from.every(place => place >= 0 && place < 28) ? pixels[28 * from[0] + from[1]] : 0
})

// Strokes, `{ width, points: [[x, y], …] }` in shares of the side, in black on white.
const drawStrokes = (context, strokes) => {
  Object.assign(context, { fillStyle: 'white', strokeStyle: 'black', lineCap: 'round', lineJoin: 'round' })
  context.fillRect(0, 0, SIDE, SIDE)
  for (const { width, points } of strokes) {
    context.lineWidth = width * SIDE
    context.beginPath()
    points.forEach(([x, y]) => context.lineTo(x * SIDE, y * SIDE))
    if (points.length === 1) context.lineTo(points[0][0] * SIDE, points[0][1] * SIDE)  // a dot
    context.stroke()
  }
}

// ---- What a model answers, in words

const say3 = score => score > 0
const answer = score => say3(score) ? '3' : '7'
const certainty = (rung, score) => {
  if (!PROBABLE.includes(rung)) return `nearer by ${text(Math.abs(score), 3)}`
  const share = 100 * sigmoid(Math.abs(score))
  return share > 99.9 ? '> 99.9 %' : `${text(share, 1)} %`
}
const duration = ms => ms < 0.1 ? '< 0.1 ms' : `${text(ms, 1)} ms`
const COUNT = ['none', 'one', 'two', 'three', 'four', 'five', 'six']
const inWords = answers => {
  const groups = { 3: [], 7: [] }
  for (const [rung, score] of Object.entries(answers)) groups[answer(score)].push(rung)
  const [few, many] = Object.entries(groups).sort(([, a], [, b]) => a.length - b.length)
  if (!few[1].length) return many[1].length === 1 ? `The ${many[1][0]} says ${many[0]}.` : `${many[1].length === 2 ? 'Both' : `All ${COUNT[many[1].length]}`} say ${many[0]}.`
  return `${many[1].length === 1 ? `The ${many[1][0]} says` : `${COUNT[many[1].length][0].toUpperCase()}${COUNT[many[1].length].slice(1)} say`} ${many[0]}; ` +
    `the ${few[1].join(' and the ')} ${few[1].length === 1 ? 'says' : 'say'} ${few[0]}.`
}

// ---- What a model saw: pictures with captions

const shown = (name, size, draw, caption) => {
  const canvas = picture(name, size)
  draw(canvas)
  return html('figure', {}, canvas, html('figcaption', { style: `width: ${Math.max(size, 150)}px` }, caption))
}
const difference = digit => pixels => {
  const mean = numbers['mean digits'][`mean${digit}`]
  return shown(`The image minus the mean ${digit}`, 112, canvas => drawSigned(canvas, pixels.map((ink, i) => ink - mean[i]), 28, 1),
    `minus the mean ${digit}: red is ink too much, blue is ink too little`)
}
const neighbours = pixels => Object.entries(nearest(pixels)).map(([label, { distance, position }]) =>
  shown(`The nearest ${label}`, 112, canvas => drawInk(canvas, train.images[position]), `the nearest ${label} of the 1,000 that this page carries, ${text(distance, 2)} away`))
const votes = (pixels, weights) => canvas => {
  const numbers = pixels.map((ink, i) => ink * weights[i])
  drawSigned(canvas, numbers, 28, 0.6 * Math.max(...numbers.map(Math.abs)))
}
const linearVotes = pixels => {
  const { weights, bias } = numbers['linear model'], score = scores('linear model', pixels)
  return shown('Ink times weight, pixel by pixel', 140, votes(pixels, weights),
    `ink times weight: red speaks for a 3, blue for a 7. The sum is ${text(score - bias[0])}, with the bias ${text(score)}.`)
}
const unitVotes = pixels => {
  const outputs = numbers['ReLU net']['2.weight'], said = Array.from(units(pixels), (value, unit) => value * outputs[unit])
  const most = Math.max(...said.map(Math.abs), 0.1)
  const chart = plot({ x: [0, 31], y: [-most, most], name: 'What each of the 30 units adds to the score', xLabel: 'unit', height: 150, width: 340 })
  const bars = chart.layer()
  said.forEach((value, unit) => bars.rect(unit + 0.6, 0, unit + 1.4, value, value > 0 ? 'c1' : 'c0'))
  bars.line([[0, 0], [31, 0]], 'ink')
  const silent = said.filter(value => value === 0).length, loudest = said.indexOf(Math.max(...said)), against = said.indexOf(Math.min(...said))
  const first = numbers['ReLU net']['0.weight']
  const figures = [[loudest, 3], [against, 7]].filter(([unit]) => said[unit]).map(([unit, digit]) =>
    shown(`Ink times the weights of unit ${unit + 1}`, 112, votes(pixels, first.subarray(784 * unit)),
      `unit ${unit + 1}, the loudest for a ${digit}`))
  return [html('figure', {}, chart.root, html('figcaption', {}, `what each unit adds: up for a 3, down for a 7; ${silent} of 30 are silent`)), ...figures]
}
const maps = pixels => featureMaps(pixels).map(({ maps, size }, layer) => {
  const n = maps.length / size / size, across = [12, 12, 16][layer], gap = size + 1, most = Math.max(...maps, 1e-6)
  const width = across * gap - 1, height = Math.ceil(n / across) * gap - 1, sheet = new Float32Array(width * height).fill(0.12)
  maps.forEach((value, at) => {
    const map = Math.floor(at / size / size), line = Math.floor(at / size) % size
    sheet[(Math.floor(map / across) * gap + line) * width + map % across * gap + at % size] = value / most
  })
  return shown(`${n} feature maps`, 2 * width > 360 ? 358 : 2 * width, canvas => drawInk(canvas, sheet, width), `layer ${layer + 1}: ${n} maps of ${size} × ${size}`)
})
const SAW = {
  'mean digits, L1': pixels => [difference(3)(pixels), difference(7)(pixels)], 'mean digits, L2': pixels => [difference(3)(pixels), difference(7)(pixels)],
  'nearest neighbour': neighbours, 'linear model': pixels => [linearVotes(pixels)], 'ReLU net': unitVotes, 'convolutional net': maps,
}

// ---- The parts of the pad

const paper = (model, redraw) => {
  const canvas = html('canvas', { width: SIDE, height: SIDE, 'aria-hidden': 'true' }), pen = html('span', { class: 'ex-pen', hidden: true })
  const hint = html('span', { class: 'ex-hint', 'aria-hidden': 'true' }, 'Draw a 3 or a 7 here')
  const element = html('div', {
    class: 'ex-pad', tabindex: 0, role: 'application',
    'aria-label': 'Drawing pad: arrow keys move the pen, space puts it down or lifts it, the delete key clears' }, canvas, hint, pen)
  let drawing = false, at = [0.5, 0.5], down = false
  const strokes = () => model.get('strokes')
  const begin = point => {
    const width = WIDTHS[model.get('pen')]
    model.set('image', [])
    model.set('shift', [0, 0])
    model.set('strokes', [...strokes(), { width, points: [point] }])
  }
  const go = points => {
    const last = strokes().at(-1)
    model.set('strokes', [...strokes().slice(0, -1), { ...last, points: [...last.points, ...points] }])
  }
  const place = event => {
    const box = canvas.getBoundingClientRect()
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map(share => +share.toFixed(4))
  }
  element.addEventListener('pointerdown', event => {
    if (event.button) return
    drawing = true
    element.setPointerCapture(event.pointerId)
    begin(place(event))
  })
  element.addEventListener('pointermove', event => {
    if (!drawing) return
    const all = event.getCoalescedEvents?.() ?? []
    go((all.length ? all : [event]).map(place))
  })
  const end = () => { if (drawing) { drawing = false; redraw() } }
  element.addEventListener('pointerup', end)
  element.addEventListener('pointercancel', end)
  const showPen = () => { pen.style.left = `${100 * at[0]}%`; pen.style.top = `${100 * at[1]}%`; pen.classList.toggle('ex-down', down) }
  element.addEventListener('keydown', event => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
    if (by) {
      at = at.map((share, axis) => Math.min(1, Math.max(0, share + by[axis] * STEP)))
      if (down) go([at])
    } else if (event.key === ' ') {
      down = !down
      if (down) begin(at)
      else redraw()
    } else if (event.key === 'Delete' || event.key === 'Backspace') clear(model)
    else return
    pen.hidden = false
    showPen()
    event.preventDefault()
  })
  element.addEventListener('blur', () => { pen.hidden = true; down = false })
  const context = canvas.getContext('2d', { willReadFrequently: true })
  const draw = () => {
    const image = model.get('image')
    if (strokes().length || image.length !== 784) drawStrokes(context, strokes())
    else drawImage(context, shifted(image, model.get('shift')))
    hint.hidden = strokes().length > 0 || image.length === 784
  }
  return { element, draw, pixels: () => context.getImageData(0, 0, SIDE, SIDE), inStroke: () => drawing || down }
}
// A digit as it is, on the whole of the canvas.
const drawImage = (context, pixels) => {
  const small = document.createElement('canvas')
  drawInk(small, pixels)
  context.imageSmoothingEnabled = false
  context.drawImage(small, 0, 0, SIDE, SIDE)
}
const clear = model => write(model, { strokes: [], image: [], shift: [0, 0] })

const arrows = model => {
  const move = (right, down) => () => {
    const [x, y] = model.get('shift')
    write(model, { shift: [x + right, y + down] })
  }
  const arrow = (sign, name, right, down) => button(sign, move(right, down), { 'aria-label': `Shift the digit ${name}`, title: `Shift ${name}` })
  return html('div', { class: 'ex-arrows', role: 'group', 'aria-label': 'Shift the digit by a pixel' }, html('span', {}, 'Shift'),
    arrow('←', 'left', -1, 0), arrow('↑', 'up', 0, -1), arrow('↓', 'down', 0, 1), arrow('→', 'right', 1, 0))
}

const shelf = model => {
  const items = gallery.map(({ label, wrong, pixels }) => {
    const canvas = html('canvas', { class: 'ex-picture', 'aria-hidden': 'true' })
    drawInk(canvas, pixels)
    const hard = wrong.length ? `a hard ${label}: ${wrong.length === 1 ? 'one model gets' : `${COUNT[wrong.length]} models get`} it wrong` : `an easy ${label}`
    return html('button', {
      type: 'button', class: 'ex-item', title: hard, 'aria-label': `Take ${hard}`,
      onclick: () => write(model, { strokes: [], shift: [0, 0], image: Array.from(pixels) }) }, canvas)
  })
  return html('details', { class: 'ex-shelf' }, html('summary', {}, 'Or begin with a digit of MNIST'), html('div', { class: 'ex-items' }, ...items))
}

// A drawing that is kept is one of whole numbers from 0 to 255, as MNIST has them.
const asInk = ({ label, pixels }) => ({ label, pixels: Float32Array.from(pixels, byte => byte / 255) })
const keeper = (model, current) => {
  const status = html('span', {}), save = button('Save as CSV', () => {
    const link = html('a', { href: URL.createObjectURL(new Blob([toCsv(model.get('kept').map(asInk))], { type: 'text/csv' })), download: 'my-digits.csv' })
    link.click()
    URL.revokeObjectURL(link.href)
  }), forget = button('Forget them', () => write(model, { kept: [] }))
  const keep = label => () => {
    if (isEmpty(current())) return
    write(model, { kept: [...model.get('kept'), { label, pixels: Array.from(current(), ink => Math.round(255 * ink)) }] })
    clear(model)
  }
  const draw = () => {
    const kept = model.get('kept'), rungs = model.get('rungs')
    save.disabled = forget.disabled = !kept.length
    const wrong = rungs.map(rung => kept.map(asInk).filter(({ label, pixels }) => answer(scores(rung, pixels)) !== String(label)).length)
    status.textContent = kept.length ? `Kept: ${kept.length}. Wrong: ${rungs.map((rung, i) => `${rung} ${wrong[i]}`).join('; ')}.` : 'Nothing leaves this page.'
  }
  const element = html('div', { class: 'ex-row ex-keeper' }, html('span', {}, 'Is somebody wrong? Keep it:'),
    button('it’s a 3', keep(3)), button('it’s a 7', keep(7)), save, forget, status)
  return { element, draw }
}

const steps = model => {
  const stages = { cropped: ['crop', 'Cut out'], scaled: ['scale', 'Scale to 20 pixels'], placed: ['centre', 'Centre by mass'] }
  const canvases = Object.keys(stages).map(stage => picture(`The drawing, ${stage}`, 84))
  const element = html('div', { class: 'ex-row ex-steps' }, ...Object.values(stages).map(([name, label], i) => column(toggle(model, name, label), canvases[i])))
  const draw = done => {
    canvases.forEach(canvas => { canvas.hidden = !done })  // a digit of MNIST has been through all this
    if (done) Object.keys(stages).forEach((stage, i) => drawInk(canvases[i], done[stage].pixels, done[stage].width))
  }
  return { element, draw }
}

const table = model => {
  const lines = Object.fromEntries(model.get('rungs').map(rung => [rung, {
    name: button(rung, () => write(model, { view: model.get('view') === rung ? '' : rung }), { 'aria-pressed': 'false', title: 'What did it see?' }),
    answer: html('td', { class: 'ex-answer' }), sure: html('td', {}), time: html('td', {}) }]))
  const head = ['model', 'says', 'how sure', 'in'].map(word => html('th', { scope: 'col' }, word))
  const element = html('table', { class: 'ex-answers' }, html('thead', {}, html('tr', {}, ...head)), html('tbody', {},
    ...Object.values(lines).map(line => html('tr', {}, html('th', { scope: 'row' }, line.name), line.answer, line.sure, line.time))))
  const draw = (pixels, answers, times) => {
    for (const [rung, line] of Object.entries(lines)) {
      line.name.setAttribute('aria-pressed', model.get('view') === rung)
      line.answer.textContent = answers ? answer(answers[rung]) : '–'
      line.sure.textContent = answers ? certainty(rung, answers[rung]) : ''
      line.time.textContent = answers ? duration(times[rung]) : ''
    }
  }
  return { element, draw }
}

const render = ({ model, el }) => {
  if (!model.get('strokes').length && !model.get('image').length && model.get('digit') >= 0) {
    model.set('image', Array.from(gallery[model.get('digit')].pixels))
  }
  for (const rung of [...model.get('rungs'), ...model.get('rungs')]) scores(rung, EMPTY)  // the browser's first calls are slow
  let pixels = EMPTY, waiting
  const sheet = paper(model, () => soon()), line = model.get('steps') ? steps(model) : null, answers = table(model), keep = keeper(model, () => pixels)
  const { element: said, say } = sentence(), seen = picture('The 28 × 28 numbers that the models get', 112), saw = html('div', { class: 'ex-row ex-saw' })
  const draw = () => {
    waiting = undefined
    sheet.draw()
    const strokes = model.get('strokes'), image = model.get('image')
    const done = strokes.length ? prepare(sheet.pixels(), { crop: model.get('crop'), scale: model.get('scale'), centre: model.get('centre') }) : null
    pixels = shifted(done ? done.pixels ?? EMPTY : image.length === 784 ? Float32Array.from(image) : EMPTY, model.get('shift'))
    line?.draw(done?.steps)
    drawInk(seen, pixels)
    const empty = isEmpty(pixels), times = {}, found = {}
    if (!empty) for (const rung of model.get('rungs')) {
      const start = performance.now()
      found[rung] = scores(rung, pixels)
      times[rung] = performance.now() - start
    }
    answers.draw(pixels, empty ? null : found, times)
    saw.replaceChildren(...(empty || !model.get('view') ? [] : SAW[model.get('view')](pixels)))
    say(done?.refused === REFUSED.several ? SEVERAL : empty ? 'The pad is empty.' : inWords(found))
    model.set('pixels', Array.from(pixels))
    model.set('scores', found)
    if (!sheet.inStroke()) model.save_changes()  // Python hears of a stroke when it is done
  }
  const soon = () => { waiting ??= requestAnimationFrame(draw) }  // once a frame, however many points a stroke gets in it
  frame(el, row(
    sheet.element, html('figure', {}, seen, html('figcaption', {}, 'what the models get')),
    html('div', { class: 'ex-grow' }, answers.element, said)),
  row(button('Clear', () => clear(model)), choice(model, 'pen', 'Pen', { thin: 'thin', medium: 'medium', thick: 'thick' }), arrows(model)),
  ...(line ? [line.element] : []), saw, shelf(model), keep.element)
  if (model.get('rungs').length === names.length) {
    el.append(html('p', { class: 'ex-note' }, 'The ResNet of chapter 8 is missing: its 11 million numbers are too many for a page. ' +
      'The nearest neighbour has the 1,000 training images that the page carries, not all 12,396.'))
  }
  const stop = [follow(model, ['strokes', 'image', 'shift', 'crop', 'scale', 'centre', 'view'], soon), follow(model, ['kept'], keep.draw)]
  draw()
  return () => { stop.forEach(call => call()); cancelAnimationFrame(waiting) }
}

export default { render }
