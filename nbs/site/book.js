// What the pages of the book do beyond Quarto's own: the same on a site built by Quarto and by tools/build_site.py.
(() => {
  const { src } = document.currentScript
  const main = document.querySelector('main')
  const all = (selector, within = document) => [...within.querySelectorAll(selector)]
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties)
    element.append(...children)
    return element
  }

  // buttons of icons alone say in words what they do
  const labelButtons = () => {
    const labels = { '.quarto-btn-toggle': 'Chapters', '.quarto-color-scheme-toggle': 'Light/dark', '#quarto-header a:has(.bi-github)': 'GitHub' }
    for (const [button, text] of Object.entries(labels)) {
      for (const element of all(button)) {
        element.removeAttribute('aria-label')
        element.append(make('span', { className: 'label' }, text))
      }
    }
  }

  // a browser shows a file of another host rather than saving it, so fetch it first
  const saveNotebook = async event => {
    event.preventDefault()
    const { href } = event.currentTarget
    try {
      const content = await (await fetch(href)).blob()
      make('a', { href: URL.createObjectURL(content), download: href.split('/').pop() }).click()
    } catch { location.href = href }
  }

  // the contents have no room beside the text on a narrow screen; there, all of them are open
  const foldContents = () => {
    const contents = document.querySelector('#TOC > ul')?.cloneNode(true)
    if (!contents) return
    all('a, ul', contents).forEach(element => { element.removeAttribute('id'); element.className = '' })
    contents.classList.toggle('letters', all('a', contents).every(link => link.textContent.trim().length === 1))  // the glossary's
    document.querySelector('#title-block-header').after(
      make('details', { className: 'phone-contents' }, make('summary', {}, 'On this page'), contents))
  }

  // the contents beside the text scroll along, so that the present place is to be seen
  const followContents = () => {
    const box = document.querySelector('#quarto-margin-sidebar')
    const place = box?.querySelector('#TOC a.active')?.getBoundingClientRect()
    if (!place) return
    const { top, bottom } = box.getBoundingClientRect()
    if (place.top < top + 40) box.scrollTop += place.top - top - 40
    if (place.bottom > bottom - 40) box.scrollTop += place.bottom - bottom + 40
  }

  // figures enlarge at a click, and shrink again with the button, at the next click, or with the Escape key
  const enlargeFigures = () => {
    const large = make('img', {}), caption = make('p', {})
    const close = make('button', { type: 'button', className: 'btn btn-sm btn-outline-secondary' }, 'Close')
    const dialog = make('dialog', { className: 'enlarged', onclick: () => dialog.close() }, close, large, caption)
    document.body.append(dialog)
    for (const figure of all('.cell-output-display img', main)) {
      const button = make('button', { type: 'button', className: 'enlarge', title: 'Enlarge' })
      figure.replaceWith(button)
      button.append(figure)
      button.addEventListener('click', () => {
        Object.assign(large, { src: figure.src, alt: figure.alt })
        large.style.imageRendering = figure.naturalWidth < 100 ? 'pixelated' : 'auto'  // a digit, dot by dot
        caption.textContent = button.closest('figure')?.querySelector('figcaption')?.textContent ?? ''
        dialog.showModal()
      })
    }
  }

  // what scrolls in a box of its own can be reached, and so scrolled, with the keyboard
  const reachBoxes = () => all('pre, .cell-output-display, .table-box', main).forEach(box => {
    if (box.scrollWidth > box.clientWidth && box.checkVisibility()) box.tabIndex = 0
  })

  // a link to a definition opens the fold that it is in
  const openFold = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)))
    const folds = all('details:not([open])', main).filter(fold => place && fold.contains(place))
    folds.forEach(fold => { fold.open = true })
    if (folds.length) place.scrollIntoView()
  }

  // the glossary's words, in lower case, each with the place and the sentence that it has there
  const readGlossary = async address => {
    const page = new DOMParser().parseFromString(await (await fetch(address)).text(), 'text/html')
    const entries = new Map()
    for (const entry of all('main li:has(a[id])', page)) {
      const [, terms, meaning] = entry.textContent.match(/^\s*(.+?): (.+?)\s*(Chapter\s\w+)?\s*$/s) ?? []
      for (const term of terms?.split(/, | and /) ?? []) entries.set(term.toLowerCase(), [entry.querySelector('a[id]').id, meaning])
    }
    return entries
  }

  // words of the glossary, where a chapter prints them bold for the first time and where it lists them, become buttons:
  // the sentence that stands in the glossary appears below the word, for a mouse, a finger and the keyboard alike
  const explainWords = async glossary => {
    const entries = await readGlossary(glossary)
    const sentence = make('p', {}), link = make('a', {}, 'In the glossary')
    const meaning = make('div', { className: 'meaning', popover: 'auto' }, sentence, link)
    document.body.append(meaning)
    const explain = (word, id, text) => {
      sentence.textContent = text
      link.href = `${glossary}#${id}`
      word.after(meaning)  // so that the next stop of the keyboard is the link
      meaning.showPopover()
      const { left, bottom } = word.getBoundingClientRect()
      meaning.style.left = `${scrollX + Math.max(16, Math.min(left, innerWidth - meaning.offsetWidth - 16))}px`
      meaning.style.top = `${scrollY + bottom + 4}px`
    }
    const button = (node, text) => {
      const word = text.trim().toLowerCase()
      const entry = entries.get(word) ?? entries.get(word.replace(/s$/, ''))
      return entry && make('button', {
        type: 'button', className: 'glossary-word', onclick: event => explain(event.currentTarget, ...entry) }, node)
    }
    // a line could begin with the full stop behind a button, or with the dot between two of them, or end with a bracket
    const keepStop = word => {
      const text = (node, pattern) => node?.nodeName === '#text' ? node.data.match(pattern)[0] : ''
      const before = word.previousSibling, behind = word.nextSibling
      const bracket = text(before, /\(?$/), stop = text(behind, /^[.,;:!?)]*(\s·)?/)
      if (!bracket && !stop) return
      if (bracket) before.data = before.data.slice(0, -1)
      if (stop) behind.data = behind.data.slice(stop.length)
      const whole = make('span', { className: 'whole' })
      word.replaceWith(whole)
      whole.append(bracket, word, stop)
    }
    const seen = new Set()
    for (const bold of all(':is(p, li) > strong', main)) {
      const word = bold.textContent.toLowerCase()
      const linked = !seen.has(word) && button(bold.cloneNode(true), word)
      seen.add(word)
      if (linked) bold.replaceWith(linked), keepStop(linked)
      if (word !== 'words introduced:') continue
      for (const node of [...bold.parentElement.childNodes].filter(node => node !== bold)) {
        const pieces = node.nodeName === 'CODE' ? [node.textContent] : node.textContent.split(/(^\s+| · |, | and | ?[().])/)
        node.replaceWith(...pieces.map(piece => {
          const shown = node.nodeName === 'CODE' ? node.cloneNode(true) : piece
          return button(shown, piece) || (piece === ' · ' ? '\u00a0· ' : shown)
        }))
      }
      bold.parentElement.normalize()
      all('.glossary-word', bold.parentElement).forEach(keepStop)
    }
  }

  // both builders search with Fuse. What has the words as they are goes before what is only like them, chapters before
  // the glossary, and the glossary before the rest
  const searchChaptersFirst = () => {
    if (!window.Fuse) return
    const { search } = Fuse.prototype
    Fuse.prototype.search = function (query, { limit = Infinity, ...options } = {}) {
      const rank = ({ href, title, section, text }) =>
        3 * !`${title} ${section} ${text}`.toLowerCase().includes(query.toLowerCase())
        + (href.includes('/') ? 2 : href.startsWith('glossary') ? 1 : 0)
      return search.call(this, query, options).sort((a, b) => rank(a.item) - rank(b.item)).slice(0, limit)
    }
  }

  // the things to touch take the place of their still pictures when these come near, with all that they need
  const showThings = () => {
    const near = new IntersectionObserver(entries => entries.filter(entry => entry.isIntersecting).forEach(async ({ target }) => {
      near.unobserve(target)
      const { show } = await import(new URL('../explore/page.js', src))
      await show(all('.explore', target)[0])
    }), { rootMargin: '400px' })
    all('.cell:has(.explore[data-thing])', main).forEach(cell => near.observe(cell))
  }

  labelButtons()
  all('.download-notebook').forEach(button => button.addEventListener('click', saveNotebook))
  foldContents()
  addEventListener('scroll', followContents, { passive: true })
  enlargeFigures()
  showThings()
  reachBoxes()
  addEventListener('resize', reachBoxes)
  document.addEventListener('toggle', reachBoxes, true)  // what was folded had no width before
  openFold()
  addEventListener('hashchange', openFold)
  searchChaptersFirst()
  const glossary = document.querySelector('#quarto-sidebar a[href$="glossary.html"]:not(.active)')
  if (glossary) explainWords(glossary.href).catch(() => {})  // pages opened as files can't read each other
})()
