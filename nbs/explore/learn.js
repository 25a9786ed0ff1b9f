// Watch it learn (chapters 4 and 6): a linear model or a ReLU net, trained before the reader's eyes on digits that the page carries.
import {
  button, choice, column, drawInk, drawSigned, follow, frame, html, picture, plot, row, sentence, slider, text, toggle, write,
} from './ui.js'
import { train, valid } from './digits.js'
import { measure, PIXELS, prepare, slopeOf, training, UNITS } from './train.js'

const images = prepare(train), exam = prepare(valid)
const ROUND = 40            // epochs that it trains before it stops by itself
const FRAMES = 6            // an epoch takes as many frames, so that one can watch
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
const STARTS = { zeros: 'zeros', small: 'small', large: 'large' }
const LOSSES = { mnist_loss: 'mnist_loss', 'cross-entropy': 'cross-entropy' }
const HOW = ['loss', 'rate', 'batch', 'shuffled'], BEGIN = ['net', 'start', 'seed']

// Digits side by side on one sheet, each with a bar below that is as long as `pull` says, from 0 to 1.
const COLUMNS = 10, ROWS = 2, TILE = 30, HIGH = 34
export const sheet = digits => {
  const width = COLUMNS * TILE, ink = new Float32Array(width * ROWS * HIGH)
  digits.slice(0, COLUMNS * ROWS).forEach(({ pixels, pull = 0 }, n) => {
    const corner = Math.floor(n / COLUMNS) * HIGH * width + (n % COLUMNS) * TILE
    pixels.forEach((x, i) => { ink[corner + Math.floor(i / 28) * width + i % 28] = x })
    const length = Math.round(28 * pull)
    for (const line of [29, 30, 31]) ink.fill(1, corner + line * width, corner + line * width + length)
  })
  return ink
}

// What to show of the weights: what training has added, to all 784 of the linear model, or to those of nine units side by side.
// Those are the nine that had most to say at the start, first the ones that spoke for a 3.
const NINE = 3, GAP = 29
export const spokesmen = ({ w2 }) => [...w2.keys()]
  .sort((a, b) => Math.abs(w2[b]) - Math.abs(w2[a])).slice(0, NINE ** 2).sort((a, b) => w2[b] - w2[a])
export const learned = (numbers, first) => {
  if (!numbers.w1) return numbers.weights.map((w, i) => w - first.weights[i])
  const side = NINE * GAP - 1, shown = new Float32Array(side * side)
  spokesmen(first).forEach((unit, n) => {
    const corner = Math.floor(n / NINE) * GAP * side + (n % NINE) * GAP
    for (let i = 0; i < PIXELS; i++) {
      const from = i * UNITS + unit
      shown[corner + Math.floor(i / 28) * side + i % 28] = numbers.w1[from] - first.w1[from]
    }
  })
  return shown
}

// The words under the picture, for the numbers of images that are wrong, and for those among them that no longer pull.
const thousand = n => n.toLocaleString('en')
export const report = ({ epochs, loss, at, wrong, all, lost, silent, sorted }) => {
  const when = epochs ? `After ${epochs} epoch${epochs > 1 ? 's' : ''}` : 'Before training'
  const few = lost < wrong[0] ? `${lost} of the ${wrong[0]} training mistakes`
    : lost > 1 ? `All ${lost} training mistakes` : 'The one training mistake'
  const counted = `${wrong[0]} of ${thousand(all[0])} wrong in training, ${wrong[1]} of ${all[1]} in validation`
  return [`${when} (${loss}): ${counted}; loss ${text(at, 4)}.`,
    silent ? 'All its weights are 0 and stay 0: each unit is silent, and a silent unit has no gradient.'
      : lost && `${few} ${lost > 1 ? 'are' : 'is'} where the loss is flat, and ha${lost > 1 ? 've' : 's'} no say.`,
    sorted && 'Sorted: in each epoch first all 3s, then all 7s.'].filter(Boolean).join(' ')
}

const captioned = (shown, note, width) => html('figure', { style: `width: ${width}px; max-width: 100%` }, shown, note)
const percent = (n, all) => 100 * n / all

const render = ({ model, el }) => {
  const get = name => model.get(name), net = () => get('net') === 'ReLU net'
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
  let run, first, firstLoss, epochs, changes, before, goal, reach, top, ended, waiting  // all of one run, and the curve of the run before

  const chart = plot({
    x: [0, ROUND], y: [0, 10], name: 'Mistakes after each epoch', xLabel: 'epoch', yLabel: 'mistakes in %', width: 400, height: 250 })
  const old = chart.layer(), curve = chart.layer(), key = html('p', { class: 'ex-note' })
  const weights = picture('', 174), added = html('figcaption')
  const wrong = picture('', COLUMNS * TILE), wrongNote = html('figcaption')
  const failed = picture('', COLUMNS * TILE), failedNote = html('figcaption')
  const { element, say } = sentence()

  // ---- what has been reached

  const look = () => {
    const homework = measure(run.numbers, images, get('loss')), tested = measure(run.numbers, exam, get('loss'))
    ended = { homework, tested }
    epochs.push({ training: homework.wrong.length, validation: tested.wrong.length, loss: homework.loss })
    write(model, { history: [...epochs] })
  }
  const at = () => epochs.length - 1 + run.part()
  const lines = (layer, { epochs, changes }, faint) => {
    layer.clear()
    const how = faint ? { opacity: 0.35 } : {}
    layer.line(epochs.map((e, i) => [i, percent(e.training, images.length)]), 'c0', how)
    layer.line(epochs.map((e, i) => [i, percent(e.validation, exam.length)]), 'c1', { 'stroke-dasharray': '5 3', ...how })
    if (faint) return
    layer.dot(epochs.length - 1, percent(epochs.at(-1).training, images.length), 'c0', 3)
    layer.dot(epochs.length - 1, percent(epochs.at(-1).validation, exam.length), 'c1', 3)
    for (const [x, loss] of changes) {  // where the loss was changed under way
      layer.line([[x, 0], [x, top]], 'ink', { opacity: 0.5, 'stroke-dasharray': '2 3' })
      const late = x > 0.6 * reach
      layer.words(x, top * 0.94, loss, { 'font-style': 'italic', dx: late ? -4 : 4, 'text-anchor': late ? 'end' : 'start' })
    }
  }
  const drawWeights = () => {
    drawSigned(weights, learned(run.numbers, first), net() ? NINE * GAP - 1 : 28)
  }
  const steepest = { mnist_loss: 0.25, 'cross-entropy': 1 }  // the largest slope of each
  const mistakes = found => found.map(({ n, s }) =>
    ({ pixels: train.images[n], pull: Math.abs(slopeOf(get('loss'), s, images[n].target)) / steepest[get('loss')] }))
  const show = () => {
    const { training: t, validation: v, loss } = epochs.at(-1)
    const ends = [epochs, before?.epochs ?? []].filter(run => run.length > 1).map(run => percent(run.at(-1).training, images.length))
    top = Math.max(...ends) > 10 ? 55 : 10
    reach = Math.max(goal, before ? before.epochs.length - 1 : 0)
    chart.rescale({ x: [0, reach], y: [0, top] })
    if (before) lines(old, before, true); else old.clear()
    lines(curve, { epochs, changes })
    drawWeights()
    const pulls = mistakes(ended.homework.wrong), lost = pulls.filter(({ pull }) => pull < 0.01).length
    drawInk(wrong, sheet(pulls), COLUMNS * TILE)
    drawInk(failed, sheet(ended.tested.wrong.map(({ n }) => ({ pixels: valid.images[n] }))), COLUMNS * TILE)
    const some = all => all > ROWS * COLUMNS ? `, ${ROWS * COLUMNS} of them here` : ''
    wrongNote.textContent = `Wrong in training: ${t}${some(t)}. The bar below: how much the image pulls at the weights.`
    failedNote.textContent = `Wrong in validation: ${v}${some(v)}.`
    wrong.style.visibility = t ? 'visible' : 'hidden'
    failed.style.visibility = v ? 'visible' : 'hidden'
    wrong.setAttribute('aria-label', `Training images that it gets wrong, ${t}; ${lost} of them hardly pull at the weights`)
    failed.setAttribute('aria-label', `Validation images that it gets wrong, ${v}`)
    say(report({
      epochs: epochs.length - 1, loss: get('loss'), at: loss, wrong: [t, v], all: [images.length, exam.length], lost,
      silent: net() && get('start') === 'zeros', sorted: !get('shuffled') }))
  }
  const drawKey = () => {
    key.textContent = `Solid: training. Dashed: validation. Seed ${get('seed')}.${before ? ` Pale: the run before (${before.how}).` : ''}`
  }

  // ---- the training itself

  const again = () => {
    if (epochs?.length > 1) before = run.how.net === get('net') ? { epochs, how: summary() } : null
    clear()
    run = training(images, { net: get('net'), start: get('start'), seed: get('seed') })
    first = Object.fromEntries(Object.entries(run.numbers).map(([name, numbers]) => [name, numbers.slice()]))
    epochs = []; changes = []; goal = ROUND
    note()
    firstLoss = get('loss')
    look()
    drawKey()
    const start = get('start') === 'zeros' ? '' : ', less their start'
    added.textContent = net() ? `The weights of nine units${start}` : `The 784 weights${start}`
    weights.setAttribute('aria-label', `${added.textContent}: red above 0, blue below`)
    show()
    if (get('running')) turn()
  }
  const summary = () => {
    const { rate, start, seed } = run.how
    return `${[firstLoss, ...changes.map(([, loss]) => loss)].join(', then ')}, rate ${text(rate)}, ${start} start, seed ${seed}`
  }
  // What this run is trained with, and where its loss was changed under way.
  const note = () => {
    if (run.how && run.how.loss !== get('loss') && at() > 0) changes.push([at(), get('loss')])
    run.how = Object.fromEntries([...HOW, ...BEGIN].map(name => [name, get(name)]))
  }
  // Take batches until so many images were seen, or the epoch is over. Says whether it is.
  const advance = n => {
    note()
    for (let seen = 0; seen < n; seen += get('batch')) if (run.next(run.how)) return true
    return false
  }
  // A slice of the training, as long as a frame. With reduced motion a whole epoch, and only every tenth is drawn.
  const turn = () => {
    clear()
    if (!get('running')) return
    const over = advance(calm ? Infinity : images.length / FRAMES)
    if (over) look()
    const arrived = over && epochs.length > goal
    if (arrived) write(model, { running: false })
    if (over && (!calm || arrived || epochs.length % 10 === 1)) show()
    else if (!calm) drawWeights()
    if (!arrived) waiting = calm ? setTimeout(turn) : requestAnimationFrame(turn)
  }
  const clear = () => { clearTimeout(waiting); cancelAnimationFrame(waiting) }
  const finish = () => {
    write(model, { running: false })
    if (epochs.length > goal) goal += ROUND
    advance(Infinity)
    look()
    show()
  }

  const go = button('Train', () => write(model, { running: !get('running') }), { style: 'min-width: 5.5rem' })
  const startAgain = () => { write(model, { running: false }); again() }
  frame(el,
    row(column(choice(model, 'loss', 'loss', LOSSES), choice(model, 'start', 'start', STARTS)),
      column(
        slider(model, 'rate', {
          label: 'learning rate', min: -2, max: 1, step: 0.05, at: x => +(10 ** x).toPrecision(2), place: Math.log10 }),
        slider(model, 'batch', { label: 'batch size', min: 0, max: SIZES.length - 1, step: 1, at: i => SIZES[i],
          place: size => SIZES.findIndex(known => known >= size), format: String }))),
    html('div', { class: 'ex-row', role: 'group', 'aria-label': 'training' },
      go, button('One epoch', finish), button('Start again', startAgain),
      button('Another seed', () => write(model, { running: false, seed: get('seed') + 1 })),
      toggle(model, 'shuffled', 'shuffled')),
    row(captioned(weights, added, 174), captioned(chart.root, key, 400)),
    element,
    row(captioned(wrong, wrongNote, COLUMNS * TILE), captioned(failed, failedNote, COLUMNS * TILE)))

  again()
  const ends = [
    follow(model, ['running'], () => {
      go.textContent = get('running') ? 'Pause' : 'Train'
      if (!get('running')) { clear(); return }
      if (epochs.length > goal) goal += ROUND
      turn()
    }),
    follow(model, HOW, () => {
      if (at() === 0) epochs = []  // nothing has been trained yet
      if (!epochs.length) { note(); firstLoss = get('loss'); look() }
      else ended = { homework: measure(run.numbers, images, get('loss')), tested: ended.tested }
      show()
    }),
    follow(model, BEGIN, () => { if (BEGIN.some(name => run.how[name] !== get(name))) again() })]
  return () => { clear(); ends.forEach(end => end()) }
}

export default { render }
