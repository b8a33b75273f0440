import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'
import { call, versioned } from './api.ts'
import { t, known } from './i18n.ts'
import { Dialog, Failure, say, useLoaded, useWork, Waiting } from './parts.tsx'
import { stale } from './filterdialogs.tsx'
import type { Level, Share } from './types.ts'

interface Shared { name: string; owner: string; permission: Level; share_permissions: Share[] | null }

// SharingDialog says with whom a thing is shared: who may see it, and not what records they may see.
export function SharingDialog(p: { path: string; help: string; saved: () => void; close: () => void; more?: (done: () => void) => ComponentChildren }) {
  const got = useLoaded(() => versioned<Shared>(p.path), [p.path])
  return (
    <Dialog title={got.value ? t('share.title', { name: got.value.value.name }) : t('share')} close={p.close}>
      <Failure error={got.error} again={got.again} />
      {got.value ? <Form key={got.value.etag} {...p} thing={got.value.value} etag={got.value.etag} again={got.again} /> : !got.error && <Waiting />}
    </Dialog>
  )
}

interface FormProps { path: string; help: string; thing: Shared; etag: string; saved: () => void; close: () => void; again: () => void; more?: (done: () => void) => ComponentChildren }

function Form(p: FormProps) {
  const [all, setAll] = useState<Share[]>(p.thing.share_permissions ?? [])
  const [kept, setKept] = useState(false)
  const work = useWork()
  const may = p.thing.permission === 'owner' || p.thing.permission === 'admin'
  const change = (i: number, to: Partial<Share>) => setAll((old) => old.map((s, n) => n === i ? { ...s, ...to } : s))
  const save = () => work.run(async () => {
    const sent = all.map((s) => s.type === 'public' ? { type: s.type, permission: s.permission } : { ...s, id: (s.id ?? '').trim() })
    await call(`${p.path}/permissions`, { method: 'PUT', body: { share_permissions: sent }, headers: { 'If-Match': p.etag } })
    say(t('share.saved', { name: p.thing.name }))
    p.saved()
    if (p.more) setKept(true)
    else p.close()
  })
  if (kept && p.more) return <>{p.more(p.close)}</>
  return (
    <form onSubmit={(e) => { e.preventDefault(); save() }}>
      <p class="quiet">{p.help}</p>
      <p>{t('share.owner', { owner: p.thing.owner })}</p>
      {all.length === 0 && <p>{t('share.none')}</p>}
      <ul class="shares">
        {all.map((s, i) => <Row key={i} s={s} may={may} change={(to) => change(i, to)} remove={() => setAll((old) => old.filter((_, n) => n !== i))} />)}
      </ul>
      {may
        ? <p class="choice">
            <button type="button" onClick={() => setAll((old) => [...old, { type: 'user', id: '', permission: 'read' }])}>{t('share.user')}</button>
            <button type="button" onClick={() => setAll((old) => [...old, { type: 'group', id: '', permission: 'read' }])}>{t('share.group')}</button>
            <button type="button" disabled={all.some((s) => s.type === 'public')} onClick={() => setAll((old) => [...old, { type: 'public', permission: 'read' }])}>{t('share.public')}</button>
          </p>
        : <p class="quiet">{t('share.mayNot')}</p>}
      <Failure error={work.error} again={stale(work.error) ? p.again : undefined} />
      <footer>
        <button type="button" onClick={p.close}>{t('cancel')}</button>
        {may && <button type="submit" class="main" disabled={work.busy}>{t('save')}</button>}
      </footer>
    </form>
  )
}

function Row(p: { s: Share; may: boolean; change: (to: Partial<Share>) => void; remove: () => void }) {
  const id = useId()
  const { s } = p
  const who = s.type === 'public' ? t('share.everybody') : s.id ?? ''
  return (
    <li>
      {s.type === 'public'
        ? <span class="grow">{t('share.everybody')}</span>
        : <span class="grow">
            <label for={id}>{t(s.type === 'user' ? 'share.userName' : 'share.groupName')}</label>
            <input id={id} value={s.id ?? ''} required disabled={!p.may} maxLength={255} autocomplete="off" onInput={(e) => p.change({ id: e.currentTarget.value })} />
          </span>}
      <select aria-label={t('share.level', { who })} value={s.permission} disabled={!p.may} onChange={(e) => p.change({ permission: e.currentTarget.value as Level })}>
        {(['read', 'write', 'admin'] as Level[]).map((l) => <option key={l} value={l} selected={l === s.permission}>{known('level', l)}</option>)}
      </select>
      {p.may && <button type="button" class="plain icon" onClick={p.remove} aria-label={t('share.remove', { who })} title={t('share.remove', { who })}>✕</button>}
    </li>
  )
}
