import { useEffect, useState } from 'preact/hooks'
import { call } from './api.ts'
import { instant, t } from './i18n.ts'
import { Failure, Nothing, Text, useWork, Waiting } from './parts.tsx'
import { zone } from './session.ts'
import { useSignal } from './signal.ts'
import type { AuditEntry } from './types.ts'

interface Page { entries: AuditEntry[]; is_last: boolean }

const actions = ['query.run', 'export.request', 'export.complete', 'export.download', 'filter.create', 'filter.share', 'filter.delete', 'auth.failure']

// Audit shows who did what.
export function Audit() {
  const here = useSignal(zone)
  const [user, setUser] = useState('')
  const [action, setAction] = useState('')
  const [from, setFrom] = useState('')
  const [all, setAll] = useState<AuditEntry[] | null>(null)
  const [last, setLast] = useState(true)
  const work = useWork()
  const load = (after?: number) => work.run(async () => {
    const p = await call<Page>('v1/audit', { query: { user, action, from: from ? new Date(from).toISOString() : '', after, max_results: 100 } })
    setAll((old) => after === undefined ? p.entries : [...old ?? [], ...p.entries])
    setLast(p.is_last)
  })
  useEffect(() => {
    const id = setTimeout(() => load(), 250)
    return () => clearTimeout(id)
  }, [user, action, from])
  return (
    <div class="list">
      <h1>{t('nav.audit')}</h1>
      <div class="bar fields">
        <Text label={t('audit.user')} value={user} set={setUser} max={200} />
        <Text label={t('audit.action')} value={action} set={setAction} max={64} list={actions} />
        <Text label={t('audit.from')} value={from} set={setFrom} type="datetime-local" />
      </div>
      <Failure error={work.error} again={() => load()} />
      {!all && !work.error && <Waiting />}
      {all?.length === 0 && <Nothing title={t('audit.none')} />}
      {all && all.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t('nav.audit')}>
          <table>
            <thead><tr><th>{t('audit.when', { zone: here })}</th><th>{t('audit.user')}</th><th>{t('audit.action')}</th><th>{t('audit.object')}</th><th class="number">{t('audit.count')}</th><th>{t('audit.address')}</th><th>{t('audit.detail')}</th></tr></thead>
            <tbody>
              {all.map((e) => (
                <tr key={e.seq}>
                  <td>{instant(e.time, here)}</td><td>{e.user}</td><td class="mono">{e.action}</td><td class="mono">{e.object}</td>
                  <td class="number">{e.count ?? ''}</td><td>{e.address}</td>
                  <td class="quiet">{Object.entries(e.detail ?? {}).filter(([, v]) => v).map(([k, v]) => `${k} ${v}`).join(' · ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {all && !last && <button type="button" disabled={work.busy} onClick={() => load(all[all.length - 1]?.seq)}>{t('more')}</button>}
    </div>
  )
}
