import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { call, Problem } from './api.ts'
import { signal } from './signal.ts'
import type { Capabilities, FieldInfo, IndexInfo, Me } from './types.ts'

// A Session is what the page knows of who asks, and of the server.
export interface Session {
  me: Me
  server: Capabilities
  indexes: IndexInfo[]
  boards: boolean // whether there are dashboards
  fhir: boolean // whether who asks may export FHIR
}

export const SessionContext = createContext<Session | null>(null)

export function useSession(): Session {
  const s = useContext(SessionContext)
  if (!s) throw new Error('there is no session')
  return s
}

export async function openSession(): Promise<Session> {
  const [me, server] = await Promise.all([call<Me>('v1/me'), call<Capabilities>('v1/capabilities')])
  const indexes = me.permissions.includes('view') ? (await call<{ indexes: IndexInfo[] }>('v1/indexes')).indexes : []
  const [boards, fhir] = await Promise.all([lists('v1/dashboards'), server.fhir !== undefined && lists('v1/fhir-exports')])
  return { me, server, indexes, boards, fhir }
}

// lists reports whether the server has a list, and shows it to who asks.
async function lists(path: string): Promise<boolean> {
  try {
    await call(path, { query: { max_results: 1 } })
    return true
  } catch (e) {
    if (e instanceof Problem && (e.status === 404 || e.status === 403)) return false
    throw e
  }
}

// renamed are zones that browsers still know by the names of long ago.
const renamed: Record<string, string> = {
  'Asia/Calcutta': 'Asia/Kolkata', 'Asia/Katmandu': 'Asia/Kathmandu', 'Asia/Rangoon': 'Asia/Yangon', 'Asia/Saigon': 'Asia/Ho_Chi_Minh', 'Africa/Asmera': 'Africa/Asmara',
}

export function zoneName(name: string): string {
  return renamed[name] ?? name
}

// zone is the time zone in which instants are shown and days begin.
export const zone = signal(zoneName(localStorage.getItem('dhr.zone') || Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'))

export function setZone(name: string): void {
  localStorage.setItem('dhr.zone', name)
  zone.set(name)
}

// instantIn returns the instant that a clock in a zone shows as a text such as 2026-11-27T10:30. Of the two that an hour has which is shown twice, it is the
// earlier; one that is left out is shown an hour later.
export function instantIn(text: string, zone: string): string {
  const shown = new Date(text + (text.length === 16 ? ':00Z' : 'Z')).getTime()
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
  const ahead = (at: number) => { // how far the zone's clock is ahead of UTC
    const of = (name: string) => Number(parts.formatToParts(at).find((p) => p.type === name)?.value)
    return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - at
  }
  const day = 86_400_000
  const at = [shown - ahead(shown - day), shown - ahead(shown + day)].sort((a, b) => a - b)
  return new Date(at.find((a) => a + ahead(a) === shown) ?? at[1] ?? shown).toISOString()
}

const schemas = new Map<string, Promise<FieldInfo[]>>()

// forget drops what is known of the indexes, which another user may see otherwise.
export function forget(): void {
  schemas.clear()
}

function schema(index: string): Promise<FieldInfo[]> {
  let found = schemas.get(index)
  if (!found) {
    found = call<{ fields: FieldInfo[] }>(`v1/indexes/${encodeURIComponent(index)}`).then((s) => s.fields)
    found.catch(() => schemas.delete(index))
    schemas.set(index, found)
  }
  return found
}

// columnsOf returns the fields of indexes that a table can show, each once.
export async function columnsOf(indexes: string[]): Promise<FieldInfo[]> {
  const all = new Map<string, FieldInfo>()
  for (const fields of await Promise.all(indexes.map(schema))) {
    const paths = new Set(fields.map((f) => f.path))
    for (const f of fields) {
      const parent = f.path.slice(0, Math.max(f.path.lastIndexOf('.'), 0))
      const part = paths.has(parent) && fields.find((g) => g.path === parent && g.kind !== 'object' && g.kind !== 'nested')
      if (f.kind !== 'object' && f.kind !== 'nested' && !part && !all.has(f.path)) all.set(f.path, f)
    }
  }
  return [...all.values()]
}
