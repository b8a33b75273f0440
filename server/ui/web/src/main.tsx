import { render, type ComponentChildren, type JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { base, send } from './api.ts'
import { Ask } from './ask.tsx'
import { Audit } from './audit.tsx'
import { granted, refused, token } from './bearer.ts'
import { Boards, Home } from './boards.tsx'
import { Exports } from './exports.tsx'
import { FhirExports } from './fhirexports.tsx'
import { Filters } from './filters.tsx'
import { language, languages, preferred, t, use, type Key } from './i18n.ts'
import { back, returned, signOut } from './issuer.ts'
import { Dialog, Failure, Said, say, useLoaded, Waiting } from './parts.tsx'
import { go, route as routeSignal, type Route } from './route.ts'
import { forget, openSession, SessionContext, type Session } from './session.ts'
import { onShortcut } from './shortcuts.ts'
import { SignIn } from './signin.tsx'
import { signal, useSignal } from './signal.ts'

const themes = ['auto', 'light', 'dark'] as const
type Theme = typeof themes[number]

const theme = signal<Theme>((localStorage.getItem('dhr.theme') as Theme | null) ?? 'auto')

function show(to: Theme): void {
  if (to === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = to
  localStorage.setItem('dhr.theme', to)
  theme.set(to)
}

interface Screen { path: string; name: Key; key: string; when: (s: Session) => boolean }

const screens: Screen[] = [
  { path: 'dashboards', name: 'nav.dashboards', key: 'd', when: (s) => s.boards },
  { path: 'ask', name: 'nav.ask', key: 'a', when: (s) => s.me.permissions.includes('view') },
  { path: 'filters', name: 'nav.filters', key: 'f', when: (s) => s.server.roles.includes('filter') },
  { path: 'exports', name: 'nav.exports', key: 'e', when: (s) => s.server.formats.length > 0 },
  { path: 'fhir', name: 'nav.fhir', key: 'h', when: (s) => s.fhir },
  { path: 'audit', name: 'nav.audit', key: 'u', when: (s) => s.me.permissions.includes('audit') },
]

// Page is the whole page.
function Page() {
  useSignal(language)
  const mine = useSignal(token)
  const out = useSignal(refused)
  const [session, setSession] = useState<Session | null>(null)
  const [error, setError] = useState<unknown>(null)
  const [round, setRound] = useState(0)
  useEffect(() => {
    let on = true
    forget()
    setSession(null)
    setError(null)
    openSession().then((s) => { if (on) setSession(s) }, (e: unknown) => { if (on) setError(e) })
    return () => { on = false }
  }, [mine, round])
  if (out) return <Frame session={null}><SignIn /></Frame>
  if (!session) return <Frame session={null}>{error ? <Failure error={error} again={() => setRound((n) => n + 1)} /> : <Waiting />}</Frame>
  return <SessionContext.Provider value={session}><Frame session={session}><Place session={session} /></Frame></SessionContext.Provider>
}

// Lazy is a screen whose program is loaded when it is first seen.
function Lazy(p: { load: () => Promise<{ default: (p: { route: Route }) => JSX.Element }>; route: Route }) {
  const got = useLoaded(p.load, [])
  const Screen = got.value?.default
  return Screen ? <Screen route={p.route} key={p.route.params.get('id')} /> : got.error ? <Failure error={got.error} again={got.again} /> : <Waiting />
}

function Place(p: { session: Session }) {
  const route = useSignal(routeSignal)
  if (route.path === 'home') return <Home />
  if (route.path === 'dashboard' && p.session.boards) return <Lazy route={route} load={() => import('./board.tsx')} />
  switch (screens.find((s) => s.path === route.path && s.when(p.session))?.path) {
    case 'dashboards': return <Boards />
    case 'ask': return <Ask route={route} />
    case 'filters': return <Filters />
    case 'exports': return <Exports />
    case 'fhir': return <FhirExports />
    case 'audit': return <Audit />
  }
  return <div class="nothing"><h1>{t('nav.nowhere')}</h1><p><a href="#/ask">{t('nav.ask')}</a></p></div>
}

function seesQueues(s: Session | null): boolean {
  return s?.server.queues === true && s.me.permissions.includes('admin')
}

// Queues is the way to the queues of workers. They are pages of their own, to which the browser brings no token of this one: with one, they are opened to it first.
function Queues() {
  const at = `${base}admin/queues/`
  const open = (e: MouseEvent) => {
    if (!token.get()) return
    e.preventDefault()
    send('v1/queues/pass', { method: 'POST' }).then(() => location.assign(at), (f: unknown) => say(f instanceof Error ? f.message : String(f)))
  }
  return <a href={at} onClick={open}>{t('nav.queues')}</a>
}

// Frame is what is around every screen.
function Frame(p: { session: Session | null; children: ComponentChildren }) {
  const route = useSignal(routeSignal)
  const [help, setHelp] = useState(false)
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const open = p.session ? screens.filter((s) => s.when(p.session as Session)) : []
  const here = screens.find((s) => s.path === route.path || s.path === `${route.path}s`)
  useEffect(() => {
    document.title = here && p.session ? `${t(here.name)} · ${t('name')}` : t('name')
    if (!first.current && p.session) main.current?.focus({ preventScroll: true })
    first.current = !p.session
    document.querySelector('.top nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }) // on a phone there is not room for all
  }, [route.path, p.session])
  useEffect(() => onShortcut({ '?': () => setHelp(true), ...Object.fromEntries(open.map((s) => [`g ${s.key}`, () => go(`#/${s.path}`)])) }), [p.session])
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); main.current?.focus() }}>{t('nav.skip')}</a>
      <header class="top">
        <a class="brand" href="#/" aria-label={t('name')}><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="7" /><path d="M5 18h5l3-9 5 15 3-9h6" /></svg><span>{t('name')}</span></a>
        {open.length > 0 && <nav aria-label={t('nav.screens')}>{open.map((s) => <a key={s.path} href={`#/${s.path}`} aria-current={s === here ? 'page' : undefined}>{t(s.name)}</a>)}{seesQueues(p.session) && <Queues />}</nav>}
        <span class="space" />
        <Settings session={p.session} help={() => setHelp(true)} />
      </header>
      <main ref={main} id="main" tabIndex={-1}>{p.children}</main>
      <Said />
      {help && <Help close={() => setHelp(false)} open={open} />}
    </>
  )
}

function Settings(p: { session: Session | null; help: () => void }) {
  const look = useSignal(theme)
  const tag = useSignal(language)
  return (
    <div class="settings">
      {languages.length > 1 && (
        <select aria-label={t('language')} value={tag} onChange={(e) => void use(e.currentTarget.value)}>
          {languages.map((l) => <option key={l.tag} value={l.tag} lang={l.tag} selected={l.tag === tag}>{l.name}</option>)}
        </select>
      )}
      <select aria-label={t('theme')} value={look} onChange={(e) => show(e.currentTarget.value as Theme)}>
        {themes.map((v) => <option key={v} value={v} selected={v === look}>{t(`theme.${v}`)}</option>)}
      </select>
      {p.session && <span class="who" title={t('who', { user: p.session.me.user, tenant: p.session.me.tenant, roles: p.session.me.roles.join(', ') })}>{granted()?.name ?? p.session.me.user}</span>}
      {token.get() && <button type="button" class="plain" onClick={() => void signOut(seesQueues(p.session))}>{t('signout')}</button>}
      <button type="button" class="plain icon" onClick={p.help} aria-label={t('help')} title={t('help')}>?</button>
    </div>
  )
}

function Help(p: { close: () => void; open: Screen[] }) {
  const keys: [string, string][] = [
    ...p.open.map((s): [string, string] => [`g ${s.key}`, t('help.go', { name: t(s.name) })]),
    ['/', t('help.query')], ['Enter', t('help.run')], ['Shift + Enter', t('help.line')], ['Ctrl + Space', t('help.complete')], ['Tab', t('help.accept')],
    ['s', t('help.save')], ['e', t('help.export')], ['c', t('help.columns')],
    ['↑ ↓ ← →', t('help.move')], ['Ctrl + Home / End', t('help.ends')], ['Ctrl + C', t('help.copy')], ['Esc', t('help.close')], ['?', t('help')],
  ]
  return (
    <Dialog title={t('help')} close={p.close}>
      <table class="keys"><tbody>{keys.map(([k, what]) => <tr key={k}><th scope="row"><kbd>{k}</kbd></th><td>{what}</td></tr>)}</tbody></table>
      <p class="quiet"><a href={`${document.documentElement.dataset['base'] ?? ''}docs`}>{t('help.api')}</a></p>
    </Dialog>
  )
}

const by = back()
show(theme.get())
await use(preferred())
await returned(by)
const root = document.getElementById('page')
if (root) {
  root.replaceChildren()
  render(<Page />, root)
}
