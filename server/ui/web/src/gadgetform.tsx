import { useEffect, useMemo, useState } from 'preact/hooks'
import { call, callExactly, Problem } from './api.ts'
import { boardPath, gadgetTypes, type Board, type Config, type Data, type Gadget, type GadgetType, type Position } from './boardtypes.ts'
import { isNumber } from './cells.ts'
import { Body } from './gadgetview.tsx'
import { known, t } from './i18n.ts'
import { many } from './lists.ts'
import { Choice, Dialog, Failure, Text, useLoaded, useWork } from './parts.tsx'
import { columnsOf, useSession, zone } from './session.ts'
import { useSignal } from './signal.ts'
import type { FieldInfo, Filter } from './types.ts'

// place finds room for a gadget below those that are there.
function place(b: Board, width: number, height: number): Position {
  return { row: Math.max(0, ...b.gadgets.map((g) => g.position.row + g.position.height)), col: 0, width, height }
}

// A Draft is a gadget as it is being made: all its choices as texts.
interface Draft {
  type: GadgetType
  title: string
  filter_id: string
  group_by: string
  split_by: string
  metric: string
  metric_field: string
  percentile: string
  interval: string
  limit: string
  sort: string
  columns: string
  compare: string
  time_zone: string // is not asked for, and stays
  position: Position
}

function draftOf(b: Board, g: Gadget | null): Draft {
  const c = g?.config ?? {}
  return {
    type: g?.type ?? 'bar-chart', title: g?.title ?? '', filter_id: g?.filter_id ?? '', group_by: c.group_by ?? '', split_by: c.split_by ?? '', metric: c.metric ?? 'count',
    metric_field: c.metric_field ?? '', percentile: String(c.percentile ?? 90), interval: c.interval ?? '', limit: c.limit ? String(c.limit) : '', sort: c.sort ?? '',
    columns: (c.columns ?? []).join(', '), compare: c.compare ?? '', time_zone: c.time_zone ?? '', position: g?.position ?? place(b, 6, 6),
  }
}

// gadgetOf is what is sent of a draft: only what goes with its type.
function gadgetOf(d: Draft, byDate: boolean): { type: string; title: string; filter_id: string; config: Config; position: Position } {
  const config: Config = {}
  if (d.type === 'table' && !d.group_by) {
    const columns = d.columns.split(',').map((c) => c.trim()).filter((c) => c !== '')
    if (columns.length) config.columns = columns
  } else {
    if (d.group_by) config.group_by = d.group_by
    if (d.split_by && d.type !== 'pie-chart' && d.type !== 'stat') config.split_by = d.split_by
    if (d.metric !== 'count') Object.assign(config, { metric: d.metric, metric_field: d.metric_field })
    if (d.metric === 'percentile') config.percentile = Number(d.percentile)
    if (byDate && d.interval) config.interval = d.interval
    if (d.sort && !byDate) config.sort = d.sort
    if (d.compare) config.compare = d.compare
  }
  if (d.limit) config.limit = Number(d.limit)
  if (d.time_zone) config.time_zone = d.time_zone
  return { type: d.type, title: d.title.trim(), filter_id: d.filter_id, config, position: d.position }
}

// GadgetForm makes or changes a gadget, and shows what it would be.
export function GadgetForm(p: { board: Board; gadget: Gadget | null; saved: () => void; close: () => void }) {
  const { indexes } = useSession()
  const filters = useLoaded((stop) => many<Filter>('v1/filters', 'filters', {}, 100_000, stop), [])
  const [d, setD] = useState(draftOf(p.board, p.gadget))
  const [fields, setFields] = useState<FieldInfo[]>([])
  const work = useWork()
  const filter = filters.value?.all.find((f) => f.id === d.filter_id)
  const names = filter?.allowed_indexes?.length ? filter.allowed_indexes : indexes.map((i) => i.name)
  useEffect(() => {
    let on = true
    columnsOf(names).then((all) => { if (on) setFields(all) }, () => { if (on) setFields([]) })
    return () => { on = false }
  }, [names.join()])
  const byDate = fields.find((f) => f.path === d.group_by)?.kind === 'time'
  const sent = gadgetOf(d, byDate)
  const save = () => work.run(async () => {
    if (p.gadget) await call(`v1/gadgets/${encodeURIComponent(p.gadget.id)}`, { method: 'PUT', body: sent, headers: { 'If-Match': `"${p.gadget.version}"` } })
    else await call(`${boardPath(p.board.id)}/gadgets`, { method: 'POST', body: sent })
    p.saved()
    p.close()
  })
  return (
    <Dialog wide title={t(p.gadget ? 'gadget.edit' : 'gadget.new')} close={p.close}>
      <form class="maker" onSubmit={(e) => { e.preventDefault(); save() }}>
        <div class="two">
          <Choices d={d} set={(to) => setD((old) => ({ ...old, ...to }))} filters={filters.value?.all ?? []} fields={fields} byDate={byDate} />
          <Preview gadget={{ ...sent, title: sent.title || t('gadget.untitled') }} ready={sent.filter_id !== ''} />
        </div>
        <Failure error={filters.error ?? work.error} />
        <footer>
          <button type="button" onClick={p.close}>{t('cancel')}</button>
          <button type="submit" class="main" disabled={work.busy || sent.title === '' || sent.filter_id === ''}>{t(p.gadget ? 'save' : 'gadget.add')}</button>
        </footer>
      </form>
    </Dialog>
  )
}

function Choices(p: { d: Draft; set: (to: Partial<Draft>) => void; filters: Filter[]; fields: FieldInfo[]; byDate: boolean }) {
  const { d, set } = p
  const grouped = p.fields.filter((f) => f.kind !== 'text' && f.kind !== 'json')
  const offer = (all: FieldInfo[], none: string): [string, string][] => [['', none], ...all.map((f): [string, string] => [f.path, f.label])]
  const records = d.type === 'table' && !d.group_by
  const numbers = p.fields.filter((f) => d.metric === 'cardinality' || isNumber(f.kind) || (d.metric === 'min' || d.metric === 'max') && f.kind === 'time')
  const number = (name: keyof Position, label: string) => (
    <Text key={name} label={label} type="number" value={String(d.position[name])} set={(v) => set({ position: { ...d.position, [name]: Math.max(0, Math.trunc(Number(v)) || 0) } })} />
  )
  return (
    <div>
      <Text label={t('gadget.title')} value={d.title} set={(title) => set({ title })} required max={255} />
      <Choice label={t('gadget.type')} value={d.type} set={(v) => set({ type: v as GadgetType })} of={gadgetTypes.map((g) => [g, known('type', g)])} />
      <Choice label={t('gadget.filter')} value={d.filter_id} set={(filter_id) => set({ filter_id })} of={[['', t('gadget.choose')], ...p.filters.map((f): [string, string] => [f.id, f.name])]} help={t('gadget.filterHelp')} />
      <Choice label={t('gadget.group')} value={d.group_by} set={(group_by) => set({ group_by })} of={offer(grouped, t('gadget.noGroup'))} />
      {p.byDate && <Choice label={t('gadget.interval')} value={d.interval} set={(interval) => set({ interval })} of={[['', t('gadget.fitting')], ...['hour', 'day', 'week', 'month', 'quarter', 'year'].map((i): [string, string] => [i, known('interval', i)])]} />}
      {records && <Text label={t('columns')} value={d.columns} set={(columns) => set({ columns })} help={t('gadget.columnsHelp')} mono />}
      {!records && <>
        {d.group_by && d.type !== 'pie-chart' && d.type !== 'stat' && <Choice label={t('gadget.split')} value={d.split_by} set={(split_by) => set({ split_by })} of={offer(grouped.filter((f) => f.kind !== 'time'), t('gadget.noSplit'))} />}
        <Choice label={t('gadget.metric')} value={d.metric} set={(metric) => set({ metric })} of={['count', 'sum', 'avg', 'min', 'max', 'cardinality', 'percentile'].map((m) => [m, known('metric', m)])} />
        {d.metric !== 'count' && <Choice label={t('gadget.metricField')} value={d.metric_field} set={(metric_field) => set({ metric_field })} of={offer(numbers, t('gadget.choose'))} />}
        {d.metric === 'percentile' && <Text label={t('gadget.percentile')} type="number" value={d.percentile} set={(percentile) => set({ percentile })} />}
        {d.group_by && !p.byDate && <Choice label={t('gadget.sort')} value={d.sort} set={(sort) => set({ sort })} of={[['', t('gadget.fitting')], ...['count', 'value', 'key'].map((s): [string, string] => [s, known('sort', s)])]} />}
        {p.byDate && <Choice label={t('gadget.compare')} value={d.compare} set={(compare) => set({ compare })} of={[['', t('gadget.noCompare')], ['previous_period', t('gadget.previous')]]} />}
      </>}
      <Text label={t('gadget.limit')} type="number" value={d.limit} set={(limit) => set({ limit })} />
      <details>
        <summary>{t('gadget.place')}</summary>
        <div class="four">{number('row', t('gadget.row'))}{number('col', t('gadget.col'))}{number('width', t('gadget.width'))}{number('height', t('gadget.height'))}</div>
      </details>
    </div>
  )
}

function Preview(p: { gadget: ReturnType<typeof gadgetOf>; ready: boolean }) {
  const here = useSignal(zone)
  const [data, setData] = useState<Data | undefined>(undefined)
  const [error, setError] = useState<unknown>(null)
  const text = useMemo(() => JSON.stringify({ ...p.gadget, title: 'x' }), [JSON.stringify(p.gadget)])
  useEffect(() => {
    if (!p.ready) return undefined
    const stop = new AbortController()
    const id = setTimeout(() => {
      callExactly<Data>('v1/gadgets/preview', { method: 'POST', query: { time_zone: here }, body: p.gadget, signal: stop.signal }).then(
        (d) => { setData(d); setError(null) }, (e: unknown) => { if (!stop.signal.aborted) { setData(undefined); setError(e) } })
    }, 300)
    return () => { clearTimeout(id); stop.abort() }
  }, [text, p.ready, here])
  return (
    <section class="preview" aria-label={t('gadget.preview')}>
      <h3>{t('gadget.preview')}</h3>
      {!p.ready && <p class="quiet">{t('gadget.previewHelp')}</p>}
      {error ? <Failure error={error instanceof Problem ? error : new Error(String(error))} /> : null}
      {p.ready && !error && <Body d={data && { ...data, title: p.gadget.title }} chart={false} />}
    </section>
  )
}
