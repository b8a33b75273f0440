import { useState } from 'preact/hooks'
import { call } from './api.ts'
import { boardPath } from './boardtypes.ts'
import { known, t } from './i18n.ts'
import { Failure, useLoaded, useWork, Waiting } from './parts.tsx'
import type { Share } from './types.ts'

interface Outcome { filter_id: string; name?: string; outcome: string; adds: Share[]; reason?: string }
interface Outcomes { filters: Outcome[] }

// Cascade offers to share the filters of a dashboard with those who may see it, and says first what that would do.
export function Cascade(p: { id: string; close: () => void }) {
  const path = `${boardPath(p.id)}/permissions/cascade`
  const dry = useLoaded(() => call<Outcomes>(path, { method: 'POST', query: { dry_run: 'true' } }), [p.id])
  const [done, setDone] = useState<Outcomes | null>(null)
  const work = useWork()
  const all = (done ?? dry.value)?.filters ?? []
  const open = !done && all.some((f) => f.outcome === 'would_share')
  const who = (s: Share) => s.type === 'public' ? t('share.everybody') : s.id ?? ''
  return (
    <div>
      <p>{t(done ? 'cascade.done' : open ? 'cascade.text' : 'cascade.nothing')}</p>
      {!dry.value && !dry.error && <Waiting />}
      <ul>
        {all.map((f) => <li key={f.filter_id}>{f.name ?? f.filter_id}: {known('cascade', f.outcome)}{f.adds.length > 0 && ` (${f.adds.map(who).join(', ')})`}{f.reason && ` – ${f.reason}`}</li>)}
      </ul>
      <Failure error={dry.error ?? work.error} />
      <footer>
        <button type="button" class={open ? '' : 'main'} onClick={p.close}>{t('close')}</button>
        {open && <button type="button" class="main" disabled={work.busy} onClick={() => work.run(async () => setDone(await call<Outcomes>(path, { method: 'POST' })))}>{t('cascade.share')}</button>}
      </footer>
    </div>
  )
}
