import { useEffect, useState } from 'preact/hooks'
import { call, download, send } from './api.ts'
import { State } from './exporting.tsx'
import { FhirDialog } from './fhirdialog.tsx'
import { bytes, instant, known, t, tn } from './i18n.ts'
import { many } from './lists.ts'
import { Choice, Confirm, Failure, Nothing, say, Tabs, Text, useLoaded, useWork, Waiting } from './parts.tsx'
import { useSession, zone } from './session.ts'
import { useSignal } from './signal.ts'
import type { FhirExport } from './types.ts'

// page is how many exports are shown at once.
const page = 30

const states = ['initiated', 'processing', 'completed', 'failed', 'expired']

function running(e: FhirExport): boolean {
  return e.status === 'initiated' || e.status === 'processing'
}

function statusPath(e: FhirExport): string {
  return `fhir/r4/$export-status/${encodeURIComponent(e.id)}`
}

function remove(e: FhirExport): Promise<Response> {
  return send(statusPath(e), { method: 'DELETE', headers: { Accept: 'application/fhir+json' } })
}

// FhirExports are the exports of resources that were made and are being made: one's own, and for administrators those of all.
export function FhirExports() {
  const { me } = useSession()
  const [whose, setWhose] = useState<'me' | 'all'>('me')
  const [user, setUser] = useState('')
  const [status, setStatus] = useState('')
  const [most, setMost] = useState(page)
  const [open, setOpen] = useState<'' | 'new' | FhirExport>('')
  const query = { user_id: whose === 'me' ? '' : user.trim() || '*', status }
  const list = useLoaded((stop) => many<FhirExport>('v1/fhir-exports', 'exports', query, most, stop), [whose, user, status, most])
  const found = list.value
  const busy = found?.all.some(running) ?? false
  useEffect(() => {
    if (!busy) return undefined
    const id = setInterval(() => { if (document.visibilityState === 'visible') list.again() }, 1000)
    return () => clearInterval(id)
  }, [busy])
  const close = () => setOpen('')
  return (
    <div class="list">
      <h1>{t('nav.fhir')}</h1>
      <p class="quiet">{t('fhir.about')}</p>
      <div class="bar fields">
        {me.permissions.includes('admin') && <Tabs label={t('exports.whose')} value={whose} set={setWhose} of={[['me', 'exports.mine'], ['all', 'exports.all']]} />}
        {whose === 'all' && <Text label={t('audit.user')} value={user} set={setUser} max={200} />}
        <Choice label={t('fhir.state')} value={status} set={setStatus} of={[['', t('fhir.anyState')], ...states.map((s): [string, string] => [s, known('state', s)])]} />
        <span class="space" />
        <button type="button" onClick={list.again}>{t('refresh')}</button>
        <button type="button" class="main" onClick={() => setOpen('new')}>{t('fhir.new')}</button>
      </div>
      <Failure error={list.error} again={list.again} />
      {!found && !list.error && <Waiting />}
      {found?.all.length === 0 && <Nothing title={t(status || user ? 'fhir.noneSo' : 'exports.none')}><p>{t('fhir.noneHelp')}</p></Nothing>}
      <ul class="cards">
        {found?.all.map((e) => <Card key={e.id} e={e} all={whose === 'all'} changed={list.again} drop={() => setOpen(e)} />)}
      </ul>
      {found && !found.last && <button type="button" onClick={() => setMost((n) => n + page)}>{t('more')}</button>}
      {open === 'new' && <FhirDialog close={close} begun={() => { setWhose('me'); setStatus(''); say(t('fhir.begun')); list.again() }} />}
      {typeof open === 'object' && <Confirm title={t('exports.delete')} text={t('exports.deleteText')} yes={t('delete')} close={close} run={async () => { await remove(open); list.again() }} />}
    </div>
  )
}

function Card(p: { e: FhirExport; all: boolean; changed: () => void; drop: () => void }) {
  const { e } = p
  const here = useSignal(zone)
  const work = useWork()
  const [shown, setShown] = useState(false)
  const [ran, setRan] = useState(running(e))
  useEffect(() => { // whoever has waited for it wants its files
    if (running(e)) setRan(true)
    else if (ran && e.status === 'completed') setShown(true)
  }, [e.status])
  const cancel = () => work.run(async () => { await remove(e); say(t('fhir.cancelled')); p.changed() })
  const done = e.status === 'completed'
  return (
    <li class="card">
      <div class="head">
        <h2 dir="auto">{t(`fhir.of.${e.level}`, { group: e.group ?? '' })}</h2>
        <State e={e} />
      </div>
      <ul class="types" aria-label={t('fhir.types')}>{e.types.map((name) => <li key={name}>{name}</li>)}</ul>
      <Asked e={e} />
      <p class="quiet">
        {instant(e.created_at, here)}{p.all && ` · ${e.user_id}`}
        {done && ` · ${tn('resources', e.resources)}`}
        {done && e.deletions > 0 && ` · ${tn('fhir.deletions', e.deletions)}`}
        {done && ` · ${t('fhir.stored', { size: bytes(e.bytes) })}`}
        {done && e.expires_at && ` · ${t('export.until', { when: instant(e.expires_at, here) })}`}
      </p>
      {e.error && e.status === 'failed' && <p class="failure">{e.error.message}{e.error.transient && ` ${t('fhir.transient')}`}</p>}
      {e.unmappable > 0 && e.status !== 'expired' && <p class="warning">{tn('fhir.unmappable', e.unmappable)}</p>}
      {running(e) && <Doing e={e} />}
      {done && shown && <Files e={e} />}
      <Failure error={work.error} />
      <div class="actions">
        {done && e.files > 0 && <button type="button" aria-expanded={shown} onClick={() => setShown(!shown)}>{tn('fhir.files', e.files)}</button>}
        {running(e)
          ? <button type="button" class="danger" disabled={work.busy} onClick={cancel}>{t('export.cancel')}</button>
          : <button type="button" class="danger" onClick={p.drop}>{t('delete')}</button>}
      </div>
    </li>
  )
}

// Asked says what was asked for, besides the types.
function Asked(p: { e: FhirExport }) {
  const { e } = p
  const here = useSignal(zone)
  const all: [string, string][] = []
  if (e.since) all.push([t('fhir.since'), instant(e.since, here)])
  if (e.until) all.push([t('fhir.until'), instant(e.until, here)])
  if (e.patients) all.push([t('fhir.patients'), tn('fhir.named', e.patients)])
  if (e.elements?.length) all.push([t('fhir.elements'), e.elements.join(', ')])
  if (e.filters?.length) all.push([t('fhir.filters'), e.filters.join(', ')])
  if (all.length === 0) return null
  return <dl class="asked">{all.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
}

// Doing shows how far an export is: "24% Observation: 12000 of 50000".
function Doing(p: { e: FhirExport }) {
  const m = /^\d+% ([^:]+)(?:: (\d+) of (\d+))?$/.exec(p.e.doing)
  const what = m?.[1] ?? ''
  return (
    <div class="progress">
      <progress max={100} value={p.e.status === 'initiated' ? undefined : p.e.progress} aria-label={t('export.progress')} />
      <p class="quiet" role="status">
        {known('doing', what)}{m?.[3] && ` · ${t('export.of', { n: Number(m[2]), total: Number(m[3]) })}`} · {tn('resources', p.e.resources)}
      </p>
    </div>
  )
}

interface Output { type?: string; url: string; count: number; fileSize: number }
interface Manifest { output: Output[]; error: Output[]; deleted?: Output[]; link?: { relation: string; url: string }[] }
interface Lists { output: Output[]; deleted: Output[]; error: Output[] }

// manifest reads all pages of what an export has made.
async function manifest(e: FhirExport, stop: AbortSignal): Promise<Lists> {
  const all: Lists = { output: [], deleted: [], error: [] }
  for (let page = 0, more = true; more; page++) {
    const m = await call<Manifest>(statusPath(e), { query: { page: page || undefined }, signal: stop })
    all.output.push(...m.output)
    all.deleted.push(...m.deleted ?? [])
    all.error.push(...m.error)
    more = m.link?.some((l) => l.relation === 'next') ?? false
  }
  return all
}

// Files are what an export has made, to be downloaded.
function Files(p: { e: FhirExport }) {
  const got = useLoaded((stop) => manifest(p.e, stop), [p.e.id])
  const work = useWork()
  if (!got.value) return got.error ? <Failure error={got.error} again={got.again} /> : <Waiting />
  const lists = got.value
  const save = (name: string) => work.run(() => download(`fhir/r4/$export-file/${encodeURIComponent(p.e.id)}/${encodeURIComponent(name)}`, name))
  return (
    <div class="files">
      <Failure error={work.error} />
      {(['output', 'deleted', 'error'] as const).filter((what) => lists[what].length > 0).map((what) => (
        <section key={what}>
          <h3>{t(`fhir.files.${what}`)}</h3>
          <ul>
            {lists[what].map((f) => {
              const name = decodeURIComponent(f.url.slice(f.url.lastIndexOf('/') + 1))
              return <li key={name}><button type="button" disabled={work.busy} onClick={() => save(name)}>{t('download')} {name}</button> <span class="quiet">{tn('fhir.lines', f.count)} · {bytes(f.fileSize)}</span></li>
            })}
          </ul>
        </section>
      ))}
      {lists.output.length === 0 && <p class="quiet">{t('fhir.nothing')}</p>}
    </div>
  )
}
