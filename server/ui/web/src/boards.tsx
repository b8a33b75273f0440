import { useEffect, useState } from 'preact/hooks'
import { call, send } from './api.ts'
import { boardPath, type BoardInfo, type BoardList } from './boardtypes.ts'
import { Cascade } from './cascade.tsx'
import { instant, t, tn } from './i18n.ts'
import { many } from './lists.ts'
import { Confirm, Dialog, Failure, Nothing, Tabs, Text, useLoaded, useWork, Waiting } from './parts.tsx'
import { address, go } from './route.ts'
import { useSession, zone } from './session.ts'
import { SharingDialog } from './sharing.tsx'
import { useSignal } from './signal.ts'

type Owner = 'all' | 'me' | 'shared' | 'favourite'

const page = 50

// Home goes to what is opened in the morning: the favourite dashboard, or else the questions.
export function Home() {
  const { boards } = useSession()
  useEffect(() => {
    const stop = new AbortController()
    const ask = '#/ask'
    if (!boards) go(ask, true)
    else {
      call<BoardList>('v1/dashboards', { query: { owner: 'favourite', max_results: 1 }, signal: stop.signal }).then((l) => {
        const first = l.dashboards[0]
        go(first ? address('dashboard', { id: first.id }) : ask, true)
      }, () => { if (!stop.signal.aborted) go(ask, true) })
    }
    return () => stop.abort()
  }, [])
  return <Waiting />
}

// Boards are the dashboards that there are.
export function Boards() {
  const [owner, setOwner] = useState<Owner>('all')
  const [name, setName] = useState('')
  const [most, setMost] = useState(page)
  const [open, setOpen] = useState<{ what: 'new' } | { what: 'share' | 'delete'; b: BoardInfo } | null>(null)
  const list = useLoaded((stop) => many<BoardInfo>('v1/dashboards', 'dashboards', { owner, name }, most, stop), [owner, name, most])
  const close = () => setOpen(null)
  const found = list.value
  return (
    <div class="list">
      <h1>{t('nav.dashboards')}</h1>
      <div class="bar">
        <Tabs label={t('board.whose')} value={owner} set={setOwner} of={[['all', 'filter.all'], ['me', 'filter.mine'], ['shared', 'filter.shared'], ['favourite', 'filter.favourites']]} />
        <input type="search" value={name} onInput={(e) => setName(e.currentTarget.value)} placeholder={t('find')} aria-label={t('board.find')} maxLength={255} />
        <span class="space" />
        <button type="button" class="main" onClick={() => setOpen({ what: 'new' })}>{t('board.new')}</button>
      </div>
      <Failure error={list.error} again={list.again} />
      {!found && !list.error && <Waiting />}
      {found && found.all.length === 0 && <Nothing title={t(name ? 'board.noneFound' : 'board.none')}><p>{t('board.noneHelp')}</p></Nothing>}
      <ul class="cards">
        {found?.all.map((b) => <Card key={b.id} b={b} changed={list.again} open={(what) => setOpen({ what, b })} />)}
      </ul>
      {found && !found.last && <button type="button" onClick={() => setMost((n) => n + page)}>{t('more')}</button>}
      {open?.what === 'new' && <NewDialog close={close} />}
      {open?.what === 'share' && <ShareBoard b={open.b} saved={list.again} close={close} />}
      {open?.what === 'delete' && <Confirm title={t('board.delete')} text={t('board.deleteText', { name: open.b.name })} yes={t('delete')} close={close}
        run={async () => { await send(boardPath(open.b.id), { method: 'DELETE', headers: { 'If-Match': `"${open.b.version}"` } }); list.again() }} />}
    </div>
  )
}

// ShareBoard says with whom a dashboard is shared, and then whether its filters are, too.
export function ShareBoard(p: { b: { id: string }; saved: () => void; close: () => void }) {
  return <SharingDialog path={boardPath(p.b.id)} help={t('share.boardHelp')} saved={p.saved} close={p.close} more={(done) => <Cascade id={p.b.id} close={done} />} />
}

function Card(p: { b: BoardInfo; changed: () => void; open: (what: 'share' | 'delete') => void }) {
  const { b } = p
  const { me } = useSession()
  const here = useSignal(zone)
  const work = useWork()
  const act = (path: string, method: string) => work.run(async () => { await send(boardPath(b.id) + path, { method }); p.changed() })
  return (
    <li class="card">
      <div class="head">
        <button type="button" class={`plain icon star${b.favourite ? ' on' : ''}`} aria-pressed={b.favourite} disabled={work.busy} onClick={() => act('/favourite', b.favourite ? 'DELETE' : 'PUT')}
          aria-label={t('filter.star', { name: b.name })} title={t('filter.star', { name: b.name })}>{b.favourite ? '★' : '☆'}</button>
        <h2 dir="auto"><a href={address('dashboard', { id: b.id })}>{b.name}</a></h2>
      </div>
      {b.description && <p dir="auto">{b.description}</p>}
      <p class="quiet">{tn('gadgets', b.gadget_count)} · {b.owner === me.user ? t('filter.yours') : t('filter.of', { owner: b.owner })} · {t('filter.changed', { when: instant(b.updated_at, here) })}</p>
      <Failure error={work.error} />
      <div class="actions">
        <button type="button" disabled={work.busy} onClick={() => act('/copy', 'POST')}>{t('copy')}</button>
        <button type="button" onClick={() => p.open('share')}>{t('share')}</button>
        {(b.permission === 'owner' || b.permission === 'admin') && <button type="button" class="danger" onClick={() => p.open('delete')}>{t('delete')}</button>}
      </div>
    </li>
  )
}

function NewDialog(p: { close: () => void }) {
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const work = useWork()
  const create = () => work.run(async () => {
    const made = await call<BoardInfo>('v1/dashboards', { method: 'POST', body: { name, description } })
    p.close()
    go(address('dashboard', { id: made.id, edit: '1' }))
  })
  return (
    <Dialog title={t('board.new')} close={p.close}>
      <form onSubmit={(e) => { e.preventDefault(); create() }}>
        <Text label={t('filter.name')} value={name} set={setName} required max={255} />
        <Text label={t('filter.description')} value={description} set={setDescription} max={4096} />
        <Failure error={work.error} />
        <footer>
          <button type="button" onClick={p.close}>{t('cancel')}</button>
          <button type="submit" class="main" disabled={work.busy || name.trim() === ''}>{t('board.create')}</button>
        </footer>
      </form>
    </Dialog>
  )
}
