// PyTorch's random numbers on the CPU, so that a model starts here from the weights that it starts from in the book.

// The Mersenne Twister: with each call another whole number of 32 bits.
const twister = seed => {
  const state = new Uint32Array(624)
  state[0] = seed
  for (let i = 1; i < 624; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ state[i - 1] >>> 30) + i
  let at = 624
  return () => {
    if (at === 624) {
      for (let i = 0; i < 624; i++) {
        const bits = state[i] & 0x80000000 | state[(i + 1) % 624] & 0x7fffffff
        state[i] = state[(i + 397) % 624] ^ bits >>> 1 ^ (bits & 1 ? 0x9908b0df : 0)
      }
      at = 0
    }
    let bits = state[at++]
    bits ^= bits >>> 11
    bits ^= bits << 7 & 0x9d2c5680
    bits ^= bits << 15 & 0xefc60000
    return (bits ^ bits >>> 18) >>> 0
  }
}

// Two numbers from 0 to 1 make two of a bell curve (Box and Muller).
const bell = (radial, angle) => {
  const radius = Math.sqrt(-2 * Math.log(1 - radial))
  return [radius * Math.cos(2 * Math.PI * angle), radius * Math.sin(2 * Math.PI * angle)]
}

// What `torch.manual_seed(seed)`, `torch.randn(n)` and `torch.randn(1)` give, one after the other, if 16 divides `n`.
export const weightsAndBias = (seed, n = 28 * 28) => {
  const next = twister(seed)
  const weights = Float32Array.from({ length: n }, () => next() % 2 ** 24 / 2 ** 24)
  for (let i = 0; i < n; i += 16) {  // PyTorch pairs the first with the ninth, and so on
    for (let k = i; k < i + 8; k++) [weights[k], weights[k + 8]] = bell(weights[k], weights[k + 8])
  }
  const fine = () => (next() % 2 ** 21 * 2 ** 32 + next()) / 2 ** 53  // for few numbers it takes 53 bits each
  const angle = fine()
  return { weights, bias: bell(fine(), angle)[0] }
}
