import { callExactly } from './api.ts'
import type { RecordInfo, RecordsPage } from './types.ts'

// size is how many records are asked for at once; most is how many pages are kept.
const size = 200
const most = 50

// A Question is what a table shows the records of.
export interface Question {
  jql: string
  allowed_indexes: string[]
  time_zone: string
  as_of?: string
}

// Pages are the records of a question, however many, of which those that were seen last are kept. Up to the server's window of offsets any page can be
// asked for; what lies beyond is reached page by page, by tokens.
export class Pages {
  readonly first: RecordsPage
  private readonly kept = new Map<number, RecordInfo[]>()
  private readonly tokens: string[] = [] // of the pages beyond the window, by their number
  private readonly asked = new Set<number>()
  private readonly stop = new AbortController()
  private readonly window: number
  error: unknown = null
  changed: () => void = () => {}

  private constructor(readonly question: Question, first: RecordsPage, window: number, private readonly pageSize: number) {
    this.first = first
    this.window = Math.floor(window / pageSize)
    this.keep(0, first)
  }

  static async open(question: Question, limits: { max_results: number; max_window: number }, stop: AbortSignal): Promise<Pages> {
    const n = Math.min(size, limits.max_results)
    const first = await callExactly<RecordsPage>('v1/query', { method: 'POST', body: { ...question, max_results: n, count: 'exact' }, signal: stop })
    return new Pages(question, first, limits.max_window, n)
  }

  // total is how many records there are.
  get total(): number {
    return this.first.total ?? this.first.records.length
  }

  // extent is how many records can be reached at present.
  get extent(): number {
    return Math.min(this.total, Math.max(this.window, this.tokens.length) * this.pageSize)
  }

  // at returns the nth record, if it is at hand.
  at(n: number): RecordInfo | undefined {
    return this.kept.get(Math.floor(n / this.pageSize))?.[n % this.pageSize]
  }

  // want asks for the records from one to another that are not at hand.
  want(from: number, to: number): void {
    const last = Math.floor(Math.min(to, this.extent - 1) / this.pageSize)
    for (let page = Math.floor(from / this.pageSize); page <= last; page++) void this.load(page)
  }

  close(): void {
    this.stop.abort()
    this.changed = () => {}
  }

  again(): void {
    this.error = null
    this.changed()
  }

  private keep(page: number, answer: RecordsPage): void {
    this.kept.delete(page)
    this.kept.set(page, answer.records)
    if (page + 1 >= this.window && answer.next_page_token) this.tokens[page + 1] = answer.next_page_token
    for (const old of this.kept.keys()) {
      if (this.kept.size <= most) break
      this.kept.delete(old)
    }
  }

  private async load(page: number): Promise<void> {
    const here = this.kept.get(page)
    if (here) { // seen again, so kept longer
      this.kept.delete(page)
      this.kept.set(page, here)
    }
    if (here || this.asked.has(page) || this.error) return
    this.asked.add(page)
    const token = this.tokens[page]
    const place = page < this.window ? { start_at: page * this.pageSize } : { page_token: token }
    try {
      const body = { ...this.question, ...place, as_of: this.first.as_of, max_results: this.pageSize, count: 'none' }
      this.keep(page, await callExactly<RecordsPage>('v1/query', { method: 'POST', body, signal: this.stop.signal }))
    } catch (e) {
      if (!this.stop.signal.aborted) this.error = e
    } finally {
      this.asked.delete(page)
    }
    this.changed()
  }
}
