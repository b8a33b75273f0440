import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { call, type Complaint } from './api.ts'
import { ColumnsDialog } from './columns.tsx'
import { open as openEditor, type Editor } from './editor.ts'
import { ExportDialog } from './exporting.tsx'
import { SaveDialog } from './filterdialogs.tsx'
import { instant, language, t } from './i18n.ts'
import { bare, example, ordered, ordering, quote, type Sort } from './jql.ts'
import { Pages } from './pages.ts'
import { Failure, Nothing, Waiting } from './parts.tsx'
import { RecordView } from './record.tsx'
import { address, go, list, type Route } from './route.ts'
import { columnsOf, setZone, useSession, zone as zoneSignal, zoneName } from './session.ts'
import { onShortcut } from './shortcuts.ts'
import { useSignal } from './signal.ts'
import { Table, Total } from './table.tsx'
import type { FieldInfo, Filter, FilterList, Validation } from './types.ts'

// Asked is what the address says is asked.
export interface Asked {
  jql: string
  indexes: string[]
  fields: string[]
  filter: string
  zone: string // in which it is asked, if that is not the one of the page
  asOf: string // the instant that now() stands for, if that is not now
}

const lastIndex = 'dhr.index'
const none: FieldInfo[] = []

// knownZone returns the name of a zone, or nothing if the browser has none of that name.
function knownZone(name: string | null): string {
  try {
    return name ? new Intl.DateTimeFormat('en', { timeZone: name }) && name : ''
  } catch {
    return ''
  }
}

// knownInstant returns an instant as it is written, or nothing if it is none.
function knownInstant(text: string | null): string {
  return text && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : ''
}

function asked(route: Route, all: string[]): Asked {
  const p = route.params
  let indexes = list(p, 'index')
  if (indexes.length === 0 && !p.has('jql')) {
    const last = localStorage.getItem(lastIndex) ?? ''
    indexes = all.includes(last) ? [last] : all.slice(0, 1)
  }
  return { jql: p.get('jql') ?? '', indexes, fields: list(p, 'fields'), filter: p.get('filter') ?? '', zone: knownZone(p.get('zone')), asOf: knownInstant(p.get('as_of')) }
}

// askAddress is the link to a question.
export function askAddress(a: Partial<Asked>): string {
  // The parameter jql is there even when it is empty: it says that the indexes are chosen.
  const q = address('ask', { index: a.indexes ?? [], fields: a.fields ?? [], filter: a.filter, zone: a.zone === zoneSignal.get() ? '' : a.zone, as_of: a.asOf })
  return `${q}${q.includes('?') ? '&' : '?'}jql=${encodeURIComponent(a.jql ?? '')}`
}

interface Result { pages?: Pages; error?: unknown; busy: boolean }

// useRecords asks, and asks again when the question changes.
function useRecords(a: Asked, zone: string, round: number): Result {
  const { server } = useSession()
  const [result, setResult] = useState<Result>({ busy: true })
  useEffect(() => {
    const stop = new AbortController()
    setResult((r) => ({ ...r, busy: true }))
    let mine: Pages | undefined
    Pages.open({ jql: a.jql, allowed_indexes: a.indexes, time_zone: zone, ...a.asOf ? { as_of: a.asOf } : {} }, server.limits, stop.signal).then(
      (pages) => { mine = pages; setResult({ pages, busy: false }) },
      (error: unknown) => { if (!stop.signal.aborted) setResult({ error, busy: false }) },
    )
    return () => { stop.abort(); mine?.close() }
  }, [a.jql, a.indexes.join(), zone, a.asOf, round])
  return result
}

// Ask is where questions are asked.
export function Ask(p: { route: Route }) {
  const { me, indexes: known } = useSession()
  const names = known.map((i) => i.name)
  const a = asked(p.route, names)
  const mine = useSignal(zoneSignal)
  const zone = a.zone || mine
  const [round, setRound] = useState(0)
  const [text, setText] = useState(a.jql)
  const [complaints, setComplaints] = useState<Complaint[]>([])
  const [dialog, setDialog] = useState<'' | 'columns' | 'export' | 'save'>('')
  const [record, setRecord] = useState(-1)
  const [all, setAll] = useState<FieldInfo[]>([])
  const editor = useRef<Editor | null>(null)
  const result = useRecords(a, zone, round)

  const run = (jql: string, more: Partial<Asked> = {}) => {
    const to = askAddress({ ...a, jql, ...more })
    if (to === location.hash) setRound((n) => n + 1)
    else go(to)
  }
  useEffect(() => { setText(a.jql); editor.current?.setText(a.jql) }, [a.jql])
  useEffect(() => {
    if (a.indexes.length === 1 && a.indexes[0]) localStorage.setItem(lastIndex, a.indexes[0])
    let on = true
    columnsOf(a.indexes.length ? a.indexes : names).then((f) => { if (on) setAll(f) }, () => { if (on) setAll([]) })
    return () => { on = false }
  }, [a.indexes.join()])
  useEffect(() => onShortcut({
    '/': () => editor.current?.focus(), s: () => setDialog('save'), e: () => setDialog('export'), c: () => setDialog('columns'),
  }), [])

  const columns = useMemo(() => {
    const byPath = new Map(all.map((f) => [f.path, f]))
    const chosen = a.fields.map((f) => byPath.get(f)).filter((f) => f !== undefined)
    return chosen.length ? chosen : all
  }, [all, a.fields.join()])
  const sorts = useMemo(() => sortsOf(a.jql, all), [a.jql, all])
  const sort = (f: FieldInfo, add: boolean) => run(sorted(a.jql, all, f, add))
  const mayExport = me.permissions.includes('export')
  const { pages, error, busy } = result

  return (
    <div class="ask">
      <h1 class="offscreen">{t('nav.ask')}</h1>
      <QueryBar a={a} text={text} editor={editor} run={run} changed={setText} fields={a.indexes.length === 1 ? all : none} complaints={complaints} setComplaints={setComplaints} />
      {!a.jql && !a.filter && <Starts />}
      <div class="bar" role="toolbar" aria-label={t('ask.tools')}>
        <p class="total" role="status">{busy ? t('waiting') : pages ? <Total pages={pages} /> : ''}</p>
        <Zone zone={zone} set={(name) => { setZone(name); if (a.zone) go(askAddress({ ...a, zone: '' }), true) }} />
        {a.asOf && <span class="asof">{t('ask.asOf', { when: instant(a.asOf, zone) })} <button type="button" onClick={() => go(askAddress({ ...a, asOf: '' }))}>{t('ask.now')}</button></span>}
        <span class="space" />
        <button type="button" onClick={() => setDialog('columns')}>{t('columns')}{a.fields.length > 0 && ` (${columns.length})`}</button>
        <button type="button" onClick={() => setDialog('save')}>{t('save')}</button>
        {mayExport && <button type="button" onClick={() => setDialog('export')}>{t('export')}</button>}
      </div>
      {pages?.first.warnings.map((w) => <p key={w.message} class="warning">{w.message}</p>)}
      {!busy && error ? <Failure error={error} again={() => setRound((n) => n + 1)} /> : null}
      {pages && !error && (pages.total === 0
        ? <Nothing title={t('ask.none')}><p>{t('ask.noneHelp')}</p></Nothing>
        : columns.length > 0 && <Table pages={pages} columns={columns} zone={zone} sorts={sorts} sort={sort} open={setRecord} />)}
      {!pages && busy && <Waiting />}
      {pages && record >= 0 && <RecordView pages={pages} n={record} fields={all} zone={zone} move={setRecord} close={() => setRecord(-1)} />}
      {dialog === 'columns' && <ColumnsDialog all={all} chosen={columns.map((f) => f.path)} close={() => setDialog('')}
        set={(fields) => go(askAddress({ ...a, fields }))} />}
      {dialog === 'export' && <ExportDialog question={{ jql: a.jql, indexes: a.indexes, asOf: a.asOf }} fields={a.fields} all={all} total={pages?.total ?? null} zone={zone} close={() => setDialog('')} />}
      {dialog === 'save' && <SaveDialog jql={text} indexes={a.indexes} filter={a.filter} zone={a.zone} asOf={a.asOf} close={() => setDialog('')}
        saved={(f) => go(askAddress({ ...a, jql: f.jql, filter: f.id }), true)} />}
    </div>
  )
}

interface BarProps {
  a: Asked
  text: string
  editor: { current: Editor | null }
  run: (jql: string, more?: Partial<Asked>) => void
  changed: (text: string) => void
  fields: FieldInfo[] // of the one index that is asked
  complaints: Complaint[]
  setComplaints: (c: Complaint[]) => void
}

// QueryBar is the query with what it is put to, and what is wrong with it.
function QueryBar(p: BarProps) {
  const { indexes: known } = useSession()
  const lang = useSignal(language)
  const host = useRef<HTMLDivElement>(null)
  const now = useRef(p)
  now.current = p
  useEffect(() => {
    if (!host.current) return undefined
    const made = openEditor(host.current, now.current.text, t('ask.query'), {
      run: (text) => now.current.run(text), changed: (text) => now.current.changed(text), indexes: () => now.current.a.indexes,
    })
    p.editor.current = made
    return () => { made.close(); p.editor.current = null }
  }, [lang])
  useEffect(() => {
    const query = example(p.fields)
    p.editor.current?.hint(query ? t('ask.placeholderLike', { query }) : t('ask.placeholder'))
  }, [p.fields, lang])
  useEffect(() => {
    const stop = new AbortController()
    const id = setTimeout(() => {
      call<Validation>('v1/query/validate', { method: 'POST', body: { jql: p.text, allowed_indexes: p.a.indexes }, signal: stop.signal }).then((v) => {
        p.setComplaints(v.errors)
        p.editor.current?.complain(v.errors)
      }, () => { /* it is said when the question is asked */ })
    }, 250)
    return () => { clearTimeout(id); stop.abort() }
  }, [p.text, p.a.indexes.join(), lang])
  return (
    <form class="query" onSubmit={(e) => { e.preventDefault(); p.run(p.text) }}>
      <div class="what">
        <label class="inline">{t('ask.index')}
          <select value={p.a.indexes.join()} onChange={(e) => p.run(p.text, { indexes: e.currentTarget.value ? e.currentTarget.value.split(',') : [], fields: [], filter: '' })}>
            <option value="" selected={p.a.indexes.length === 0}>{t('ask.all')}</option>
            {p.a.indexes.length > 1 && <option value={p.a.indexes.join()} selected>{p.a.indexes.join(', ')}</option>}
            {known.map((i) => <option key={i.name} value={i.name} selected={p.a.indexes.length === 1 && p.a.indexes[0] === i.name}>{i.label || i.name}</option>)}
          </select>
        </label>
        <Saved id={p.a.filter} jql={p.a.jql} />
      </div>
      <div class="line">
        <div class="editor" ref={host} />
        <button type="submit" class="main">{t('ask.run')}</button>
      </div>
      <div class="complaints" role="status" aria-live="polite">
        {p.complaints.map((c) => <Complained key={`${c.offset}${c.message}`} c={c} cure={() => p.editor.current?.cure(c)} />)}
      </div>
    </form>
  )
}

function Complained(p: { c: Complaint; cure: () => void }) {
  const { c } = p
  return (
    <p class="complaint">
      <span aria-hidden="true">⚠ </span>{c.column ? t('ask.at', { line: c.line ?? 1, column: c.column }) : ''} {c.message}
      {' '}{c.suggestion
        ? <button type="button" onClick={p.cure}>{t('ask.use', { what: c.suggestion })}</button>
        : c.expected && c.expected.length > 0 && <span class="quiet">{t('ask.expected', { what: c.expected.join(', ') })}</span>}
    </p>
  )
}

// Saved names the filter that is shown, and whether the query is still its own.
function Saved(p: { id: string; jql: string }) {
  const [filter, setFilter] = useState<Filter | null>(null)
  useEffect(() => {
    setFilter(null)
    if (!p.id) return undefined
    const stop = new AbortController()
    call<Filter>(`v1/filters/${encodeURIComponent(p.id)}`, { signal: stop.signal }).then(setFilter, () => setFilter(null))
    return () => stop.abort()
  }, [p.id, p.jql])
  if (!filter) return null
  return <p class="saved"><span aria-hidden="true">★ </span>{filter.name}{filter.jql !== p.jql && <span class="badge">{t('ask.changed')}</span>}</p>
}

// Starts are saved questions to begin with.
function Starts() {
  const { server } = useSession()
  const [filters, setFilters] = useState<Filter[]>([])
  useEffect(() => {
    if (!server.roles.includes('filter')) return undefined
    const stop = new AbortController()
    call<FilterList>('v1/filters', { query: { max_results: 12 }, signal: stop.signal }).then((l) => setFilters(l.filters), () => {})
    return () => stop.abort()
  }, [])
  if (filters.length === 0) return null
  return (
    <nav class="starts" aria-label={t('ask.starts')}>
      <span class="quiet">{t('ask.starts')}</span>
      {filters.map((f) => <a key={f.id} href={askAddress({ jql: f.jql, indexes: f.allowed_indexes ?? [], filter: f.id })}>{f.name}</a>)}
    </nav>
  )
}

function Zone(p: { zone: string; set: (name: string) => void }) {
  const { zone } = p
  const all = useMemo(() => {
    const names = new Set(['UTC', zone, ...Intl.supportedValuesOf('timeZone').map(zoneName)])
    return [...names].sort()
  }, [zone])
  return (
    <label class="inline zone">{t('zone.label')}
      <select value={zone} onChange={(e) => p.set(e.currentTarget.value)}>
        {all.map((z) => <option key={z} value={z} selected={z === zone}>{z}</option>)}
      </select>
    </label>
  )
}

function pathOf(field: string, all: FieldInfo[]): string {
  const name = bare(field)
  const found = all.find((f) => f.path === name) ?? all.find((f) => f.aliases.includes(name)) ??
    all.find((f) => f.path.toLowerCase() === name.toLowerCase() || f.label.toLowerCase() === name.toLowerCase())
  return found?.path ?? name
}

function sortsOf(jql: string, all: FieldInfo[]): Map<string, 'asc' | 'desc'> {
  return new Map(ordering(jql).sorts.map((s) => [pathOf(s.field, all), s.descending ? 'desc' : 'asc']))
}

// sorted returns the query with the order of a column changed: ascending, descending, none.
function sorted(jql: string, all: FieldInfo[], f: FieldInfo, add: boolean): string {
  const old = ordering(jql).sorts
  const is = old.find((s) => pathOf(s.field, all) === f.path)
  const others = add ? old.filter((s) => s !== is) : []
  const next: Sort[] = !is ? [{ field: quote(f.path), descending: false }] : is.descending ? [] : [{ field: is.field, descending: true }]
  return ordered(jql, [...others, ...next])
}
