import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { Problem } from './api.ts'
import { t, known, type Key } from './i18n.ts'
import { signal, useSignal } from './signal.ts'

const said = signal<{ text: string; n: number }>({ text: '', n: 0 })
let saying = 0

// say shows a short text for a while, and has screen readers read it.
export function say(text: string): void {
  said.set({ text, n: ++saying })
}

export function Said() {
  const now = useSignal(said)
  useEffect(() => {
    if (!now.text) return undefined
    const id = setTimeout(() => said.set({ text: '', n: now.n }), 5000)
    return () => clearTimeout(id)
  }, [now])
  return <div class="said" role="status" aria-live="polite">{now.text && <p>{now.text}</p>}</div>
}

// Dialog is a window above the page. It is closed by Escape, too.
export function Dialog(p: { title: string; close: () => void; wide?: boolean; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    if (box.current && !box.current.open) box.current.showModal()
    return () => before?.focus?.()
  }, [])
  return (
    <dialog ref={box} class={p.wide ? 'wide' : ''} aria-labelledby={id} onCancel={(e) => { e.preventDefault(); p.close() }} onClose={p.close}>
      <header>
        <h2 id={id}>{p.title}</h2>
        <button type="button" class="plain icon" onClick={p.close} aria-label={t('close')} title={t('close')}>✕</button>
      </header>
      {p.children}
    </dialog>
  )
}

// Failure says in words what went wrong.
export function Failure(p: { error: unknown; again?: () => void }) {
  if (!p.error) return null
  const e = p.error
  const more = e instanceof Problem ? e.errors.filter((c) => c.message && !e.detail.includes(c.message)) : []
  return (
    <div class="failure" role="alert">
      <p>{e instanceof Problem ? sentence(e) : t('error.unexpected', { what: String(e) })}</p>
      {more.length > 0 && <ul>{more.map((c) => <li key={c.message}>{c.message}</li>)}</ul>}
      {e instanceof Problem && e.status >= 500 && e.trace && <p class="quiet">{t('error.trace', { trace: e.trace })}</p>}
      {p.again && <button type="button" onClick={p.again}>{t('again')}</button>}
    </div>
  )
}

function sentence(e: Problem): string {
  const own = known('problem', e.code)
  const text = own === e.code ? e.message : `${own} ${e.message}`.trim()
  return text.charAt(0).toUpperCase() + text.slice(1)
}

// Nothing is what is shown where there is nothing, and what can be done about it.
export function Nothing(p: { title: string; children?: ComponentChildren }) {
  return <div class="nothing"><p class="title">{p.title}</p>{p.children}</div>
}

export function Waiting() {
  return <p class="waiting" role="status"><span class="spin" aria-hidden="true" />{t('waiting')}</p>
}

// Confirm asks before something is done that cannot be undone.
export function Confirm(p: { title: string; text: string; yes: string; run: () => Promise<void>; close: () => void }) {
  const work = useWork()
  return (
    <Dialog title={p.title} close={p.close}>
      <p>{p.text}</p>
      <Failure error={work.error} />
      <footer>
        <button type="button" onClick={p.close}>{t('cancel')}</button>
        <button type="button" class="danger" disabled={work.busy} onClick={() => work.run(async () => { await p.run(); p.close() })}>{p.yes}</button>
      </footer>
    </Dialog>
  )
}

// useWork runs what takes time, one at a time, and keeps its error.
export function useWork() {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const run = (f: () => Promise<void>) => {
    setBusy(true)
    setError(null)
    f().catch(setError).finally(() => setBusy(false))
  }
  return { busy, error, run, setError }
}

// useLoaded loads something, again when what it depends on changes.
export function useLoaded<T>(load: (stop: AbortSignal) => Promise<T>, on: unknown[]) {
  const [state, setState] = useState<{ value?: T; error?: unknown }>({})
  const [round, setRound] = useState(0)
  useEffect(() => {
    const stop = new AbortController()
    load(stop.signal).then(
      (value) => { if (!stop.signal.aborted) setState({ value }) },
      (error: unknown) => { if (!stop.signal.aborted) setState((s) => ({ ...s, error })) },
    )
    return () => stop.abort()
  }, [...on, round])
  return { ...state, again: () => setRound((n) => n + 1) }
}

// Field is a labelled input, with what is to be known about it below.
export function Field(p: { label: string; help?: string | undefined; children: (id: string, described: string | undefined) => ComponentChildren }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{p.label}</label>
      {p.children(id, p.help ? id + 'h' : undefined)}
      {p.help && <p class="quiet" id={id + 'h'}>{p.help}</p>}
    </div>
  )
}

export function Text(p: { label: string; value: string; set: (v: string) => void; help?: string; type?: string; required?: boolean; max?: number; list?: string[]; mono?: boolean }) {
  return (
    <Field label={p.label} help={p.help}>
      {(id, d) => <>
        <input id={id} aria-describedby={d} type={(p.type ?? 'text') as 'text'} value={p.value} required={p.required} maxLength={p.max} autocomplete="off"
          class={p.mono ? 'mono' : ''} list={p.list ? id + 'l' : undefined} onInput={(e) => p.set(e.currentTarget.value)} />
        {p.list && <datalist id={id + 'l'}>{p.list.map((v) => <option key={v} value={v} />)}</datalist>}
      </>}
    </Field>
  )
}

export function Choice(p: { label: string; value: string; set: (v: string) => void; of: [string, string][]; help?: string }) {
  return (
    <Field label={p.label} help={p.help}>
      {(id, d) => (
        <select id={id} aria-describedby={d} value={p.value} onChange={(e) => p.set(e.currentTarget.value)}>
          {p.of.map(([v, text]) => <option key={v} value={v} selected={v === p.value}>{text}</option>)}
        </select>
      )}
    </Field>
  )
}

export function Check(p: { label: string; value: boolean; set: (v: boolean) => void; help?: string }) {
  const id = useId()
  return (
    <div class="check">
      <input id={id} type="checkbox" checked={p.value} onChange={(e) => p.set(e.currentTarget.checked)} />
      <label for={id}>{p.label}</label>
      {p.help && <p class="quiet">{p.help}</p>}
    </div>
  )
}

// Tabs are choices of which one is on.
export function Tabs<V extends string>(p: { label: string; value: V; set: (v: V) => void; of: [V, Key][] }) {
  return (
    <div class="tabs" role="group" aria-label={p.label}>
      {p.of.map(([v, key]) => <button key={v} type="button" aria-pressed={v === p.value} onClick={() => p.set(v)}>{t(key)}</button>)}
    </div>
  )
}

// copy puts a text on the clipboard, also where the page has no secure origin.
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    const box = document.createElement('textarea')
    box.value = text
    box.className = 'offscreen'
    const before = document.activeElement as HTMLElement | null
    document.body.append(box)
    box.select()
    document.execCommand('copy')
    box.remove()
    before?.focus()
  }
  say(t('copied'))
}
