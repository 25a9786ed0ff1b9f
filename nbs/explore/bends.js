// Bends (chapter 6): a few ReLUs, each with a place where it bends and a slope, and their sum, which is to follow a curve.
import { animate, button, choice, column, derived, follow, frame, handle, plot, row, sentence, svg, text, write } from './ui.js'

const FROM = -2, TO = 2, STEEPEST = 6
const XS = Array.from({ length: 81 }, (_, i) => FROM + i / 20)
// The curve of chapter 6.
export const wave = x => Math.sin(3 * x) + x / 2
const HEIGHTS = XS.map(wave)

// The sum of ReLUs, each times its slope. On the left it starts where the curve does.
export const total = (x, bends, slopes) => bends.reduce((sum, bend, i) => sum + slopes[i] * Math.max(0, x - bend), wave(FROM))
// How far it is from the curve: the mean squared error.
export const loss = (bends, slopes) => XS.reduce((sum, x, i) => sum + (total(x, bends, slopes) - HEIGHTS[i]) ** 2, 0) / XS.length

// The least loss that so many can reach, found by trying: tests/test_explore_bends.py tries again.
export const BEST = { 3: 0.1469, 4: 0.0542, 5: 0.0061 }

// So many ReLUs that connect dots on the curve, as `connect_dots` of chapter 6 does it.
export const connect = n => {
  const dots = Array.from({ length: n + 1 }, (_, i) => FROM + (TO - FROM) * i / n)
  const steep = dots.slice(1).map((dot, i) => (wave(dot) - wave(dots[i])) / (dot - dots[i]))
  return { bends: dots.slice(0, n), slopes: steep.map((slope, i) => i ? slope - steep[i - 1] : slope) }
}

const within = (value, most) => Math.min(most, Math.max(-most, value))
// One step of gradient descent on bends and slopes.
export const step = (bends, slopes, rate = 0.02) => {
  const down = { bends: [...bends], slopes: [...slopes] }
  XS.forEach((x, k) => {
    const push = rate * 2 * (total(x, bends, slopes) - HEIGHTS[k]) / XS.length
    bends.forEach((bend, i) => {
      if (x <= bend) return  // silent there, so it has no gradient
      down.slopes[i] -= push * (x - bend)
      down.bends[i] += push * slopes[i]
    })
  })
  return { bends: down.bends.map(bend => within(bend, TO)), slopes: down.slopes.map(slope => within(slope, STEEPEST)) }
}
const STEPS = 20000, AT_ONCE = 50  // of one descent, and between two pictures of it

const ARM = 0.3  // how far to the right of its bend a ReLU is held
const render = ({ model, el }) => {
  const half = (yLabel, name) => plot({ x: [FROM - 0.15, TO + 0.15], y: [-2, 2], width: 420, height: 210, yLabel, name })
  const above = half('grey: the curve. Blue: the sum of the ReLUs below', 'The curve, and the sum of the ReLUs')
  const below = half('the ReLUs, each with its bend and its slope', 'The ReLUs, each with a handle at its bend and one for its slope')
  const curve = above.layer(), sum = above.layer(), ramps = below.layer(), labels = svg('g', { 'aria-hidden': 'true' })
  const { element, say } = sentence()
  curve.line(XS.map((x, i) => [x, HEIGHTS[i]]), 'ink', { opacity: 0.35, style: 'stroke-width: 5' })
  let done = 0, stop = () => {}, running = false
  const values = () => ({ bends: model.get('bends'), slopes: model.get('slopes') })

  // ---- Two handles for each ReLU: where it bends, and how steeply it goes on
  let handles = []
  const set = (name, i, value) => { halt(); done = 0; write(model, { [name]: model.get(name).map((old, k) => k === i ? value : old) }) }
  const build = n => {
    below.root.querySelectorAll('.ex-handle').forEach(old => old.remove())
    handles = Array.from({ length: n }, (_, i) => [
      handle(below, { label: `bend of ReLU ${i + 1}`, min: FROM, max: TO, step: 0.05, colour: 'ink', get: () => [model.get('bends')[i], 0],
                      move: value => set('bends', i, +value.toFixed(2)) }),
      handle(below, { label: `slope of ReLU ${i + 1}`, min: -STEEPEST, max: STEEPEST, step: 0.1, read: ([, y]) => y / ARM,
                      get: () => [model.get('bends')[i] + ARM, ARM * model.get('slopes')[i]],
                      move: value => set('slopes', i, +value.toFixed(1)) }),
    ]).flat()
    below.root.append(labels)  // on top of the handles
  }

  const descend = () => {
    if (running) return halt()
    done = 0
    let now = values()
    running = true
    stop = animate(() => {
      for (let k = 0; k < AT_ONCE; k++) now = step(now.bends, now.slopes)
      done += AT_ONCE
      running = done < STEPS
      write(model, now)
      return running
    })
    draw()
  }
  const halt = () => {
    stop()
    if (running) { running = false; draw() }
  }
  const again = n => { halt(); done = 0; write(model, connect(n)) }
  const go = button('', descend)

  const draw = () => {
    const { bends, slopes } = values(), n = Math.min(bends.length, slopes.length)
    if (handles.length !== 2 * n) build(n)
    sum.clear()
    sum.line([FROM, ...[...bends].sort((a, b) => a - b), TO].map(x => [x, total(x, bends, slopes)]), 'c0')
    bends.forEach(bend => sum.dot(bend, total(bend, bends, slopes), 'ink', 4))
    ramps.clear()
    ramps.line([[FROM, 0], [TO, 0]], 'ink', { opacity: 0.35 })
    bends.forEach((bend, i) => ramps.line([[bend, 0], [TO, slopes[i] * (TO - bend)]], 'c1', { opacity: 0.5 }))
    labels.replaceChildren(...bends.map((bend, i) => svg('text', { class: 'ex-number', x: below.toX(bend), y: below.toY(0) + 4 }, i + 1)))
    handles.forEach(put => put())
    go.textContent = running ? 'Stop' : 'Let gradient descent do it'
    const own = text(loss(bends, slopes), 3), after = done ? `After ${done.toLocaleString('en')} steps of gradient descent, the` : 'The'
    say(`${after} loss is ${own}. The best for ${n} ReLUs is ${text(BEST[n], 3)}.`)
  }
  const count = derived(model, ['bends'], () => String(model.get('bends').length), n => again(+n))
  frame(el, row(column(above.root, below.root), column(
    choice(count, 'bends', 'ReLUs', { 3: '3', 4: '4', 5: '5' }), go,
    button('Start again', () => again(model.get('bends').length)))), element)
  const end = follow(model, ['bends', 'slopes'], draw)
  return () => { stop(); end() }
}

export default { render }
