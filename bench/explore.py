"""How long the pad takes from a stroke to an answer, in Chromium, and each model beside PyTorch.

Run `python bench/explore.py`, on a machine that does nothing else. It serves `nbs/` itself and draws 200 strokes. The parts
of an answer: from the canvas to 28 × 28 numbers, and each model; the whole answer is what the pad does in one frame.
PyTorch scores the same images one by one, on one core, and takes turns with the browser."""
import base64
from pathlib import Path
from statistics import median
from sys import path
from time import perf_counter

import torch
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
path.insert(0, str(ROOT/'tools'))
from chromium import launch, served
from make_models import carried, models
from mnist_nb.data import load_sample

N = 200
PARTS = '''async content => {
    const { names, scores } = await import('/explore/models.js'), { prepare } = await import('/explore/prepare.js')
    const { floats } = await import('/explore/unpack.js')
    const all = floats(content), images = Array.from({ length: all.length / 784 }, (_, i) => all.subarray(784 * i, 784 * (i + 1)))
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 280
    const context = canvas.getContext('2d', { willReadFrequently: true })
    const middle = times => times.sort((a, b) => a - b)[times.length >> 1]
    const time = job => { const start = performance.now(); job(); return performance.now() - start }
    const drawn = images.map((_, i) => () => {
        context.fillStyle = 'white'; context.fillRect(0, 0, 280, 280)
        Object.assign(context, { lineWidth: 20, lineCap: 'round' })
        context.beginPath(); context.moveTo(60 + i % 50, 60); context.lineTo(200, 70); context.lineTo(120, 180 + i % 60); context.stroke()
        return context.getImageData(0, 0, 280, 280)
    })
    const result = { 'from canvas to numbers': middle(drawn.map(draw => time(() => prepare(draw())))) }
    for (const name of names) result[name] = middle(images.map(image => time(() => scores(name, image))))
    return result
}'''
WHOLE = '''async () => {
    const { standIn } = await import('/explore/page.js'), { default: pad } = await import('/explore/pad.js'), { names } = await import('/explore/models.js')
    const times = { 'all models but the CNN': [], 'all models': [] }
    const frames = window.requestAnimationFrame
    for (const [kind, rungs] of [['all models but the CNN', names.slice(0, -1)], ['all models', names]]) {
        const state = { rungs, view: '', steps: false, digit: -1, crop: true, scale: true, centre: true, pen: 'medium', shift: [0, 0], strokes: [], image: [], pixels: [], scores: {}, kept: [] }
        const model = standIn(state), el = document.createElement('div')
        document.body.append(el)
        pad.render({ model, el })
        let job
        window.requestAnimationFrame = call => { job = call; return 1 }  // so that only the pad's own work is timed
        const points = [[0.3, 0.25], [0.7, 0.25]]
        for (let i = 0; i < 200; i++) {
            points.push([0.7 - 0.0015 * i, 0.25 + 0.0025 * i])
            const start = performance.now()
            model.set('strokes', [{ width: 0.07, points: [...points] }])
            job()
            times[kind].push(performance.now() - start)
        }
        window.requestAnimationFrame = frames
        el.remove()
    }
    return Object.fromEntries(Object.entries(times).map(([kind, all]) => [kind, [all.sort((a, b) => a - b)[100], all[189]]]))
}'''


torch.set_num_threads(1)
x = load_sample('valid')[0][:N].float()/255
content = base64.b64encode(x.numpy().astype('<f4').tobytes()).decode()
rounds = []
with served(ROOT/'nbs') as address, sync_playwright() as playwright, torch.no_grad():
    page = launch(playwright).new_page()
    page.goto(f'{address}/explore/explore.css')
    for _ in range(3):
        here = page.evaluate(PARTS, content)
        for name, model in models(carried()).items():
            model(x[:1])
            times = []
            for image in x:
                start = perf_counter()
                model(image[None])
                times.append(1000*(perf_counter() - start))
            here[f'{name}/torch'] = median(times)
        rounds.append(here)
    page.set_content('<body></body>')
    whole = page.evaluate(WHOLE)
middle = {name: median(r[name] for r in rounds) for name in rounds[0]}
print(f"{'':28}{'ms in the browser':>18}{'ms in PyTorch':>16}{'ratio':>8}")
for name, ms in middle.items():
    if '/' in name: continue
    torch_ms = middle.get(f'{name}/torch')
    print(f'{name:28}{ms:18.2f}' + (f'{torch_ms:16.2f}{ms/torch_ms:8.2f}' if torch_ms else ''))
print(f"\n{'from a stroke to the answer':28}{'median, ms':>18}{'95 %, ms':>16}")
for kind, (half, most) in whole.items(): print(f'{kind:28}{half:18.1f}{most:16.1f}')
