// Down the curve (chapter 3): gradient descent on x², from a start and at a rate that the reader drags.
import { column, cross, follow, frame, handle, plot, row, sentence, slider, text, write } from './ui.js'

// All points of the way, as `descend` of chapter 3 gives them: on x² the slope is 2x.
export const descend = (start, rate, steps) => {
  const path = [start]
  for (let i = 0; i < steps; i++) path.push(path[i] - rate * 2 * path[i])
  return path
}

// What the way does, in the words of chapter 3 and of exercise 3.3.
export const verdict = path => {
  const [start, next] = path, end = path.at(-1)
  if (start === 0) return 'begins at the bottom, and stays there'
  if (next === start) return 'stays where it is'
  if (Math.abs(next) > Math.abs(start)) return 'diverges'
  if (next === -start) return 'jumps from wall to wall for ever'
  if (Math.abs(next) < 1e-9 * Math.abs(start)) return 'arrives with the first step'
  if (next * start < 0) return 'bounces'
  return Math.abs(end) > Math.abs(start) / 3 ? 'crawls' : 'slides'
}

const render = ({ model, el }) => {
  const chart = plot({
    x: [-3, 3], y: [0, 9], name: 'The curve x², and the way down it', xLabel: 'x', yLabel: 'x²', width: 310, height: 250 })
  const curve = chart.layer(), way = chart.layer(), { element, say } = sentence()
  const put = handle(chart, {
    label: 'start', min: -3, max: 3, step: 0.1, get: () => [model.get('start'), model.get('start') ** 2],
    move: start => write(model, { start: +start.toFixed(1) }) })
  let reach = 3, held = false  // while the start is dragged, the axes stay as they are
  chart.root.addEventListener('pointerdown', () => { held = true })
  chart.root.addEventListener('lostpointercapture', () => { held = false; draw() })
  const draw = () => {
    const [start, rate, steps] = ['start', 'rate', 'steps'].map(name => model.get(name))
    const path = descend(start, rate, steps), end = path.at(-1)
    const far = Math.max(...path.map(Math.abs))
    if (!held) reach = far > 3 ? Math.min(1.1 * far, 1e6) : 3  // a way that diverges needs room
    chart.rescale({ x: [-reach, reach], y: [0, reach ** 2] })
    curve.clear()
    curve.line(Array.from({ length: 121 }, (_, i) => [reach * (i / 60 - 1), (reach * (i / 60 - 1)) ** 2]), 'ink', { opacity: 0.35 })
    way.clear()
    way.line(path.map(x => [x, x * x]), 'c0')
    path.forEach(x => way.dot(x, x * x, 'c0', 4))
    way.group.append(cross(chart, end, end * end))
    put()
    const [x, y] = Math.abs(end) < 0.1 ? [text(end, 4), text(end * end, 6)] : [text(end), text(end * end)]
    say(`At a rate of ${text(rate)}, it ${verdict(path)}. After ${steps} steps x is ${x}, and x² is ${y}.`)
  }
  const beside = column(
    slider(model, 'rate', { label: 'learning rate', min: 0, max: 1.2, step: 0.01 }),
    slider(model, 'start', { label: 'start', min: -3, max: 3, step: 0.1, format: v => text(v, 1) }), element)
  beside.style.flex = '1 1 15rem'  // so that the sentence breaks, and not the row
  frame(el, row(chart.root, beside))
  return follow(model, ['start', 'rate', 'steps'], draw)
}

export default { render }
