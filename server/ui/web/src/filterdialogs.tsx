import { useState } from 'preact/hooks'
import { call, versioned } from './api.ts'
import { t } from './i18n.ts'
import { Check, Dialog, Failure, Field, say, Text, useLoaded, useWork, Waiting } from './parts.tsx'
import type { Filter } from './types.ts'

export function filterPath(id: string): string {
  return `v1/filters/${encodeURIComponent(id)}`
}

// SaveDialog saves a question: as a new filter, or as the next version of the one that it came from.
export function SaveDialog(p: { jql: string; indexes: string[]; filter: string; zone: string; asOf: string; saved: (f: Filter) => void; close: () => void }) {
  const old = useLoaded(async () => p.filter ? versioned<Filter>(filterPath(p.filter)) : null, [p.filter])
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const [favourite, setFavourite] = useState(false)
  const work = useWork()
  const done = (f: Filter) => { say(t('filter.saved', { name: f.name })); p.saved(f); p.close() }
  const create = () => work.run(async () => {
    done(await call<Filter>('v1/filters', { method: 'POST', body: { name, description, jql: p.jql, allowed_indexes: p.indexes, favourite } }))
  })
  const replace = (v: { value: Filter; etag: string }) => work.run(async () => {
    done(await call<Filter>(filterPath(v.value.id), {
      method: 'PATCH', body: { jql: p.jql, allowed_indexes: p.indexes }, headers: { 'If-Match': v.etag, 'Content-Type': 'application/merge-patch+json' },
    }))
  })
  const mine = old.value && old.value.value.permission !== 'read' ? old.value : null
  return (
    <Dialog title={t('filter.save')} close={p.close}>
      <form onSubmit={(e) => { e.preventDefault(); create() }}>
        <pre class="jql">{p.jql || t('ask.everything')}</pre>
        {(p.zone || p.asOf) && <p class="warning">{p.asOf && t('filter.noAsOf')} {p.zone && t('filter.noZone', { zone: p.zone })}</p>}
        {mine && (
          <p class="choice">
            <button type="button" class="main" disabled={work.busy} onClick={() => replace(mine)}>{t('filter.update', { name: mine.value.name })}</button>
            <span class="quiet">{t('filter.orNew')}</span>
          </p>
        )}
        <Text label={t('filter.name')} value={name} set={setName} required max={255} />
        <Text label={t('filter.description')} value={description} set={setDescription} max={4096} />
        <Check label={t('filter.favourite')} value={favourite} set={setFavourite} />
        <Failure error={work.error} />
        <footer>
          <button type="button" onClick={p.close}>{t('cancel')}</button>
          <button type="submit" class={mine ? '' : 'main'} disabled={work.busy || name.trim() === ''}>{t('filter.create')}</button>
        </footer>
      </form>
    </Dialog>
  )
}

// EditDialog changes what a filter says of itself, and its question.
export function EditDialog(p: { id: string; saved: () => void; close: () => void }) {
  const got = useLoaded(() => versioned<Filter>(filterPath(p.id)), [p.id])
  return (
    <Dialog title={t('filter.edit')} close={p.close}>
      <Failure error={got.error} again={got.again} />
      {got.value ? <EditForm key={got.value.etag} f={got.value.value} etag={got.value.etag} {...p} again={got.again} /> : !got.error && <Waiting />}
    </Dialog>
  )
}

function EditForm(p: { f: Filter; etag: string; saved: () => void; close: () => void; again: () => void }) {
  const [f, setF] = useState({ name: p.f.name, description: p.f.description, jql: p.f.jql })
  const work = useWork()
  const save = () => work.run(async () => {
    await call<Filter>(filterPath(p.f.id), { method: 'PATCH', body: f, headers: { 'If-Match': p.etag, 'Content-Type': 'application/merge-patch+json' } })
    say(t('filter.saved', { name: f.name }))
    p.saved()
    p.close()
  })
  const set = (name: keyof typeof f) => (v: string) => setF((old) => ({ ...old, [name]: v }))
  return (
    <form onSubmit={(e) => { e.preventDefault(); save() }}>
      <Text label={t('filter.name')} value={f.name} set={set('name')} required max={255} />
      <Text label={t('filter.description')} value={f.description} set={set('description')} max={4096} />
      <Field label={t('ask.query')}>{(id) => <textarea id={id} class="mono" rows={4} spellcheck={false} value={f.jql} onInput={(e) => set('jql')(e.currentTarget.value)} />}</Field>
      <Failure error={work.error} again={stale(work.error) ? p.again : undefined} />
      <footer>
        <button type="button" onClick={p.close}>{t('cancel')}</button>
        <button type="submit" class="main" disabled={work.busy || f.name.trim() === ''}>{t('save')}</button>
      </footer>
    </form>
  )
}

// stale reports whether a change was refused because somebody else has changed the thing meanwhile.
export function stale(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 412
}
