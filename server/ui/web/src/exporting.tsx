import { useEffect, useState } from 'preact/hooks'
import { call, download, events, key, Problem, send } from './api.ts'
import { bytes, count, instant, known, t, tn } from './i18n.ts'
import { Check, Choice, copy, Dialog, Failure, Text, useWork } from './parts.tsx'
import { useSession, zone } from './session.ts'
import { useSignal } from './signal.ts'
import type { Export, FieldInfo } from './types.ts'

export function running(e: Export): boolean {
  return e.status === 'initiated' || e.status === 'processing'
}

export function cancelExport(e: Export): Promise<Response> {
  return send(`v1/exports/${encodeURIComponent(e.id)}`, { method: 'DELETE' })
}

// follow tells of each change of an export until it is finished, whatever becomes of the connection.
export async function follow(id: string, stop: AbortSignal, each: (e: Export) => void): Promise<void> {
  const path = `v1/exports/${encodeURIComponent(id)}`
  while (!stop.aborted) {
    try {
      if (await events(`${path}/events`, stop, (data) => each(data as Export))) return
    } catch (e) {
      if (stop.aborted || e instanceof Problem && (e.status === 404 || e.status === 401)) throw e
    }
    await new Promise((r) => setTimeout(r, 2000))
  }
}

// Progress shows how far an export is.
export function Progress(p: { e: Export }) {
  const { e } = p
  const here = useSignal(zone)
  if (!running(e)) return null
  const total = e.total_records
  return (
    <div class="progress">
      <progress max={100} value={total === undefined ? undefined : e.progress} aria-label={t('export.progress')} />
      <p class="quiet">
        {known('phase', e.phase)} · {total === undefined ? tn('records', e.processed_records) : t('export.of', { n: e.processed_records, total })} · {bytes(e.bytes_written)}
        {e.eta && ` · ${t('export.eta', { when: instant(e.eta, here) })}`}
      </p>
    </div>
  )
}

// Files are what an export has made, to be downloaded.
export function Files(p: { e: Export }) {
  const work = useWork()
  if (p.e.status !== 'completed') return null
  return (
    <div class="files">
      <Failure error={work.error} />
      <ul>
        {p.e.files.map((f) => (
          <li key={f.number}>
            <button type="button" disabled={work.busy} onClick={() => work.run(() => download(`v1/exports/${encodeURIComponent(p.e.id)}/files/${f.number}`, f.name))}>{t('download')} {f.name}</button>
            <span class="quiet">{tn('records', f.rows)} · {bytes(f.size)}</span>
            <button type="button" class="plain quiet" title={f.sha256} onClick={() => copy(f.sha256)}>{t('export.sum')}</button>
          </li>
        ))}
      </ul>
      {p.e.truncated && <p class="warning">{t('export.truncated', { n: p.e.processed_records, total: p.e.total_records ?? 0, why: known('truncated', p.e.truncated_reason ?? '') })}</p>}
    </div>
  )
}

// State says what has become of an export.
export function State(p: { e: { status: Export['status'] } }) {
  return <span class={`state ${p.e.status}`}>{known('state', p.e.status)}</span>
}

interface DialogProps {
  question: { jql: string; indexes: string[]; asOf: string } | { filter: string }
  fields: string[]
  all: FieldInfo[]
  total: number | null
  zone?: string // if it is not that of the page
  close: () => void
}

// ExportDialog asks how to export, and then shows how far it is.
export function ExportDialog(p: DialogProps) {
  const [made, setMade] = useState<Export | null>(null)
  return (
    <Dialog title={t('export.title')} close={p.close}>
      {made ? <Following first={made} close={p.close} again={() => setMade(null)} /> : <Form {...p} made={setMade} />}
    </Dialog>
  )
}

function Form(p: DialogProps & { made: (e: Export) => void }) {
  const { server } = useSession()
  const mine = useSignal(zone)
  const here = p.zone ?? mine
  const [sent] = useState(key())
  const work = useWork()
  const [o, setO] = useState({
    format: server.formats[0] ?? 'csv', columns: p.fields.length ? 'shown' : 'all', title: '', compression: 'none', labels: true, most: '', bom: true, delimiter: ',',
    lists: '', separator: '', part: '', storage: server.storage[0] ?? '',
  })
  const set = (name: keyof typeof o) => (v: string | boolean) => setO((old) => ({ ...old, [name]: v }))
  const start = () => work.run(async () => {
    const options: Record<string, unknown> = { time_zone: here, labels: o.labels }
    if (o.title.trim()) options['title'] = o.title.trim()
    if (o.compression !== 'none') options['compression'] = o.compression
    if (o.lists) options['lists'] = o.lists
    if (o.separator) options['list_separator'] = o.separator
    if (o.part) options['part_rows'] = Number(o.part)
    if (o.format === 'csv') Object.assign(options, { bom: o.bom, delimiter: o.delimiter })
    const body: Record<string, unknown> = { format: o.format, options }
    if ('filter' in p.question) body['filter_id'] = p.question.filter
    else Object.assign(body, { jql: p.question.jql, allowed_indexes: p.question.indexes }, p.question.asOf && { as_of: p.question.asOf })
    if (o.columns === 'shown') body['fields'] = p.fields
    if (o.most) body['max_results'] = Number(o.most)
    if (server.storage.length > 1) body['storage'] = o.storage
    p.made(await call<Export>('v1/exports', { method: 'POST', body, headers: { 'Idempotency-Key': sent + print(body) } }))
  })
  return (
    <form onSubmit={(e) => { e.preventDefault(); start() }}>
      {p.total !== null && <p>{tn('export.what', p.total)}</p>}
      <fieldset class="formats">
        <legend>{t('export.format')}</legend>
        {server.formats.map((f) => (
          <label key={f} class="pick"><input type="radio" name="format" value={f} checked={o.format === f} onChange={() => set('format')(f)} /> <b>{known('format', f)}</b>
            <span class="quiet">{known('formatHelp', f) === f ? '' : known('formatHelp', f)}</span></label>
        ))}
      </fieldset>
      {p.fields.length > 0 && <Choice label={t('columns')} value={o.columns} set={set('columns')} of={[['shown', tn('export.shown', p.fields.length)], ['all', t('export.allColumns')]]} />}
      <Check label={t('export.labels')} value={o.labels} set={set('labels')} />
      <details>
        <summary>{t('export.more')}</summary>
        <Text label={t('export.name')} value={o.title} set={set('title')} max={200} help={t('export.nameHelp')} />
        <Choice label={t('export.compression')} value={o.compression} set={set('compression')} of={['none', 'gzip', 'zip'].map((c) => [c, known('compression', c)])} />
        <Choice label={t('export.lists')} value={o.lists} set={set('lists')} of={[['', t('export.asFormat')], ...['join', 'explode', 'json'].map((l): [string, string] => [l, known('lists', l)])]} />
        {o.lists === 'join' && <Text label={t('export.separator')} value={o.separator} set={set('separator')} max={50} />}
        {o.format === 'csv' && <>
          <Choice label={t('export.delimiter')} value={o.delimiter} set={set('delimiter')} of={[[',', ','], [';', ';'], ['|', '|'], ['\t', t('export.tab')]]} />
          <Check label={t('export.bom')} value={o.bom} set={set('bom')} />
        </>}
        <Text label={t('export.part')} type="number" value={o.part} set={set('part')} help={t('export.partHelp')} />
        <Text label={t('export.most')} type="number" value={o.most} set={set('most')} help={t('export.mostHelp')} />
        {server.storage.length > 1 && <Choice label={t('export.storage')} value={o.storage} set={set('storage')} of={server.storage.map((s) => [s, s])} />}
      </details>
      <p class="quiet">{t('export.zone', { zone: here })}{'asOf' in p.question && p.question.asOf && ` ${t('ask.asOf', { when: instant(p.question.asOf, here) })}.`}</p>
      <Failure error={work.error} />
      <footer>
        <button type="button" onClick={p.close}>{t('cancel')}</button>
        <button type="submit" class="main" disabled={work.busy}>{t('export.start')}</button>
      </footer>
    </form>
  )
}

// print is a short mark of a body, so that the same form sent twice is one export, and a changed one another.
function print(body: unknown): string {
  let h = 2166136261
  for (const c of JSON.stringify(body)) h = Math.imul(h ^ c.charCodeAt(0), 16777619)
  return '-' + (h >>> 0).toString(16)
}

function Following(p: { first: Export; close: () => void; again: () => void }) {
  const [e, setE] = useState(p.first)
  const [error, setError] = useState<unknown>(null)
  const work = useWork()
  const here = useSignal(zone)
  useEffect(() => {
    const stop = new AbortController()
    follow(p.first.id, stop.signal, setE).catch((f: unknown) => { if (!stop.signal.aborted) setError(f) })
    return () => stop.abort()
  }, [p.first.id])
  return (
    <div class="following">
      <p role="status"><State e={e} /> {e.status === 'completed' && tn('records', e.processed_records)}</p>
      <Progress e={e} />
      <Files e={e} />
      {e.error && <p class="failure" role="alert">{e.error.message}</p>}
      {e.status === 'completed' && e.expires_at && <p class="quiet">{t('export.until', { when: instant(e.expires_at, here) })}</p>}
      {running(e) && <p class="quiet">{t('export.goOn')}</p>}
      <Failure error={error ?? work.error} />
      <footer>
        {running(e)
          ? <button type="button" class="danger" disabled={work.busy} onClick={() => work.run(async () => { await cancelExport(e) })}>{t('export.cancel')}</button>
          : <button type="button" onClick={p.again}>{t('export.another')}</button>}
        <span class="space" />
        <a class="button" href="#/exports" onClick={p.close}>{t('export.all')}</a>
        <button type="button" class="main" onClick={p.close}>{t('close')}</button>
      </footer>
      <p class="offscreen" aria-live="polite">{e.status === 'completed' ? t('export.done', { n: count(e.processed_records) }) : ''}</p>
    </div>
  )
}
