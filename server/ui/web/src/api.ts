import { current, Refusal, refused, renew, session, token } from './bearer.ts'
import { t } from './i18n.ts'
import { exactly } from './numbers.ts'

// base is the path under which the page and the API lie. It ends with a slash.
export const base = document.documentElement.dataset['base'] || new URL('.', location.href).pathname

// A Complaint is one mistake of a query, or of another part of a request.
export interface Complaint {
  message: string
  code?: string
  location?: string
  offset?: number
  length?: number
  line?: number
  column?: number
  found?: string
  expected?: string[]
  suggestion?: string
}

// A Problem is an answer that says what went wrong.
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, title: string, readonly detail: string, readonly errors: Complaint[], readonly trace: string) {
    super(detail || title)
  }
}

export interface Ask {
  method?: string
  body?: unknown
  query?: Record<string, string | number | string[] | undefined>
  headers?: Record<string, string>
  signal?: AbortSignal
}

// same throws a Problem if it is no longer the session that whose was.
function same(whose: number): void {
  if (session() !== whose) throw new Problem(0, 'session', t('error.session'), t('error.session'), [], '')
}

// send asks the API, and throws a Problem unless it answers well. What is asked for one user is not sent, nor answered, for the next.
export async function send(path: string, ask: Ask = {}): Promise<Response> {
  const url = new URL(base + path, location.origin)
  for (const [name, value] of Object.entries(ask.query ?? {})) {
    for (const v of Array.isArray(value) ? value : [value]) if (v !== undefined && v !== '') url.searchParams.append(name, String(v))
  }
  const headers: Record<string, string> = { Accept: 'application/json', ...ask.headers }
  if (ask.body !== undefined) headers['Content-Type'] ??= 'application/json'
  const whose = session()
  const by = await current()
  let answer = await sent(url, ask, headers, by, whose)
  if (answer.status === 401 && await another(by)) {
    const next = await current()
    answer = await sent(url, ask, headers, next, whose)
  }
  same(whose)
  if (answer.ok) return answer
  throw await problemOf(answer)
}

// another reports whether a request that was refused can be sent with another token.
async function another(by: string): Promise<boolean> {
  try {
    return await renew(by)
  } catch (e) {
    const text = e instanceof Refusal ? t(e.key, e.values) : String(e)
    throw new Problem(0, 'unreachable', text, text, [], '')
  }
}

async function sent(url: URL, ask: Ask, headers: Record<string, string>, by: string, whose: number): Promise<Response> {
  same(whose)
  if (by) headers['Authorization'] = `Bearer ${by}`
  let answer: Response
  try {
    answer = await fetch(url, {
      method: ask.method ?? 'GET', headers, cache: 'no-store', credentials: 'same-origin',
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }), ...(ask.signal ? { signal: ask.signal } : {}),
    })
  } catch (e) {
    if (ask.signal?.aborted) throw e
    throw new Problem(0, 'unreachable', t('error.unreachable'), t('error.unreachable'), [], '')
  }
  same(whose)
  return answer
}

async function problemOf(answer: Response): Promise<Problem> {
  if (answer.status === 401) refused.set(true)
  let p: Record<string, unknown> = {}
  try {
    p = await answer.json() as Record<string, unknown>
  } catch {
    // What stands between the page and the API may answer with something else.
  }
  const text = (name: string) => typeof p[name] === 'string' ? p[name] as string : ''
  const wait = answer.headers.get('Retry-After')
  const issues = Array.isArray(p['issue']) ? p['issue'] as { diagnostics?: string }[] : [] // FHIR says it in an OperationOutcome
  const detail = text('detail') || issues.map((i) => i.diagnostics ?? '').filter((d) => d !== '').join(' ') || t('error.status', { status: String(answer.status) })
  return new Problem(answer.status, text('code'), text('title'),
    answer.status === 429 && wait ? `${detail}. ${t('error.wait', { seconds: wait })}` : detail,
    Array.isArray(p['errors']) ? p['errors'] as Complaint[] : [], text('trace_id'))
}

// read is send for an answer that is read in one way.
async function read<T>(path: string, ask: Ask, way: (answer: Response) => Promise<T>): Promise<T> {
  const whose = session()
  const value = await way(await send(path, ask))
  same(whose)
  return value
}

// call is send for an answer in JSON.
export async function call<T>(path: string, ask: Ask = {}): Promise<T> {
  return read(path, ask, async (answer) => (answer.status === 204 ? undefined : await answer.json()) as T)
}

// callExactly is call for records: numbers that JavaScript would change stay as they are written.
export async function callExactly<T>(path: string, ask: Ask = {}): Promise<T> {
  return read(path, ask, async (answer) => exactly(await answer.text()) as T)
}

// versioned is call for a thing that is changed later, with its ETag.
export async function versioned<T>(path: string, ask: Ask = {}): Promise<{ value: T; etag: string }> {
  return read(path, ask, async (answer) => ({ value: await answer.json() as T, etag: answer.headers.get('ETag') ?? '' }))
}

// key returns a name for a request that may be sent again.
export function key(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
}

// events reads Server-Sent Events, which EventSource could not ask for with a token. It returns true if the stream was read to its event end.
export async function events(path: string, stop: AbortSignal, each: (data: unknown) => void): Promise<boolean> {
  const answer = await send(path, { headers: { Accept: 'text/event-stream' }, signal: stop })
  if (answer.status === 204 || !answer.body) return true
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return false
    text += value
    for (let at = text.indexOf('\n\n'); at >= 0; at = text.indexOf('\n\n')) {
      const lines = text.slice(0, at).split('\n')
      text = text.slice(at + 2)
      const data = lines.filter((l) => l.startsWith('data:')).map((l) => l.slice(5).trim()).join('\n')
      if (data) each(JSON.parse(data))
      if (lines.some((l) => l === 'event: end')) {
        void reader.cancel()
        return true
      }
    }
  }
}

interface Saved { createWritable(): Promise<WritableStream<Uint8Array>> }

interface Picker { showSaveFilePicker?: (o: { suggestedName: string }) => Promise<Saved> }

// patience is how long somebody may choose where to save a file before it is asked for anew: the server does not wait for ever.
const patience = 20_000

// download saves what the API has at a path. Without a token the browser does it alone; with one, it is read here, straight to
// disk where the browser can. What a storage elsewhere has, this page may not read: the browser is sent there, which needs no token.
export async function download(path: string, name: string): Promise<void> {
  if (!token.get()) {
    follow(base + path, name)
    return
  }
  const whose = session()
  const ask = () => send(path, { headers: { Accept: '*/*', Prefer: 'no-redirect' } })
  let answer = await ask()
  if (answer.status === 204 && answer.headers.get('Preference-Applied') === 'no-redirect') {
    follow(answer.headers.get('Location') ?? '', name, true)
    return
  }
  const asked = performance.now()
  const file = await chosen(name)
  if (file === 'nowhere') {
    void answer.body?.cancel()
  } else if (file) {
    if (performance.now() - asked > patience) {
      void answer.body?.cancel()
      same(whose)
      answer = await ask()
    }
    await answer.body?.pipeTo(await file.createWritable())
  } else {
    await keep(answer, name)
  }
}

// keep saves an answer by way of the browser's memory.
async function keep(answer: Response, name: string): Promise<void> {
  const url = URL.createObjectURL(await answer.blob())
  follow(url, name)
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

// chosen asks where to save a file, where the browser can ask.
async function chosen(name: string): Promise<Saved | 'nowhere' | null> {
  try {
    return await (window as Picker).showSaveFilePicker?.({ suggestedName: name }) ?? null
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') return 'nowhere' // nobody chose
    if (e instanceof DOMException && e.name === 'SecurityError') return null // the click was too long ago
    throw e
  }
}

// follow has the browser save what is at a URL. Elsewhere it may be shown instead, and so in a tab of its own.
function follow(url: string, name: string, elsewhere = false): void {
  const a = document.createElement('a')
  a.href = url
  if (elsewhere) Object.assign(a, { target: '_blank', rel: 'noopener noreferrer' })
  else a.download = name
  document.body.append(a)
  a.click()
  a.remove()
}
