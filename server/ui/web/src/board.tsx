import { GridStack } from 'gridstack'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { call, download, Problem, send, versioned } from './api.ts'
import { ShareBoard } from './boards.tsx'
import { boardPath, type Board, type Data, type Gadget, type Position } from './boardtypes.ts'
import { GadgetForm } from './gadgetform.tsx'
import { GadgetView } from './gadgetview.tsx'
import { instant, language, t } from './i18n.ts'
import { exactly } from './numbers.ts'
import { Confirm, Failure, Nothing, say, useLoaded, useWork, Waiting } from './parts.tsx'
import { address, go, type Route } from './route.ts'
import { useSession, zone } from './session.ts'
import { useSignal } from './signal.ts'

// every are the times between two readings, in seconds.
const every = ['0', '30', '60', '300', '900']

// lines reads what is sent a line at a time, and calls each as soon as it is there. Without the line that says that it is the last, something is missing.
async function lines(path: string, query: Record<string, string>, stop: AbortSignal, each: (line: unknown) => void): Promise<void> {
  const answer = await send(path, { query, signal: stop, headers: { Accept: 'application/x-ndjson' } })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  let ended = false
  for (;;) {
    const got = await reader?.read()
    if (!got || got.done) break
    text += got.value
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const line = exactly(text.slice(0, at)) as { end?: boolean }
      ended ||= line.end === true
      each(line)
      text = text.slice(at + 1)
    }
  }
  if (!ended) throw new Problem(0, 'unreachable', t('error.unreachable'), t('error.unreachable'), [], '')
}

// useFigures are the data of the gadgets as they come in, again after some seconds and when something changes.
function useFigures(b: Board | undefined, seconds: number) {
  const here = useSignal(zone)
  const [data, setData] = useState<Map<string, Data>>(new Map())
  const [asOf, setAsOf] = useState('')
  const [error, setError] = useState<unknown>(null)
  const [round, setRound] = useState(0)
  const reading = useRef(false)
  useEffect(() => {
    if (!b || b.gadgets.length === 0) return undefined
    const stop = new AbortController()
    setError(null)
    reading.current = true
    lines(`${boardPath(b.id)}/data`, { time_zone: here }, stop.signal, (line) => {
      const one = line as Data & { end?: boolean; as_of: string }
      if (one.end) setAsOf(one.as_of)
      else setData((old) => new Map(old).set(one.gadget_id, one))
    }).catch((e: unknown) => { if (!stop.signal.aborted) setError(e) }).finally(() => { if (!stop.signal.aborted) reading.current = false })
    return () => { reading.current = false; stop.abort() }
  }, [b, here, round])
  useEffect(() => {
    if (seconds === 0) return undefined
    const id = setInterval(() => { if (document.visibilityState === 'visible' && !reading.current) setRound((n) => n + 1) }, seconds * 1000)
    return () => clearInterval(id)
  }, [seconds])
  return { data, asOf, error, again: () => setRound((n) => n + 1) }
}

// BoardScreen is one dashboard.
export default function BoardScreen(p: { route: Route }) {
  const id = p.route.params.get('id') ?? ''
  const editing = p.route.params.get('edit') === '1'
  const refresh = every.includes(p.route.params.get('every') ?? '') ? p.route.params.get('every') ?? '0' : '0'
  const got = useLoaded(() => versioned<Board>(`${boardPath(id)}/config`), [id])
  const [open, setOpen] = useState<'' | 'share' | 'new' | { edit: Gadget } | { remove: Gadget }>('')
  const moved = useRef<Map<string, Position>>(new Map())
  const screen = useRef<HTMLDivElement>(null)
  const work = useWork()
  const here = useSignal(zone)
  const { me } = useSession()
  const board = got.value?.value
  const figures = useFigures(board, Number(refresh))
  const may = board !== undefined && board.permission !== 'read'
  const to = (more: { edit?: string; every?: string }) => address('dashboard', { id, edit: editing ? '1' : '', every: refresh === '0' ? '' : refresh, ...more })

  const done = () => work.run(async () => {
    if (board && got.value && moved.current.size > 0) {
      const gadgets = board.gadgets.map((g) => ({ id: g.id, type: g.type, title: g.title, filter_id: g.filter_id, config: g.config, position: moved.current.get(g.id) ?? g.position }))
      await call(boardPath(id), { method: 'PATCH', body: { gadgets }, headers: { 'If-Match': got.value.etag, 'Content-Type': 'application/merge-patch+json' } })
      moved.current.clear()
      say(t('board.saved'))
      got.again()
    }
    go(to({ edit: '' }))
  })
  const changed = () => { moved.current.clear(); got.again() }
  if (!board) return got.error ? <Failure error={got.error} again={got.again} /> : <Waiting />
  return (
    <div class="board" ref={screen}>
      <div class="bar">
        <h1 dir="auto">{board.name}</h1>
        <span class="space" />
        <span class="quiet asof" role="status">{figures.asOf && t('board.asOf', { when: instant(figures.asOf, here), zone: here })}</span>
        <span class="bar tools">
          <label class="inline">{t('board.every')}
            <select value={refresh} onChange={(e) => go(to({ every: e.currentTarget.value === '0' ? '' : e.currentTarget.value }), true)}>
              {every.map((s) => <option key={s} value={s} selected={s === refresh}>{s === '0' ? t('board.never') : t(Number(s) < 60 ? 'board.seconds' : 'board.minutes', { n: Number(s) < 60 ? Number(s) : Number(s) / 60 })}</option>)}
            </select>
          </label>
          <button type="button" onClick={figures.again}>{t('refresh')}</button>
          <button type="button" onClick={() => void screen.current?.requestFullscreen()}>{t('board.full')}</button>
          <button type="button" onClick={() => print()}>{t('board.print')}</button>
          {me.permissions.includes('export') && <button type="button" disabled={work.busy} onClick={() => work.run(() => download(`${boardPath(id)}/report.pdf?time_zone=${encodeURIComponent(here)}&locale=${language.get()}${figures.asOf && `&as_of=${encodeURIComponent(figures.asOf)}`}`, `${board.name}.pdf`))}>{t('board.report')}</button>}
          <button type="button" onClick={() => setOpen('share')}>{t('share')}</button>
          {may && editing && <button type="button" onClick={() => setOpen('new')}>{t('gadget.new')}</button>}
          {may && (editing
            ? <button type="button" class="main" disabled={work.busy} onClick={done}>{t('board.done')}</button>
            : <a class="button" href={to({ edit: '1' })}>{t('edit')}</a>)}
        </span>
      </div>
      {board.description && <p class="quiet" dir="auto">{board.description}</p>}
      <Failure error={figures.error} again={figures.again} />
      <Failure error={work.error} again={work.error instanceof Problem && work.error.status === 412 ? changed : undefined} />
      {board.gadgets.length === 0 && <Nothing title={t('board.empty')}>{may && <p><button type="button" class="main" onClick={() => { go(to({ edit: '1' })); setOpen('new') }}>{t('gadget.new')}</button></p>}</Nothing>}
      {board.gadgets.length > 0 && (
        <Grid key={`${board.version}${editing}`} gadgets={board.gadgets} editing={editing && may} moved={moved.current}>
          {(g) => <GadgetView g={g} d={figures.data.get(g.id)} editing={editing && may} edit={() => setOpen({ edit: g })} remove={() => setOpen({ remove: g })} />}
        </Grid>
      )}
      {open === 'share' && <ShareBoard b={board} saved={changed} close={() => setOpen('')} />}
      {open === 'new' && <GadgetForm board={board} gadget={null} saved={changed} close={() => setOpen('')} />}
      {typeof open === 'object' && 'edit' in open && <GadgetForm board={board} gadget={open.edit} saved={changed} close={() => setOpen('')} />}
      {typeof open === 'object' && 'remove' in open && <Confirm title={t('gadget.remove')} text={t('gadget.removeText', { title: open.remove.title })} yes={t('gadget.remove')} close={() => setOpen('')}
        run={async () => { await send(`v1/gadgets/${encodeURIComponent(open.remove.id)}`, { method: 'DELETE', headers: { 'If-Match': `"${open.remove.version}"` } }); changed() }} />}
    </div>
  )
}

interface GridProps { gadgets: Gadget[]; editing: boolean; moved: Map<string, Position>; children: (g: Gadget) => ComponentChildren }

// Grid is where gadgets stand: 12 columns, or one on a phone.
function Grid(p: GridProps) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!box.current) return undefined
    const grid = GridStack.init({
      column: 12, cellHeight: 56, margin: 6, mode: 'float', staticGrid: !p.editing, animate: false, handle: '.handle', columnOpts: { breakpoints: [{ w: 700, c: 1 }] },
    }, box.current)
    if (!grid) return undefined
    grid.on('change', (_, items) => {
      if (grid.getColumn() !== 12) return // on a phone all stand below each other, which is not kept
      for (const i of items) {
        if (i.id) p.moved.set(i.id, { row: i.y ?? 0, col: i.x ?? 0, width: i.w ?? 1, height: i.h ?? 1 })
      }
    })
    return () => { grid.destroy(false) }
  }, [])
  return (
    <div class={`grid-stack${p.editing ? ' editing' : ''}`} ref={box}>
      {p.gadgets.map((g) => (
        <div key={g.id} class="grid-stack-item" style={{ '--rows': g.position.height, '--place': 12 * g.position.row + g.position.col }} gs-id={g.id} gs-x={g.position.col} gs-y={g.position.row} gs-w={g.position.width} gs-h={g.position.height}>
          <div class="grid-stack-item-content">{p.children(g)}</div>
        </div>
      ))}
    </div>
  )
}
