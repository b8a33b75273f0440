import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks'
import { isNumber, show } from './cells.ts'
import { count, t } from './i18n.ts'
import type { Pages } from './pages.ts'
import { copy, Failure } from './parts.tsx'
import type { FieldInfo, RecordInfo } from './types.ts'

const rowHeight = 34
// tallest is how tall an element may be for every browser.
const tallest = 8_000_000
const around = 8 // records above and below what is seen

// width is how wide a column is, by what it holds.
function width(f: FieldInfo): number {
  const head = f.label.length * 9 + 52
  const body = f.kind === 'time' ? 200 : isNumber(f.kind) || f.kind === 'bool' ? 90 : f.kind === 'text' ? 260 : 150
  return Math.min(Math.max(head, body), 320)
}

export interface TableProps {
  pages: Pages
  columns: FieldInfo[]
  zone: string
  sorts: Map<string, 'asc' | 'desc'>
  sort: (f: FieldInfo, add: boolean) => void
  open: (n: number) => void
}

// Table shows records in a grid that is as long as there are records, of which only those that are seen are in the document.
export function Table(p: TableProps) {
  const box = useRef<HTMLDivElement>(null)
  const [, again] = useReducer((n: number) => n + 1, 0)
  const [view, setView] = useState({ top: 0, height: 600 })
  const [at, setAt] = useState({ row: 0, column: 0 })
  const wantFocus = useRef(false)

  const extent = p.pages.extent
  const whole = extent * rowHeight
  const height = Math.min(whole, tallest)
  const scale = height < whole ? (whole - view.height) / (height - view.height) : 1
  const offset = view.top * scale // where in the whole the view begins
  const from = Math.max(0, Math.floor(offset / rowHeight) - around)
  const to = Math.min(extent, Math.ceil((offset + view.height) / rowHeight) + around)

  useEffect(() => {
    p.pages.changed = () => again(0)
    setAt({ row: 0, column: 0 })
    if (box.current) box.current.scrollTop = 0
    setView((v) => ({ ...v, top: 0 }))
    return () => { p.pages.changed = () => {} }
  }, [p.pages])
  useEffect(() => {
    const id = setTimeout(() => p.pages.want(from, to), 40) // not for every place that is passed
    return () => clearTimeout(id)
  }, [p.pages, from, to])
  useLayoutEffect(() => {
    const el = box.current
    if (!el) return undefined
    const watch = new ResizeObserver(() => setView((v) => ({ ...v, height: el.clientHeight - rowHeight })))
    watch.observe(el)
    return () => watch.disconnect()
  }, [])
  useLayoutEffect(() => {
    if (!wantFocus.current) return
    const cell = box.current?.querySelector<HTMLElement>('[tabindex="0"]')
    if (cell) {
      wantFocus.current = false
      cell.focus({ preventScroll: true })
      cell.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    }
  })

  const reveal = (row: number) => {
    const el = box.current
    if (!el) return
    const top = row * rowHeight
    let to = offset
    if (top < offset) to = top
    else if (top + rowHeight > offset + view.height) to = top + rowHeight - view.height
    if (to !== offset) el.scrollTop = to / scale
  }
  const keys = (e: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1)
    const far = e.ctrlKey || e.metaKey
    const moves: Record<string, [number, number]> = {
      ArrowDown: [at.row + 1, at.column], ArrowUp: [at.row - 1, at.column], ArrowRight: [at.row, at.column + 1], ArrowLeft: [at.row, at.column - 1],
      PageDown: [at.row + page, at.column], PageUp: [at.row - page, at.column],
      Home: [far ? 0 : at.row, 0], End: [far ? extent - 1 : at.row, p.columns.length - 1],
    }
    const move = moves[e.key]
    if (move) {
      e.preventDefault()
      const row = Math.min(Math.max(move[0], 0), extent - 1)
      wantFocus.current = true
      setAt({ row, column: Math.min(Math.max(move[1], 0), p.columns.length - 1) })
      reveal(row)
    } else if (e.key === 'Enter') {
      e.preventDefault()
      p.open(at.row)
    } else if (far && e.key.toLowerCase() === 'c' && !getSelection()?.toString()) {
      const f = p.columns[at.column]
      const r = p.pages.at(at.row)
      if (f && r) {
        e.preventDefault()
        void copy(show(r.fields[f.path], f.kind, p.zone))
      }
    }
  }

  const widths = p.columns.map((f) => `${width(f)}px`).join(' ')
  const rows = []
  for (let n = from; n < to; n++) {
    rows.push(<Row key={n} n={n} top={n * rowHeight - offset + view.top} record={p.pages.at(n)} columns={p.columns} zone={p.zone} widths={widths}
      column={n === at.row ? at.column : -1} pick={(column) => setAt({ row: n, column })} open={() => p.open(n)} />)
  }
  // The cell that takes the focus may be scrolled away: then the first that is seen does.
  const lost = at.row < from || at.row >= to
  return (
    <>
      <Failure error={p.pages.error} again={() => p.pages.again()} />
      <div class="grid" ref={box} role="grid" aria-label={t('table.label')} aria-rowcount={p.pages.total + 1} aria-colcount={p.columns.length}
        tabIndex={lost ? 0 : -1} onScroll={(e) => setView({ top: e.currentTarget.scrollTop, height: e.currentTarget.clientHeight - rowHeight })} onKeyDown={keys}>
        <div class="heads" role="row" aria-rowindex={1} style={{ gridTemplateColumns: widths }}>
          {p.columns.map((f, i) => <Head key={f.path} f={f} i={i} sort={p.sorts.get(f.path)} click={(add) => p.sort(f, add)} />)}
        </div>
        <div class="rows" role="rowgroup" style={{ height: `${height}px` }}>{rows}</div>
      </div>
    </>
  )
}

function Head(p: { f: FieldInfo; i: number; sort: 'asc' | 'desc' | undefined; click: (add: boolean) => void }) {
  const sorted = p.sort === 'asc' ? 'ascending' : p.sort === 'desc' ? 'descending' : 'none'
  const mark = p.sort === 'asc' ? '▲' : p.sort === 'desc' ? '▼' : ''
  return (
    <div role="columnheader" aria-colindex={p.i + 1} aria-sort={p.f.orderable ? sorted : undefined} title={p.f.path} class={isNumber(p.f.kind) ? 'number' : ''}>
      {p.f.orderable
        ? <button type="button" class="plain" onClick={(e) => p.click(e.shiftKey)}><span>{p.f.label}</span><span class="mark" aria-hidden="true">{mark}</span></button>
        : <span class="name">{p.f.label}</span>}
    </div>
  )
}

interface RowProps {
  n: number
  top: number
  record: RecordInfo | undefined
  columns: FieldInfo[]
  zone: string
  widths: string
  column: number // the cell that takes the focus, or -1
  pick: (column: number) => void
  open: () => void
}

function Row(p: RowProps) {
  const cells = p.columns.map((f, i) => {
    const text = p.record ? show(p.record.fields[f.path], f.kind, p.zone) : i === 0 ? t('table.loading', { n: p.n + 1 }) : ''
    return (
      <div key={f.path} role="gridcell" aria-colindex={i + 1} tabIndex={i === p.column ? 0 : -1} title={text.length > 20 ? text : undefined} dir="auto"
        class={isNumber(f.kind) ? 'number' : ''} onFocus={() => p.pick(i)} onDblClick={p.open}>{text}</div>
    )
  })
  return (
    <div role="row" aria-rowindex={p.n + 2} class={`row${p.n % 2 ? ' odd' : ''}${p.column >= 0 ? ' at' : ''}`}
      style={{ top: `${p.top}px`, gridTemplateColumns: p.widths }}>{cells}</div>
  )
}

// Total says how many records there are.
export function Total(p: { pages: Pages }) {
  const { first, total } = p.pages
  return <>{first.total_is_exact ? t('table.total', { n: count(total) }) : t('table.atLeast', { n: count(total) })}</>
}
