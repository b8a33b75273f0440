import { useEffect, useState } from 'preact/hooks'
import { askAddress } from './ask.tsx'
import { cancelExport, Files, Progress, running, State } from './exporting.tsx'
import { instant, known, t, tn } from './i18n.ts'
import { many } from './lists.ts'
import { Confirm, Failure, Nothing, Tabs, useLoaded, useWork, Waiting } from './parts.tsx'
import { useSession, zone } from './session.ts'
import { useSignal } from './signal.ts'
import type { Export } from './types.ts'

// page is how many exports are shown at once.
const page = 30

// Exports are those that were made and are being made: one's own, and for administrators those of all.
export function Exports() {
  const { me } = useSession()
  const [whose, setWhose] = useState<'me' | 'all'>('me')
  const [most, setMost] = useState(page)
  const [drop, setDrop] = useState<Export | null>(null)
  const list = useLoaded((stop) => many<Export>('v1/exports', 'exports', { user_id: whose === 'all' ? '*' : '' }, most, stop), [whose, most])
  const found = list.value
  const busy = found?.all.some(running) ?? false
  useEffect(() => {
    if (!busy) return undefined
    const id = setInterval(() => { if (document.visibilityState === 'visible') list.again() }, 1500)
    return () => clearInterval(id)
  }, [busy])
  return (
    <div class="list">
      <h1>{t('nav.exports')}</h1>
      <div class="bar">
        {me.permissions.includes('admin') && <Tabs label={t('exports.whose')} value={whose} set={setWhose} of={[['me', 'exports.mine'], ['all', 'exports.all']]} />}
        <span class="space" />
        <button type="button" onClick={list.again}>{t('refresh')}</button>
      </div>
      <Failure error={list.error} again={list.again} />
      {!found && !list.error && <Waiting />}
      {found && found.all.length === 0 && <Nothing title={t('exports.none')}><p>{t('exports.noneHelp')}</p></Nothing>}
      <ul class="cards">
        {found?.all.map((e) => <Card key={e.id} e={e} all={whose === 'all'} changed={list.again} drop={() => setDrop(e)} />)}
      </ul>
      {found && !found.last && <button type="button" onClick={() => setMost((n) => n + page)}>{t('more')}</button>}
      {drop && <Confirm title={t('exports.delete')} text={t('exports.deleteText')} yes={t('delete')} close={() => setDrop(null)} run={async () => { await cancelExport(drop); list.again() }} />}
    </div>
  )
}

function Card(p: { e: Export; all: boolean; changed: () => void; drop: () => void }) {
  const { e } = p
  const here = useSignal(zone)
  const work = useWork()
  return (
    <li class="card">
      <div class="head">
        <h2 dir="auto">{e.options.title || e.files[0]?.name || t('exports.title', { format: known('format', e.format), when: instant(e.created_at, here) })}</h2>
        <State e={e} />
      </div>
      <pre class="jql">{e.jql || t('ask.everything')}</pre>
      <p class="quiet">
        {known('format', e.format)} · {instant(e.created_at, here)}{p.all && ` · ${e.user_id}`}
        {e.status === 'completed' && ` · ${tn('records', e.processed_records)}`}
        {e.status === 'completed' && e.expires_at && ` · ${t('export.until', { when: instant(e.expires_at, here) })}`}
      </p>
      {e.error && e.status === 'failed' && <p class="failure">{e.error.message}</p>}
      <Progress e={e} />
      <Files e={e} />
      <Failure error={work.error} />
      <div class="actions">
        {running(e) && <button type="button" class="danger" disabled={work.busy} onClick={() => work.run(async () => { await cancelExport(e); p.changed() })}>{t('export.cancel')}</button>}
        <a class="button" href={askAddress({ jql: e.jql, indexes: e.allowed_indexes ?? [] })}>{t('exports.ask')}</a>
        {!running(e) && <button type="button" class="danger" onClick={p.drop}>{t('delete')}</button>}
      </div>
    </li>
  )
}
