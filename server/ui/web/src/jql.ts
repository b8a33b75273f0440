// A Token is a piece of a query. It says nothing about whether the query is right, which the server alone knows.
export interface Token {
  kind: 'field' | 'operator' | 'keyword' | 'function' | 'string' | 'number' | 'value' | 'bracket' | 'bad'
  from: number
  to: number
  word: string // a bare word in lower case; empty otherwise
}

// A State is what the tokens before say of the next.
export interface State {
  place: 'field' | 'operator' | 'value'
  order: boolean // behind ORDER BY
  list: number // how many brackets of a list are open
}

export function start(): State {
  return { place: 'field', order: false, list: 0 }
}

const joins = new Set(['and', 'or', 'not'])
const verbs = new Set(['in', 'is', 'was', 'changed'])
const others = new Set(['by', 'asc', 'desc', 'empty', 'null', 'before', 'after', 'during', 'on', 'from', 'to'])
const signs = /^(?:!=|!~|>=|<=|&&|\|\||[=<>~!&|])/
const wordly = /^(?:\\.|[^\s"'=!<>()~,[\]|&])+/
const quoted = /^(?:"(?:\\.|[^"\\])*("?)|'(?:\\.|[^'\\])*('?))/s

// next reads the token that text begins with, and changes the state to what is behind it. Blanks are the caller's.
export function next(text: string, at: number, s: State): Token {
  const rest = text.slice(at)
  const token = (kind: Token['kind'], length: number, word = ''): Token => ({ kind, from: at, to: at + length, word })
  const sign = signs.exec(rest)
  if (sign) {
    const joint = /^[&|]/.test(sign[0]) || sign[0] === '!'
    s.place = joint ? 'field' : 'value'
    return token('operator', sign[0].length)
  }
  if (rest[0] === '(' || rest[0] === ')' || rest[0] === ',' || rest[0] === '[' || rest[0] === ']') {
    brackets(rest[0], s)
    return token('bracket', 1)
  }
  const q = quoted.exec(rest)
  if (q) {
    const kind = s.place === 'field' ? 'field' : 'string'
    advance(s)
    return token(q[1] || q[2] ? kind : 'bad', q[0].length)
  }
  const w = wordly.exec(rest)
  if (!w) return token('bad', 1)
  return word(w[0], rest, s, token)
}

function brackets(c: string, s: State): void {
  if (c === '(' && (s.place === 'value' || s.list > 0)) s.list++
  else if (c === ')' && s.list > 0) {
    s.list--
    if (s.list === 0) s.place = 'operator'
  } else if (c === ',') s.place = s.order ? 'field' : 'value'
}

function advance(s: State): void {
  if (s.list === 0) s.place = 'operator'
}

function word(w: string, rest: string, s: State, token: (kind: Token['kind'], length: number, word?: string) => Token): Token {
  const low = w.toLowerCase()
  if (s.list === 0) {
    if (low === 'order' && s.place !== 'value') {
      Object.assign(s, { order: true, place: 'field' })
      return token('keyword', w.length, low)
    }
    if (joins.has(low)) {
      s.place = low === 'not' && s.place === 'value' ? 'value' : low === 'not' && s.place === 'operator' ? 'operator' : 'field'
      return token('keyword', w.length, low)
    }
    if (verbs.has(low) && s.place !== 'field') {
      s.place = 'value'
      return token('operator', w.length, low)
    }
  }
  if (others.has(low) && !(low === 'on' && s.place === 'field')) {
    if (low === 'empty' || low === 'null') advance(s)
    if (low === 'asc' || low === 'desc') s.place = 'operator'
    return token('keyword', w.length, low)
  }
  if (/^\s*\(/.test(rest.slice(w.length)) && s.place === 'value') return token('function', w.length)
  const kind = s.place === 'field' ? 'field' : /^-?\d+(?:\.\d+)?$/.test(w) ? 'number' : 'value'
  advance(s)
  return token(kind, w.length, low)
}

// tokens cuts a query into its tokens.
export function tokens(text: string): Token[] {
  const all: Token[] = []
  const s = start()
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text[at] ?? '')) {
      at++
      continue
    }
    const one = next(text, at, s)
    all.push(one)
    at = one.to
  }
  return all
}

// A Sort is one field of an ORDER BY.
export interface Sort {
  field: string // as the query writes it
  descending: boolean
}

// ordering takes a query apart into what is asked and its ORDER BY.
export function ordering(text: string): { where: string; sorts: Sort[] } {
  const all = tokens(text)
  const at = all.findIndex((o, i) => o.word === 'order' && o.kind === 'keyword' && all[i + 1]?.word === 'by')
  if (at < 0) return { where: text.trim(), sorts: [] }
  const sorts: Sort[] = []
  let from = -1
  for (const o of all.slice(at + 2)) {
    const piece = text.slice(o.from, o.to)
    if (piece === ',') from = -1
    else if (from < 0) {
      from = o.from
      sorts.push({ field: piece, descending: false })
    } else {
      const last = sorts[sorts.length - 1]
      if (last && (o.word === 'asc' || o.word === 'desc')) last.descending = o.word === 'desc'
      else if (last) last.field = text.slice(from, o.to)
    }
  }
  return { where: text.slice(0, all[at]?.from).trim(), sorts }
}

// ordered returns a query with another ORDER BY.
export function ordered(text: string, sorts: Sort[]): string {
  const { where } = ordering(text)
  if (sorts.length === 0) return where
  const by = sorts.map((s) => s.field + (s.descending ? ' DESC' : '')).join(', ')
  return `${where}${where ? ' ' : ''}ORDER BY ${by}`
}

// bare returns the path of a field that a query may write in quotes.
export function bare(field: string): string {
  const q = /^(["'])(.*)\1$/s.exec(field)
  return (q?.[2] ?? field).replace(/\\(.)/gs, '$1')
}

// quote returns a path as a query writes it.
export function quote(path: string): string {
  const low = path.toLowerCase()
  const word = joins.has(low) || verbs.has(low) || others.has(low) || low === 'order'
  return /^[\p{L}_][\p{L}\p{M}\p{N}_.-]*$/u.test(path) && !word ? path : JSON.stringify(path)
}

// example returns a query of at most two fields that fits them whatever their values, or nothing if there is no field to ask for.
export function example(fields: { path: string; kind: string; personal: boolean }[]): string {
  const open = fields.filter((f) => !f.personal && !f.path.startsWith('_'))
  const number = open.find((f) => f.kind === 'int' || f.kind === 'uint' || f.kind === 'float')
  const time = open.find((f) => f.kind === 'time')
  const parts = [number && `${quote(number.path)} > 0`, time && `${quote(time.path)} >= startOfYear()`].filter((part) => part !== undefined)
  return parts.join(' AND ') || (open[0] ? `${quote(open[0].path)} is not EMPTY` : '')
}

// units returns where in a text the nth code point begins, in units of UTF-16; points the other way round.
export function units(text: string, n: number): number {
  let at = 0
  for (const c of text) {
    if (n-- <= 0) break
    at += c.length
  }
  return at
}

export function points(text: string, at: number): number {
  return [...text.slice(0, at)].length
}
