import { useEffect, useRef, useState } from 'preact/hooks'
import { Problem, send } from './api.ts'
import type { Data } from './boardtypes.ts'
import { behindPoint, Figures } from './figures.tsx'
import { language } from './i18n.ts'
import { Waiting } from './parts.tsx'
import { go } from './route.ts'
import { zone } from './session.ts'
import { useSignal } from './signal.ts'

// dark reports whether the page is dark at present.
function dark(): boolean {
  const chosen = document.documentElement.dataset['theme']
  return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
}

// useLook renders again when the colours of the page change.
function useLook(): 'dark' | 'light' {
  const [look, setLook] = useState<'dark' | 'light'>(dark() ? 'dark' : 'light')
  useEffect(() => {
    const see = () => setLook(dark() ? 'dark' : 'light')
    const query = matchMedia('(prefers-color-scheme: dark)')
    query.addEventListener('change', see)
    const watch = new MutationObserver(see)
    watch.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => { query.removeEventListener('change', see); watch.disconnect() }
  }, [])
  return look
}

// Chart is the picture of a gadget, drawn by the server in the size that there is; a click on a part of it opens the records behind it. Where the
// server draws none, the figures stand in its place.
export function Chart(p: { d: Data }) {
  const box = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState({ width: 0, height: 0 })
  const [none, setNone] = useState(false)
  const [busy, setBusy] = useState(true)
  const look = useLook()
  const tag = useSignal(language)
  const here = useSignal(zone)
  const { d } = p
  useEffect(() => {
    if (!box.current) return undefined
    let id: ReturnType<typeof setTimeout>
    const watch = new ResizeObserver(([e]) => {
      clearTimeout(id)
      id = setTimeout(() => { if (e) setSize({ width: Math.round(e.contentRect.width), height: Math.round(e.contentRect.height) }) }, 120)
    })
    watch.observe(box.current)
    return () => { clearTimeout(id); watch.disconnect() }
  }, [none])
  useEffect(() => {
    if (size.width < 80 || size.height < 60) return undefined
    const stop = new AbortController()
    // As of the same instant as the figures, so that the picture is of these.
    const query = { width: size.width, height: size.height, theme: look, locale: tag, title: 'false', time_zone: here, as_of: d.question.as_of }
    const draw = (q: Partial<typeof query>) => send(`v1/gadgets/${encodeURIComponent(d.gadget_id)}/chart.svg`, { query: q, headers: { Accept: 'image/svg+xml' }, signal: stop.signal })
    draw(query).catch((e: unknown) => { // of a language that the server cannot write, in its own
      if (e instanceof Problem && e.status === 422) return draw({ ...query, locale: '' })
      throw e
    }).then((r) => r.text()).then((text) => { if (!stop.signal.aborted) { setBusy(false); setNone(!put(box.current, text)) } })
      .catch((e: unknown) => { if (!stop.signal.aborted && (e instanceof Problem)) setNone(true) })
    return () => stop.abort()
  }, [d, size.width, size.height, look, tag, here])
  if (none) return <div class="inside" tabIndex={0} role="group" aria-label={d.title}><Figures d={d} /></div>
  const click = (e: MouseEvent) => {
    const point = (e.target as Element).closest<SVGElement>('.point')
    const found = point && d.series[Number(point.dataset['series'])]?.points[Number(point.dataset['point'])]
    const to = found ? behindPoint(d, found) : ''
    if (to) go(to)
  }
  return <div class="picture"><div class={`drawing ${look}`} ref={box} onClick={click} />{busy && <Waiting />}</div>
}

// put has an element show a drawing, which has no script and no style.
function put(box: HTMLElement | null, text: string): boolean {
  const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement
  if (!box || svg.tagName !== 'svg') return false
  box.replaceChildren(document.importNode(svg, true))
  return true
}
