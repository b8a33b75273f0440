import { call } from './api.ts'

// Many are the first things of a list, and whether they are all.
export interface Many<T> { all: T[]; last: boolean; total: number }

// most is how many a server lists at once.
const most = 1000

// many asks for the first things of a list, however many: page after page, by tokens where the list has them.
export async function many<T>(path: string, name: string, query: Record<string, string>, wanted: number, stop: AbortSignal): Promise<Many<T>> {
  const all: T[] = []
  let token = ''
  for (;;) {
    const place = token ? { page_token: token } : { start_at: all.length || undefined }
    const page = await call<Record<string, unknown>>(path, { query: { ...query, ...place, max_results: Math.min(wanted - all.length, most) }, signal: stop })
    const got = page[name] as T[]
    all.push(...got)
    token = page['next_page_token'] as string | undefined ?? ''
    const last = page['is_last'] === true
    if (last || got.length === 0 || all.length >= wanted) return { all, last, total: page['total'] as number | undefined ?? all.length }
  }
}
