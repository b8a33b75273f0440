import { useState } from 'preact/hooks'
import { send } from './api.ts'
import { askAddress } from './ask.tsx'
import { ExportDialog } from './exporting.tsx'
import { EditDialog, filterPath } from './filterdialogs.tsx'
import { instant, t, tn } from './i18n.ts'
import { many } from './lists.ts'
import { Confirm, Failure, Nothing, Tabs, useLoaded, useWork, Waiting } from './parts.tsx'
import { useSession, zone } from './session.ts'
import { SharingDialog } from './sharing.tsx'
import { useSignal } from './signal.ts'
import type { Filter } from './types.ts'

type Owner = 'all' | 'me' | 'shared' | 'favourite'

// page is how many filters are shown at once.
const page = 50

// Filters are the saved questions.
export function Filters() {
  const [owner, setOwner] = useState<Owner>('all')
  const [name, setName] = useState('')
  const [most, setMost] = useState(page)
  const list = useLoaded((stop) => many<Filter>('v1/filters', 'filters', { owner, name }, most, stop), [owner, name, most])
  const [open, setOpen] = useState<{ what: 'edit' | 'share' | 'delete' | 'export'; f: Filter } | null>(null)
  const close = () => setOpen(null)
  const found = list.value
  return (
    <div class="list">
      <h1>{t('nav.filters')}</h1>
      <div class="bar">
        <Tabs label={t('filter.whose')} value={owner} set={setOwner} of={[['all', 'filter.all'], ['me', 'filter.mine'], ['shared', 'filter.shared'], ['favourite', 'filter.favourites']]} />
        <input type="search" value={name} onInput={(e) => setName(e.currentTarget.value)} placeholder={t('find')} aria-label={t('filter.find')} maxLength={255} />
        <span class="space" />
        <a class="button main" href="#/ask">{t('filter.new')}</a>
      </div>
      <Failure error={list.error} again={list.again} />
      {!found && !list.error && <Waiting />}
      {found && found.all.length === 0 && <Nothing title={t(name ? 'filter.noneFound' : 'filter.none')}><p>{t('filter.noneHelp')}</p></Nothing>}
      {found && found.all.length > 0 && <p class="quiet" role="status">{tn('filters', found.total)}</p>}
      <ul class="cards">
        {found?.all.map((f) => <Card key={f.id} f={f} changed={list.again} open={(what) => setOpen({ what, f })} />)}
      </ul>
      {found && !found.last && <button type="button" onClick={() => setMost((n) => n + page)}>{t('more')}</button>}
      {open?.what === 'edit' && <EditDialog id={open.f.id} saved={list.again} close={close} />}
      {open?.what === 'share' && <SharingDialog path={filterPath(open.f.id)} help={t('share.filterHelp')} saved={list.again} close={close} />}
      {open?.what === 'export' && <ExportDialog question={{ filter: open.f.id }} fields={[]} all={[]} total={null} close={close} />}
      {open?.what === 'delete' && <Confirm title={t('filter.delete')} text={t('filter.deleteText', { name: open.f.name })} yes={t('delete')} close={close}
        run={async () => { await send(filterPath(open.f.id), { method: 'DELETE', headers: { 'If-Match': `"${open.f.version}"` } }); list.again() }} />}
    </div>
  )
}

function Card(p: { f: Filter; changed: () => void; open: (what: 'edit' | 'share' | 'delete' | 'export') => void }) {
  const { f } = p
  const { me } = useSession()
  const here = useSignal(zone)
  const work = useWork()
  const may = f.permission !== 'read'
  const favour = () => work.run(async () => { await send(`${filterPath(f.id)}/favourite`, { method: f.favourite ? 'DELETE' : 'PUT' }); p.changed() })
  const duplicate = () => work.run(async () => { await send(`${filterPath(f.id)}/copy`, { method: 'POST' }); p.changed() })
  return (
    <li class="card">
      <div class="head">
        <button type="button" class={`plain icon star${f.favourite ? ' on' : ''}`} aria-pressed={f.favourite} disabled={work.busy} onClick={favour}
          aria-label={t('filter.star', { name: f.name })} title={t('filter.star', { name: f.name })}>{f.favourite ? '★' : '☆'}</button>
        <h2 dir="auto"><a href={askAddress({ jql: f.jql, indexes: f.allowed_indexes ?? [], filter: f.id })}>{f.name}</a></h2>
      </div>
      {f.description && <p dir="auto">{f.description}</p>}
      <pre class="jql">{f.jql || t('ask.everything')}</pre>
      <p class="quiet">{f.owner === me.user ? t('filter.yours') : t('filter.of', { owner: f.owner })} · {shared(f)} · {t('filter.changed', { when: instant(f.updated_at, here) })}</p>
      <Failure error={work.error} />
      <div class="actions">
        {me.permissions.includes('export') && <button type="button" onClick={() => p.open('export')}>{t('export')}</button>}
        <button type="button" disabled={work.busy} onClick={duplicate}>{t('copy')}</button>
        {may && <button type="button" onClick={() => p.open('edit')}>{t('edit')}</button>}
        <button type="button" onClick={() => p.open('share')}>{t('share')}</button>
        {(f.permission === 'owner' || f.permission === 'admin') && <button type="button" class="danger" onClick={() => p.open('delete')}>{t('delete')}</button>}
      </div>
    </li>
  )
}

function shared(f: Filter): string {
  const all = f.share_permissions ?? []
  if (all.some((s) => s.type === 'public')) return t('share.withAll')
  return all.length === 0 ? t('share.withNobody') : tn('share.with', all.length)
}
