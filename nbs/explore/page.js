// On a page of the website: puts a thing to touch in the place of its still picture, with a stand-in for anywidget's model.

const STAYS = ['kept']  // what a page hands on to the next one, in this tab of the browser alone

const recall = name => { try { return JSON.parse(sessionStorage.getItem(`explore-${name}`)) } catch { return null } }
const keep = (name, value) => { try { sessionStorage.setItem(`explore-${name}`, JSON.stringify(value)) } catch { /* forbidden, or full */ } }

// The part of anywidget's model that things use: values, and functions to call when one changes.
export const standIn = state => {
  const values = new Map(Object.entries(state)), listeners = new Map()
  for (const name of STAYS) if (values.has(name)) values.set(name, recall(name) ?? values.get(name))
  return {
    get: name => values.get(name),
    set: (name, value) => {
      if (Object.is(values.get(name), value)) return
      values.set(name, value)
      if (STAYS.includes(name)) keep(name, value)
      for (const call of [...listeners.get(`change:${name}`) ?? []]) call()
    },
    on: (event, call) => { listeners.set(event, [...listeners.get(event) ?? [], call]) },
    off: (event, call) => { listeners.set(event, (listeners.get(event) ?? []).filter(other => other !== call)) },
    save_changes: () => {},
  }
}

const styles = () => new Promise((resolve, reject) => {
  const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: new URL('explore.css', import.meta.url), onload: resolve, onerror: reject })
  document.head.append(link)
})
let styled

// Draw the thing that an element names, and then take its still picture away. If it can't be drawn, the picture stays.
export const show = async place => {
  const [{ default: thing }] = await Promise.all([import(`./${place.dataset.thing}.js`), styled ??= styles()])
  const el = document.createElement('div')
  const still = place.closest('.cell')?.querySelector('.cell-output-display img')
  const shown = still?.closest('.enlarge') ?? still
  const host = shown ?? place, figure = host.closest('figure')
  figure ? figure.prepend(el) : host.before(el)  // first into the page, so that it can measure itself
  try { await thing.render({ model: standIn(JSON.parse(place.dataset.state)), el }) }
  catch (error) { el.remove(); throw error }
  host.classList.add('explore-still')
  el.dataset.thing = place.dataset.thing
}
