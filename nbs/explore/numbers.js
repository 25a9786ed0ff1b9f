// The numbers of the book's models by name, such as `numbers['linear model'].bias`, as tools/make_models.py trained them.
import { floats } from './unpack.js'
import { data, origin, shapes } from './weights.js'

const flat = floats(data)
let start = 0
const next = shape => flat.subarray(start, start += shape.reduce((a, b) => a * b, 1))
const each = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))

export const numbers = each(shapes, tensors => each(tensors, next))
export { origin }  // seed, versions, and how many of the 2,038 validation images each model gets wrong
