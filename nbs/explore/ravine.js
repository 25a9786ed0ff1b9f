// The roller coaster and its ravine (chapter 3): a quadratic fitted by hand, and the way that gradient descent takes from there.
import { choice, column, cross, follow, frame, html, plot, row, sentence, slider, svg, text, write } from './ui.js'

// The speeds that `roller_coaster()` gives, at 0, 1, … 19 seconds.
export const SPEED = [
  64.11071, 52.936806, 41.225555, 27.859045, 26.284576, 16.920712, 8.198766, 8.109425, 4.004925, 4.701102,
  6.489782, 2.401414, 5.870966, 8.334267, 13.793291, 23.292631, 30.292181, 44.194691, 56.0135, 73.836411]
const SECONDS = SPEED.map((_, i) => i)
const sum = numbers => numbers.reduce((total, x) => total + x, 0)
const mean = numbers => sum(numbers) / numbers.length
const MEAN = mean(SECONDS), STD = Math.sqrt(sum(SECONDS.map(t => (t - MEAN) ** 2)) / (SECONDS.length - 1))  // as torch has it

// ---- The mathematics. `params` are [a, b, c], of a quadratic of the time in seconds or of the scaled time.

const times = scaled => scaled ? SECONDS.map(t => (t - MEAN) / STD) : SECONDS
export const quadratic = (t, [a, b, c]) => a * t ** 2 + b * t + c
export const loss = (params, scaled) => mean(times(scaled).map((t, i) => (quadratic(t, params) - SPEED[i]) ** 2))

// The same curve, with its parameters for the scaled time, and back.
export const toScaled = ([a, b, c]) => [a * STD ** 2, (2 * a * MEAN + b) * STD, quadratic(MEAN, [a, b, c])]
export const toSeconds = ([a, b, c]) => {
  const [a1, b1] = [a / STD ** 2, b / STD]
  return [a1, b1 - 2 * a1 * MEAN, c - b1 * MEAN + a1 * MEAN ** 2]
}

// The directions in which a symmetric matrix only stretches, the most stretched first, as [how much, direction]. Jacobi's
// method: turn two axes at a time, so that the number that ties them together becomes 0, until none is left.
const axes = matrix => {
  const m = matrix.map(r => [...r]), n = m.length, v = m.map((_, i) => m.map((_, j) => +(i === j)))
  for (let round = 0; round < 20; round++) for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
    const angle = Math.atan2(2 * m[p][q], m[q][q] - m[p][p]) / 2, c = Math.cos(angle), s = Math.sin(angle)
    for (const r of m) [r[p], r[q]] = [c * r[p] - s * r[q], s * r[p] + c * r[q]]
    const [mp, mq] = [m[p], m[q]]
    m[p] = mp.map((x, i) => c * x - s * mq[i])
    m[q] = mp.map((x, i) => s * x + c * mq[i])
    for (const r of v) [r[p], r[q]] = [c * r[p] - s * r[q], s * r[p] + c * r[q]]
  }
  return m.map((r, i) => [r[i], v.map(row => row[i])]).sort(([x], [y]) => y - x)
}

// The loss around its bottom. Along each of three directions it is a bowl k·x², and the three add up: so gradient descent
// goes down three bowls at once, each as if it were alone.
const landscape = scaled => {
  const features = times(scaled).map(t => [t ** 2, t, 1])
  const bends = [0, 1, 2].map(i => [0, 1, 2].map(j => mean(features.map(f => f[i] * f[j]))))
  const bowls = axes(bends), pull = [0, 1, 2].map(i => mean(features.map((f, n) => f[i] * SPEED[n])))
  const bottom = [0, 1, 2].map(i => sum(bowls.map(([k, v]) => v[i] * dot(v, pull) / k)))
  return { ks: bowls.map(([k]) => k), directions: bowls.map(([, v]) => v), bottom, best: loss(bottom, scaled) }
}
const dot = (u, v) => sum(u.map((x, i) => x * v[i]))
const lands = { true: landscape(true), false: landscape(false) }
export const land = scaled => lands[scaled]

// How far out somebody stands in each of the three bowls, and back.
const toBowls = (params, { directions, bottom }) => directions.map(v => dot(v, params.map((x, i) => x - bottom[i])))
const fromBowls = (xs, { directions, bottom }) => bottom.map((x, i) => x + sum(directions.map((v, j) => v[i] * xs[j])))

// Where gradient descent is after so many steps. On k·x² each step multiplies x by 1 − 2·k·rate.
export const after = (params, steps, rate, scaled) => {
  const { ks } = land(scaled)
  return fromBowls(toBowls(params, land(scaled)).map((x, i) => x * (1 - 2 * ks[i] * rate) ** steps), land(scaled))
}

// What the way does, in the words of chapter 3.
export const verdict = (params, steps, rate, scaled) => {
  const { ks, best } = land(scaled), at = n => loss(after(params, n, rate, scaled), scaled), start = loss(params, scaled), end = at(steps)
  if (!(end <= start)) return 'diverges'
  const bounces = 1 - 2 * ks[0] * rate < -0.3 ? 'bounces from wall to wall, and ' : ''
  if (end <= 1.01 * best) return bounces + 'arrives'
  if (steps >= 10 && at(Math.round(steps / 2)) < 1.01 * end) return bounces + (end > 0.9 * start ? 'crawls' : 'is stuck')
  return bounces + 'is on its way'
}

// The map: the slice of the loss through where somebody stands, along the sharpest direction and the flattest. In the third
// direction nothing is seen, and nothing that is seen depends on it.
const contour = (above, middle, scaled) => {  // where the loss is so much above the lowest on the map
  const { ks: [steep, , flat], directions: [across, , along] } = land(scaled), left = Math.sqrt(above)
  return Array.from({ length: 145 }, (_, i) => {
    const [x, y] = [left / Math.sqrt(steep) * Math.cos(i * Math.PI / 72), left / Math.sqrt(flat) * Math.sin(i * Math.PI / 72)]
    return middle.map((m, j) => m + x * across[j] + y * along[j])
  })
}
const middleOf = (params, scaled) => fromBowls(toBowls(params, land(scaled)).map((x, i) => i === 1 ? x : 0), land(scaled))
const onMap = (params, middle, scaled) => {  // seen along the third direction
  const [x, , y] = toBowls(params, land(scaled)), { directions: [across, , along] } = land(scaled)
  return [0, 2].map(j => middle[j] + x * across[j] + y * along[j])
}
const fromMap = ([a, c], middle, scaled) => {  // a and c as wanted, and the b that belongs to them on the map
  const { directions: [u, , v] } = land(scaled), [da, dc] = [a - middle[0], c - middle[2]], det = u[0] * v[2] - u[2] * v[0]
  const [x, y] = [(da * v[2] - dc * v[0]) / det, (dc * u[0] - da * u[2]) / det]
  return middle.map((m, j) => m + x * u[j] + y * v[j])
}

// ---- What is seen

const LEVELS = [2000, 1400, 900, 600, 400, 250, 150, 80, 40, 15]  // of the contours, above the lowest point of the map
const RANGES = {  // of the sliders and of the map: from, to, step, digits
  false: { a: [-0.45, 1.3, 0.01, 2], b: [-25, 5, 0.25, 2], c: [-25, 110, 1, 1] },
  true: { a: [-15, 65, 0.1, 1], b: [-60, 60, 0.1, 1], c: [-35, 45, 0.1, 1] },
}
const shown = x => {  // a loss
  if (!(x < 1e9)) return 'beyond a billion'
  return x < 10 ? text(x) : x < 1000 ? text(x, 1) : Math.round(x).toLocaleString('en')
}
const counted = n => n === 1 ? 'one step' : `${n.toLocaleString('en')} steps`
const plain = x => x.toFixed(7).replace(/0+$/, '').replace(/\.$/, '')
const rounded = place => +(10 ** place).toPrecision(2)
const seen = (element, wanted) => { element.style.display = wanted ? '' : 'none' }
const clamp = (x, [low, high]) => Math.min(high, Math.max(low, x))

const render = ({ model, el }) => {
  const get = name => model.get(name), params = () => ['a', 'b', 'c'].map(get), yours = sentence(), its = sentence()
  const stand = (values, scaled = get('scaled')) => {
    const [a, b, c] = ['a', 'b', 'c'].map((name, i) => clamp(values[i], RANGES[scaled][name]))
    write(model, { a, b, c, scaled })
  }

  // Left: the measurements, the curve, and three sliders; of the sliders, those that fit the units
  const fit = plot({
    x: [0, 19], y: [-20, 110], name: 'The measured speeds, and your quadratic',
    xLabel: 'time in seconds', yLabel: 'speed', width: 310, height: 250 })
  const errors = fit.layer(), curves = fit.layer(), dots = fit.layer()
  SPEED.forEach((speed, t) => dots.dot(t, speed, 'c0', 3.5))
  const drawFit = (params, ending) => {
    const seconds = get('scaled') ? toSeconds(params) : params, fine = Array.from({ length: 77 }, (_, i) => i / 4)
    errors.clear()
    SPEED.forEach((speed, t) => errors.line([[t, speed], [t, quadratic(t, seconds)]], 'ink', { style: 'stroke-width: 1; opacity: .35' }))
    curves.clear()
    if (ending) curves.line(fine.map(t => [t, quadratic(t, ending)]), 'c2', { 'stroke-dasharray': '6 4' })
    curves.line(fine.map(t => [t, quadratic(t, seconds)]), 'c1')
  }
  const narrow = (...children) => { const made = column(...children); made.style.maxWidth = '310px'; return made }
  const wide = (element, label) => { element.style.gridTemplateColumns = `${label} 1fr 4.5rem`; return element }
  const knobs = [false, true].map(scaled => column(...Object.entries(RANGES[scaled]).map(([name, [min, max, step, digits]]) =>
    wide(slider(model, name, { label: name, min, max, step, format: x => text(x, digits) }), '1rem'))))

  // Right, one way: three cuts through the loss where you stand, all to the same scale
  const cuts = ['a', 'b', 'c'].map(name => plot({
    x: [-5, 5], y: [0, 3000], name: `The loss if only ${name} is moved`, yLabel: `loss, if only ${name} is moved`,
    width: 310, height: 128 }))
  const lines = cuts.map(cut => cut.layer())
  const drawCuts = params => {
    const now = loss(params, get('scaled')), top = Math.max(3000, 1.5 * now)
    cuts.forEach((cut, i) => {
      const moved = Array.from({ length: 201 }, (_, n) => params.map((x, j) => j === i ? x + (n - 100) / 20 : x))
      cut.rescale({ x: [params[i] - 5, params[i] + 5], y: [-0.05 * top, top] })
      lines[i].clear()
      lines[i].line(moved.map(p => [p[i], Math.min(loss(p, get('scaled')), 2 * top)]), 'c0')
      lines[i].dot(params[i], now, 'c1', 6)
    })
  }

  // Right, the other way: the map, you on it, and the way down
  const map = plot({
    x: [0, 1], y: [0, 1], name: 'The loss for each a and c, and the way down from where you stand',
    xLabel: 'a', yLabel: 'c', width: 310, height: 310 })
  const ground = map.layer(), way = map.layer(), inside = `map-${Math.random().toString(36).slice(2)}`
  const [left, right, bottom, top] = [map.toX(0), map.toX(1), map.toY(0), map.toY(1)]
  map.root.append(svg('clipPath', { id: inside }, svg('rect', { x: left, y: top, width: right - left, height: bottom - top })))
  for (const layer of [ground, way]) layer.group.setAttribute('clip-path', `url(#${inside})`)
  const you = map.layer()
  const handle = you.dot(0, 0, 'c1', 8)
  handle.setAttribute('class', 'ex-handle c1')
  let held  // the slice stays as it is while you are dragged over it
  handle.addEventListener('pointerdown', event => {
    handle.setPointerCapture(event.pointerId)
    held = middleOf(params(), get('scaled'))
    event.preventDefault()
  })
  handle.addEventListener('pointermove', event => {
    if (!handle.hasPointerCapture(event.pointerId)) return
    const { a, c } = RANGES[get('scaled')], [toA, toC] = map.point(event)
    stand(fromMap([clamp(toA, a), clamp(toC, c)], held, get('scaled')))
  })
  const drawMap = (params, steps, rate, scaled) => {
    const { a: [a0, a1], c: [c0, c1] } = RANGES[scaled], middle = middleOf(params, scaled)
    map.rescale({ x: [a0, a1], y: [c0, c1] })
    ground.clear()
    for (const above of LEVELS)
      ground.line(contour(above, middle, scaled).map(([a, , c]) => [a, c]), 'ink',
        { style: 'fill: var(--c0); fill-opacity: .07; stroke-opacity: .3; stroke-width: 1' })
    way.clear()
    const far = ([a, c]) => Math.abs(a - a0) > 20 * (a1 - a0) || Math.abs(c - c0) > 20 * (c1 - c0)
    const path = []
    for (let n = 0; n <= steps; n = n < 100 ? n + 1 : n === steps ? n + 1 : Math.min(steps, Math.round(n * 1.1))) {
      path.push(onMap(after(params, n, rate, scaled), middle, scaled))
      if (far(path.at(-1))) break  // it diverges; nothing more to see
    }
    way.line(path, 'c2')
    path.forEach(([a, c]) => way.dot(a, c, 'c2', 3))
    way.group.append(cross(map, middle[0], middle[2], 'ink'))
    const [a, c] = onMap(params, middle, scaled)
    handle.setAttribute('cx', map.toX(a))
    handle.setAttribute('cy', map.toY(c))
  }
  const scaleInput = html('input', { type: 'checkbox', onchange: () =>
    stand((scaleInput.checked ? toScaled : toSeconds)(params()), scaleInput.checked) })  // the same curve in the other units

  const sharp = column(...cuts.map(cut => cut.root))
  const flat = narrow(map.root,
    wide(slider(model, 'rate', { label: 'rate', min: -6, max: 0, step: 0.1, at: rounded, place: Math.log10, format: plain }), '2.5rem'),
    wide(slider(model, 'steps', {
      label: 'steps', min: 0, max: 6.3, step: 0.1, at: rounded, place: Math.log10, format: n => n.toLocaleString('en') }), '2.5rem'),
    html('label', { class: 'ex-toggle' }, scaleInput, 'scale the input'), its.element)

  const draw = () => {
    const [scaled, rate, steps, view] = ['scaled', 'rate', 'steps', 'view'].map(get), here = params(), onTheMap = view === 'map'
    const end = after(here, steps, rate, scaled), now = loss(here, scaled), best = land(scaled).best
    knobs.forEach((knob, i) => seen(knob, Boolean(i) === scaled))
    seen(sharp, !onTheMap)
    seen(flat, onTheMap)
    scaleInput.checked = scaled
    drawFit(here, onTheMap && (scaled ? toSeconds(end) : end))
    onTheMap ? drawMap(here, steps, rate, scaled) : drawCuts(here)
    yours.say(`Yours ${shown(now)}, best ${shown(best)}.`)
    const what = verdict(here, steps, rate, scaled)
    its.say(onTheMap ? `From your dot, gradient descent ${what}. After ${counted(steps)}, its loss is ${shown(loss(end, scaled))}.` : '')
  }
  const views = choice(model, 'view', 'The loss', { cuts: 'knob by knob', map: 'on a map' })
  views.style.marginBottom = '.6rem'
  frame(el, views, row(narrow(fit.root, ...knobs, yours.element), sharp, flat))
  return follow(model, ['a', 'b', 'c', 'scaled', 'rate', 'steps', 'view'], draw)
}

export default { render }
