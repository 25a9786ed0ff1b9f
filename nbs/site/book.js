// What the pages of the book do beyond Quarto's own: the same on a site built by Quarto and by tools/build_site.py.
(() => {
  const main = document.querySelector('main')
  const title = document.querySelector('#title-block-header')
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties)
    element.append(...children)
    return element
  }

  // Colab and download: the link 'View source' has the repository's address, the branch and the notebook
  const source = document.querySelector('.toc-actions a[href*="/blob/"]')?.href ?? ''
  const [, repository, path] = source.match(/github\.com\/(.+?)\/blob\/(.+\/\d[^/]*\.ipynb)$/) ?? []
  if (repository) {
    const raw = `https://raw.githubusercontent.com/${repository}/${path}`
    const button = (text, href) => make('a', { className: 'btn btn-sm btn-outline-secondary', href }, text)
    const download = button('Download the notebook', raw)
    // a browser shows a file of another host rather than saving it, so fetch it first
    download.addEventListener('click', async event => {
      event.preventDefault()
      try {
        const content = await (await fetch(raw)).blob()
        make('a', { href: URL.createObjectURL(content), download: path.split('/').pop() }).click()
      } catch { location.href = raw }
    })
    const colab = button('Open in Colab', `https://colab.research.google.com/github/${repository}/blob/${path}`)
    title.append(make('p', { className: 'chapter-links' }, colab, ' ', download))
  }

  // the table of contents, which is beside the text, has no room there on a phone
  const contents = document.querySelector('#TOC > ul')?.cloneNode(true)
  if (contents) {
    contents.querySelectorAll('a').forEach(link => { link.removeAttribute('id'); link.className = '' })
    title.after(make('details', { className: 'phone-contents' }, make('summary', {}, 'On this page'), contents))
  }

  // figures enlarge at a click, and shrink again at the next or with the Escape key
  const enlarged = make('img', {})
  const dialog = make('dialog', { className: 'enlarged', onclick: () => dialog.close() }, enlarged)
  document.body.append(dialog)
  for (const figure of main.querySelectorAll('.cell-output-display img')) {
    const button = make('button', { type: 'button', className: 'enlarge', title: 'Enlarge' })
    figure.replaceWith(button)
    button.append(figure)
    button.addEventListener('click', () => {
      Object.assign(enlarged, { src: figure.src, alt: figure.alt })
      enlarged.style.imageRendering = figure.naturalWidth < 100 ? 'pixelated' : 'auto'  // a digit, dot by dot
      dialog.showModal()
    })
  }

  // what scrolls in a box of its own can be reached, and so scrolled, with the keyboard
  const reach = () => main.querySelectorAll('pre, .cell-output-display, .sd-table').forEach(box => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
  })
  reach()
  addEventListener('resize', reach)
  document.addEventListener('toggle', reach, true)  // what was folded had no width before

  // words of the glossary, where a chapter prints them bold for the first time and where it lists them:
  // a link to the glossary, with the sentence that stands there as its hover text
  const linkWords = async glossary => {
    const page = new DOMParser().parseFromString(await (await fetch(glossary)).text(), 'text/html')
    const entries = new Map()
    for (const entry of page.querySelectorAll('main li:has(a[id])')) {
      const [, terms, meaning] = entry.textContent.match(/^\s*(.+?): (.+?)\s*(Chapter \w+)?\s*$/s) ?? []
      for (const term of terms?.split(/, | and /) ?? []) entries.set(term.toLowerCase(), [entry.querySelector('a[id]').id, meaning])
    }
    const link = (node, text) => {
      const word = text.trim().toLowerCase()
      const [id, meaning] = entries.get(word) ?? entries.get(word.replace(/s$/, '')) ?? []
      return id && make('a', { className: 'glossary-word', href: `${glossary}#${id}`, title: meaning }, node)
    }
    const seen = new Set()
    for (const bold of main.querySelectorAll(':is(p, li) > strong')) {
      const word = bold.textContent.toLowerCase()
      const linked = !seen.has(word) && link(bold.cloneNode(true), word)
      seen.add(word)
      if (linked) bold.replaceWith(linked)
      if (word !== 'words introduced:') continue
      for (const node of [...bold.parentElement.childNodes].filter(node => node !== bold)) {
        const pieces = node.nodeName === 'CODE' ? [node.textContent] : node.textContent.split(/(^\s+| · |, | and | ?[().])/)
        node.replaceWith(...pieces.map(piece => {
          const shown = node.nodeName === 'CODE' ? node.cloneNode(true) : piece
          return link(shown, piece) || shown
        }))
      }
    }
  }
  const glossary = document.querySelector('#quarto-sidebar a[href$="glossary.html"]:not(.active)')
  if (glossary) linkWords(glossary.href).catch(() => {})  // pages opened as files can't read each other

  // nbdev's links name the definition they lead to, but Quarto gives code no such place
  const name = decodeURIComponent(location.hash.slice(1))
  if (name && !document.getElementById(name)) {
    const after = word => `${word.nextSibling?.textContent}${word.nextElementSibling?.textContent}`.trim()
    const defined = word => after(word).match(/^\w*/)[0].toLowerCase()
    const words = [...main.querySelectorAll('pre .kw')].filter(word => /^(def|class)$/.test(word.textContent))
    words.find(word => defined(word) === name.split('.').pop())?.scrollIntoView()
  }
})()
